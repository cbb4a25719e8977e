"""Polls, to read."""

from typing import Any

from webapp.api import cursors
from webapp.api.operations import Answer, Call, operation
from webapp.api.shapes import Named
from webapp.api.shapes.polls import PollInvitee, PollOut, PollPage, PollQuery, PollRow, PollSlot, PollVote
from webapp.queries import poll_records
from webapp.queries.poll_records import Invited, PollRecord
from webapp.vocabulary import Scope

TAG = "Polls"


@operation(
    "GET",
    "/polls",
    scope=Scope.POLLS_READ,
    answer=PollPage,
    query=PollQuery,
    tag=TAG,
    summary="List polls, the newest first",
)
def list_polls(call: Call, query: PollQuery) -> Answer:
    """Follow ``next`` until it is null."""
    found, following = poll_records.page(
        call.session, firm_id=call.firm_id, before=query.cursor, size=query.limit
    )
    onward = cursors.address("/polls", query, following)
    return Answer(PollPage(polls=[PollRow(**_told(each)) for each in found], next=onward))


@operation(
    "GET", "/polls/<int:poll_id>", scope=Scope.POLLS_READ, answer=PollOut, tag=TAG, summary="Read a poll"
)
def show_poll(call: Call, poll_id: int) -> Answer:
    """With its times, its invitees and their votes."""
    found = poll_records.get(call.session, firm_id=call.firm_id, poll_id=poll_id)
    poll = found.record.poll
    shown = PollOut(
        **_told(found.record),
        location=poll.location,
        notes=poll.notes,
        slots=[
            PollSlot(poll_slot_id=number, start_time=start, end_time=end)
            for number, start, end in found.slots
        ],
        invitees=[_invitee(each) for each in found.invitees],
    )
    return Answer(shown, version=poll.version)


def _told(record: PollRecord) -> dict[str, Any]:
    poll = record.poll
    account = None if poll.account_id is None else Named(id=poll.account_id, name=record.account_name or "")
    return {
        "poll_id": poll.poll_id,
        "title": poll.title,
        "status": poll.status,
        "status_reason": poll.status_reason,
        "appointment_type": Named(id=poll.appointment_type_id, name=record.type_name),
        "staff_user": Named(id=poll.staff_user_id, name=record.staff_name),
        "account": account,
        "deadline": poll.deadline,
        "created_at": poll.created_at,
        "appointment_id": poll.appointment_id,
        "start_time": record.start_time,
        "end_time": record.end_time,
        "confirm_by": record.confirm_by,
        "invited": record.invited,
        "version": poll.version,
    }


def _invitee(invited: Invited) -> PollInvitee:
    one = invited.invitee
    return PollInvitee(
        poll_invitee_id=one.poll_invitee_id,
        contact_id=one.contact_id,
        name=one.name,
        email=one.email,
        required=one.required,
        timezone=one.timezone,
        voted_at=one.voted_at,
        votes=[PollVote(poll_slot_id=number, vote=vote) for number, vote in invited.votes.items()],
        answer=one.answer,
        answered_at=one.answered_at,
        comment=one.comment,
    )
