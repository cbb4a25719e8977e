"""The list of polls, how many need a decision, and which poll an appointment belongs to."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Appointment, Poll, PollInvitee, StaffUser
from webapp.queries import snapshots
from webapp.queries.snapshots import Counted
from webapp.vocabulary import Answer, PollStatus, Status

ENDED_SHOWN = 50
RUNNING = (PollStatus.OPEN, PollStatus.HELD)
ENDED = (PollStatus.CONFIRMED, PollStatus.CANCELLED, PollStatus.TIMED_OUT)


@dataclass(frozen=True, slots=True)
class Line:
    """A poll in the list. ``replied`` counts votes while it is open and answers while a time is held."""

    poll_id: int
    title: str
    status: PollStatus
    deadline: datetime
    created_at: datetime
    host: str
    start_time: datetime | None
    confirm_by: datetime | None
    invited: int
    replied: int
    declined: int

    @property
    def next_deadline(self) -> datetime | None:
        if self.status is PollStatus.HELD:
            return self.confirm_by
        return self.deadline if self.status is PollStatus.OPEN else None

    def decision(self, now: datetime) -> str:
        """What staff have to decide on, in words; empty when nothing."""
        if self.status is PollStatus.HELD and self.declined:
            return "Somebody who is required declined"
        if self.status is PollStatus.OPEN and self.deadline <= now:
            return "Voting has closed: hold a time"
        if self.status is PollStatus.OPEN and self.replied == self.invited:
            return "Everybody has replied: hold a time"
        return ""


def running(session: Session, *, firm_id: int) -> list[Line]:
    """Polls that are open or hold a time, next deadline first. One statement."""
    order = sa.case((Poll.status == PollStatus.HELD, Appointment.confirm_by), else_=Poll.deadline)
    asked = _lines(firm_id, RUNNING).order_by(order, Poll.poll_id)
    return [Line(*row) for row in session.execute(asked)]


def ended(session: Session, *, firm_id: int, before: int | None = None) -> tuple[list[Line], int | None]:
    """Polls that are over, newest first, and the key at which the next page begins. One statement."""
    asked = _lines(firm_id, ENDED).order_by(Poll.poll_id.desc()).limit(ENDED_SHOWN + 1)
    if before is not None:
        asked = asked.where(Poll.poll_id < before)
    lines = [Line(*row) for row in session.execute(asked)]
    more = len(lines) > ENDED_SHOWN
    return lines[:ENDED_SHOWN], lines[ENDED_SHOWN - 1].poll_id if more else None


def every(engine: sa.Engine, *, firm_id: int) -> Counted[Line]:
    """All polls, newest first, counted, then fetched while they are read. Two statements."""
    asked = _lines(firm_id, [*PollStatus]).order_by(Poll.poll_id.desc())
    how_many = sa.select(sa.func.count()).select_from(Poll).where(Poll.firm_id == firm_id)
    return snapshots.every(engine, asked, Line, how_many)


def _lines(firm_id: int, statuses: Collection[PollStatus]) -> sa.Select[Any]:
    reply = sa.case(
        (Poll.status == PollStatus.HELD, PollInvitee.answered_at.is_not(None)),
        else_=PollInvitee.voted_at.is_not(None),
    )
    refused = PollInvitee.required & (PollInvitee.answer == Answer.DECLINED)
    return (
        sa.select(
            Poll.poll_id,
            Poll.title,
            Poll.status,
            Poll.deadline,
            Poll.created_at,
            StaffUser.name,
            Appointment.start_time,
            Appointment.confirm_by,
            _of_invitees(sa.func.count()),
            _of_invitees(sa.func.count(sa.case((reply, 1)))),
            _of_invitees(sa.func.count(sa.case((refused, 1)))),
        )
        .join(StaffUser, StaffUser.staff_user_id == Poll.staff_user_id)
        .outerjoin(Appointment, Appointment.appointment_id == Poll.appointment_id)
        .where(Poll.firm_id == firm_id, Poll.status.in_(statuses))
    )


def _of_invitees(what: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
    return (
        sa.select(what)
        .select_from(PollInvitee)
        .where(PollInvitee.firm_id == Poll.firm_id, PollInvitee.poll_id == Poll.poll_id)
        .correlate(Poll)
        .scalar_subquery()
    )


def undecided(*, firm_id: Any, now: Any) -> sa.ScalarSelect[int]:
    """How many polls need a decision by staff, as part of a statement that counts other things too."""
    everybody = ~_some_invitee(PollInvitee.voted_at.is_(None))
    refused = _some_invitee(PollInvitee.required & (PollInvitee.answer == Answer.DECLINED))
    return (
        sa.select(sa.func.count())
        .select_from(Poll)
        .where(
            Poll.firm_id == firm_id,
            Poll.status.in_(RUNNING),
            sa.or_(
                sa.and_(Poll.status == PollStatus.OPEN, sa.or_(Poll.deadline <= now, everybody)),
                sa.and_(Poll.status == PollStatus.HELD, refused),
            ),
        )
        .scalar_subquery()
    )


def _some_invitee(condition: sa.ColumnElement[bool]) -> sa.Exists:
    return (
        sa.exists()
        .where(PollInvitee.firm_id == Poll.firm_id, PollInvitee.poll_id == Poll.poll_id, condition)
        .correlate(Poll)
    )


def refused_by_required() -> sa.ColumnElement[bool]:
    """Whether somebody required declined the appointment of the surrounding statement."""
    refused = (
        sa.exists()
        .where(
            Poll.firm_id == Appointment.firm_id,
            Poll.appointment_id == Appointment.appointment_id,
            Poll.status == PollStatus.HELD,
            _some_invitee(PollInvitee.required & (PollInvitee.answer == Answer.DECLINED)),
        )
        .correlate(Appointment)
    )
    waits = Appointment.status == Status.AWAITING_CONFIRMATION
    return sa.case((waits, refused), else_=sa.false()).label("poll_declined")


def declined(session: Session, *, firm_id: int, appointment_ids: Collection[int]) -> set[int]:
    """Which of these held appointments somebody who is required has declined. One statement."""
    if not appointment_ids:
        return set()
    return set(
        session.scalars(
            sa.select(Poll.appointment_id).where(
                Poll.firm_id == firm_id,
                Poll.appointment_id.in_(appointment_ids),
                Poll.status == PollStatus.HELD,
                _some_invitee(PollInvitee.required & (PollInvitee.answer == Answer.DECLINED)),
            )
        )
    )


def of_appointment(session: Session, *, firm_id: int, appointment_id: int) -> tuple[int, str] | None:
    """``(id, title)`` of the poll that made this appointment and still stands by it. One statement."""
    row = session.execute(
        sa.select(Poll.poll_id, Poll.title).where(
            Poll.firm_id == firm_id, Poll.appointment_id == appointment_id
        )
    ).first()
    return (row.poll_id, row.title) if row else None
