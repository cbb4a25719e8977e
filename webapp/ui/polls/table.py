"""Polls, and the replies to one, as files."""

from collections.abc import Callable

from webapp.localtime import Local
from webapp.queries.poll_list import Line
from webapp.queries.polls import Invitee, PollPage, Slot
from webapp.ui.csv_table import Columns
from webapp.ui.polls.page import BADGES
from webapp.vocabulary import Answer, Vote

POLLS: Columns[Line] = (
    ("Reference", lambda line: line.poll_id),
    ("Poll", lambda line: line.title),
    ("Status", lambda line: BADGES[line.status][1]),
    ("With", lambda line: line.host),
    ("Created", lambda line: line.created_at),
    ("Voting closes", lambda line: line.deadline),
    ("Time", lambda line: line.start_time),
    ("Answer until", lambda line: line.confirm_by),
    ("Invited", lambda line: line.invited),
    ("Replied", lambda line: line.replied),
    ("Declined by required invitees", lambda line: line.declined),
)
VOTES = {Vote.YES: "yes", Vote.IF_NEED_BE: "if need be", Vote.NO: "no"}
ANSWERS = {Answer.ACCEPTED: "accepted", Answer.DECLINED: "declined"}


def replies(poll: PollPage, local: Local) -> Columns[Invitee]:
    """One column for each proposed time, named by its start; empty where somebody has not voted on it."""
    return (
        ("Invitee", lambda one: one.name),
        ("E-mail", lambda one: one.email),
        ("Required", lambda one: "yes" if one.required else "no"),
        ("Voted", lambda one: one.voted_at),
        *((local.at(slot.start_time).isoformat(timespec="seconds"), _vote(slot)) for slot in poll.slots),
        ("Answer to the held time", lambda one: ANSWERS[one.answer] if one.answer else None),
        ("Comment", lambda one: one.comment),
    )


def _vote(slot: Slot) -> Callable[[Invitee], object]:
    def given(one: Invitee) -> object:
        vote = one.votes.get(slot.poll_slot_id)
        return VOTES[vote] if vote else None

    return given
