"""What parameters and fields mean, wherever they are called so; a model may say more of its own."""

PARAMETERS = {
    "limit": "How many a page holds at most.",
    "cursor": "Where the page begins; `next` of the page before has it.",
    "from": "Not before this time.",
    "to": "Before this time.",
    "status": "In one of these statuses; repeat it for several.",
    "staff_user_id": "Of this member of staff.",
    "appointment_type_id": "Of this appointment type.",
    "contact_id": "With this contact.",
    "account_id": "With this account.",
    "external_ref": "With this reference in the system that it was imported from.",
    "as_of": "As it was known at this time.",
    "minutes": "How long, in minutes; the length of the type where it is left out.",
    "days": "For so many days.",
}
"""Of an address."""
DAYS = {"from": "The first day.", "to": "The last day."}
"""Of an address, where the value is a day."""
FIELDS = {
    "status": "Which status it gets.",
    "appointment_type_id": "What is booked; see the types.",
    "staff_user_id": "With whom; see the staff.",
    "contact_id": "The client’s contact, whose account comes along. This or account_id is needed to book.",
    "account_id": "The client’s account.",
    "start_time": "When it begins.",
    "end_time": "When it ends. Left out, it keeps the usual length, or the one it has.",
    "confirm_by": "Until when it awaits confirmation; with awaiting_confirmation alone.",
    "location": "The place: a room, a number, a link.",
    "notes": "Notes of the staff; clients do not see them.",
    "reason": "Why; the history keeps it.",
    "note": "What else there is to say of it; the history keeps it.",
    "double_book": "Take a time that is taken, with a reason; needs appointments:manage.",
    "cancelled_by": "On whose side it was called off.",
    "no_show_party": "Who did not come; with no_show alone.",
    "occurred_at": "When that was known, between the start and now. Left out, it is now.",
    "side": "Who joined.",
    "joined_at": "When they joined.",
    "external_id": "Your own number of this fact: the same one again is the same fact.",
    "name": "The name.",
    "email": "Where mail goes to.",
    "phone": "The telephone number.",
    "timezone": "In whose clock mail is written, such as Europe/London.",
}
"""Of a body."""
