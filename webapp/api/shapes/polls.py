"""Polls: times proposed to invitees, and what they say of them. Nobody's personal link is among it."""

from typing import Annotated

from pydantic import Field

from webapp.api.shapes import Given, Key, Moment, Named, Told
from webapp.vocabulary import Answer, PollStatus, Vote


class PollRow(Told):
    """A poll in the list. While a time is held, ``appointment_id`` is the appointment that waits, and
    ``confirm_by`` until when.
    """

    poll_id: Key
    title: str
    status: PollStatus
    status_reason: str | None
    appointment_type: Named
    staff_user: Named
    account: Named | None
    deadline: Moment
    created_at: Moment
    appointment_id: Key | None
    start_time: Moment | None
    end_time: Moment | None
    confirm_by: Moment | None
    invited: int
    version: Annotated[int, Field(ge=1)]


class PollPage(Told):
    """Some polls, the newest first; ``next`` is the address of the ones after them."""

    polls: list[PollRow]
    next: str | None


class PollSlot(Told):
    """A time that is proposed."""

    poll_slot_id: Key
    start_time: Moment
    end_time: Moment


class PollVote(Told):
    """What somebody said of one time."""

    poll_slot_id: Key
    vote: Vote


class PollInvitee(Told):
    """Somebody who was asked. ``answer`` is to the time that is held."""

    poll_invitee_id: Key
    contact_id: Key | None
    name: str
    email: str
    required: bool
    timezone: str | None
    voted_at: Moment | None
    votes: list[PollVote]
    answer: Answer | None
    answered_at: Moment | None
    comment: str


class PollOut(PollRow):
    """One poll with its times in order and its invitees."""

    location: str
    notes: str
    slots: list[PollSlot]
    invitees: list[PollInvitee]


class PollQuery(Given):
    """How many, and from where on."""

    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Key | None = None
