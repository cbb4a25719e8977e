"""Group polls: finding a time with several people.

``drafting`` makes a poll and edits it, ``holding`` holds a time, confirms and calls off, ``answering`` is
what invitees do, ``following`` keeps a poll in step with the appointment that it holds. None commits.
"""
