"""Polls as programs read them: the newest first, and one with its times, its invitees and their votes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.errors import Missing
from webapp.models import (
    Account,
    Appointment,
    AppointmentType,
    Poll,
    PollInvitee,
    PollSlot,
    PollVote,
    StaffUser,
)
from webapp.vocabulary import Vote


@dataclass(frozen=True, slots=True)
class PollRecord:
    """A poll with the names around it; while a time is held, with when and until when."""

    poll: Poll
    type_name: str
    staff_name: str
    account_name: str | None
    start_time: datetime | None
    end_time: datetime | None
    confirm_by: datetime | None
    invited: int


@dataclass(frozen=True, slots=True)
class Invited:
    """Somebody asked, and what they said of each time, by its number."""

    invitee: PollInvitee
    votes: dict[int, Vote]


@dataclass(frozen=True, slots=True)
class PollDetail:
    """A poll, its times in order, and its invitees in the order in which they were asked."""

    record: PollRecord
    slots: list[tuple[int, datetime, datetime]]
    invitees: list[Invited]


def page(
    session: Session, *, firm_id: int, before: int | None, size: int
) -> tuple[list[PollRecord], int | None]:
    """Up to ``size`` polls, the newest first, and the number before which it goes on. One statement."""
    statement = sa.select(*_columns()).select_from(_joined()).where(Poll.firm_id == firm_id)
    if before is not None:
        statement = statement.where(Poll.poll_id < before)
    found = [
        PollRecord(*row) for row in session.execute(statement.order_by(Poll.poll_id.desc()).limit(size + 1))
    ]
    return found[:size], found[size - 1].poll.poll_id if len(found) > size else None


def get(session: Session, *, firm_id: int, poll_id: int) -> PollDetail:
    """One poll. Two statements, whatever the number of times and invitees.

    Raises:
        Missing: the firm has no such poll.
    """
    slot = (PollSlot.poll_slot_id, PollSlot.start_time, PollSlot.end_time)
    rows = session.execute(
        sa.select(*_columns(), *slot)
        .select_from(
            _joined().outerjoin(
                PollSlot, sa.and_(PollSlot.firm_id == Poll.firm_id, PollSlot.poll_id == Poll.poll_id)
            )
        )
        .where(Poll.firm_id == firm_id, Poll.poll_id == poll_id)
        .order_by(PollSlot.start_time)
    ).all()
    if not rows:
        raise Missing("There is no such poll.")
    slots = [tuple(row[-len(slot) :]) for row in rows if row[-1] is not None]
    return PollDetail(PollRecord(*rows[0][: -len(slot)]), slots, _invitees(session, firm_id, poll_id))


def _invitees(session: Session, firm_id: int, poll_id: int) -> list[Invited]:
    votes = (  # reached through the times: the index of votes begins with them
        sa.select(PollVote.poll_invitee_id, PollVote.poll_slot_id, PollVote.vote)
        .join(
            PollSlot,
            sa.and_(PollSlot.firm_id == PollVote.firm_id, PollSlot.poll_slot_id == PollVote.poll_slot_id),
        )
        .where(PollVote.firm_id == firm_id, PollSlot.firm_id == firm_id, PollSlot.poll_id == poll_id)
        .subquery("votes")
    )
    found = session.execute(
        sa.select(PollInvitee, votes.c.poll_slot_id, votes.c.vote)
        .outerjoin(votes, votes.c.poll_invitee_id == PollInvitee.poll_invitee_id)
        .where(PollInvitee.firm_id == firm_id, PollInvitee.poll_id == poll_id)
        .order_by(PollInvitee.poll_invitee_id, votes.c.poll_slot_id)
        .execution_options(populate_existing=True)
    )
    invited: dict[int, Invited] = {}
    for invitee, slot_id, vote in found:
        one = invited.setdefault(invitee.poll_invitee_id, Invited(invitee, {}))
        if slot_id is not None:
            one.votes[slot_id] = vote
    return list(invited.values())


def _columns() -> tuple[Any, ...]:
    asked = (
        sa.select(sa.func.count())
        .select_from(PollInvitee)
        .where(PollInvitee.firm_id == Poll.firm_id, PollInvitee.poll_id == Poll.poll_id)
        .correlate(Poll)
        .scalar_subquery()
    )
    return (
        Poll,
        AppointmentType.name,
        StaffUser.name,
        Account.name,
        Appointment.start_time,
        Appointment.end_time,
        Appointment.confirm_by,
        asked,
    )


def _joined() -> Any:
    return (
        sa.join(Poll, AppointmentType, AppointmentType.appointment_type_id == Poll.appointment_type_id)
        .join(StaffUser, StaffUser.staff_user_id == Poll.staff_user_id)
        .outerjoin(Account, Account.account_id == Poll.account_id)
        .outerjoin(Appointment, Appointment.appointment_id == Poll.appointment_id)
    )
