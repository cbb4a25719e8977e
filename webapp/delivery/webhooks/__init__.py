"""Status webhooks per the Standard Webhooks specification: what they say, how they are signed and sent.

Each delivery is a row that the transition itself has written (``webapp.lifecycle.deliveries``). It goes out
at least once, and in order for each endpoint and appointment; its id and bytes are the same each time.
"""
