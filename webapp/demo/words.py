"""What people at the demo firms write down: notes, and reasons of every kind."""

NOTES = (
    "Wants to go through the pension transfer before the end of the tax year.",
    "Brings last year’s return and the letter from the tax office.",
    "Needs step-free access; Room 2 is on the ground floor.",
    "Prefers to be called back on the mobile number.",
    "Second meeting about the estate of her late aunt.\nThe inventory is in the shared folder.",
    "Interpreter booked for the full hour.",
    "Asked for the fee schedule beforehand; sent by e-mail.",
    "Parking space reserved in the yard.",
    "Both partners will attend.",
    "ID check still to be done: passport and proof of address.",
    "Hard of hearing, please sit on the left side.",
    "Considering an offer on the workshop; wants figures, not advice.",
)
REQUESTS = (
    "Initial booking",
    "Asked through the website for the earliest time",
    "Would like to bring my accountant",
    "Only mornings are possible this month",
    "Follow-up to the letter of last week",
)
CLIENT_CANCELS = (
    "Client is ill and will call back next week",
    "Train cancelled, cannot make it in time",
    "Client found the missing papers; the meeting is no longer needed",
    "Childcare fell through",
    "Client has to travel for work",
    "Client decided to wait for the new tax year",
)
FIRM_CANCELS = (
    "Adviser unwell",
    "Heating failure in the building",
    "Conflict of interest found during the checks",
    "Adviser called to court",
)
CLIENT_MOVES = (
    "Client asked for an early afternoon slot",
    "Client’s flight was moved",
    "Client waits for a statement from the bank",
    "Client would rather meet by video",
    "School run; mornings do not work this week",
)
FIRM_MOVES = (
    "Adviser away on that morning",
    "Room needed for a mediation",
    "The land registry has not answered yet",
    "Colleague swapped afternoons",
)
DECLINES = (
    "Outside what the firm advises on; pointed to the ombudsman",
    "No adviser free that day; offered the week after by phone",
    "Duplicate of a booking made by phone",
)
NO_SHOW_NOTES = (
    "Called twice, no answer",
    "Left a message and offered a new time",
    "",
    "Waited until a quarter past",
    "Says the reminder went to an old address",
)
STAFF_NO_SHOW_NOTES = ("Adviser stuck on the motorway; apologised by phone", "Diary mix-up on our side")
BOTH_NO_SHOW_NOTES = ("Snow closed the roads; nobody could come in",)
TO_NO_SHOW = (
    "Marked completed by mistake; the client never arrived",
    "Completed in bulk, but this one did not take place",
)
TO_COMPLETED = (
    "Client was in the downstairs waiting room all along",
    "Met by phone after all; the adviser’s notes show it",
)
DOUBLE_BOOKINGS = (
    "Flies out tonight and only has to sign; Ines steps out for five minutes",
    "Urgent probate deadline tomorrow, agreed with the adviser",
)
PROPOSALS = (
    "Trustees to confirm; proposed by e-mail",
    "Waiting for the co-owner’s answer",
    "Two of three have accepted by phone",
)
