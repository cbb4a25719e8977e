"""Automatic no-shows of sides that are known to have joined since: nothing is changed, people are told."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from webapp.models import Account, Appointment, AppointmentStatusHistory, Attendance, Contact, StaffUser
from webapp.queries.sweeps import Brief, select_briefs
from webapp.vocabulary import Action, ActorKind, AttendanceSide, NoShowParty, Status

LISTED = 50
LEAST_DAYS = 7
MISSING = {
    AttendanceSide.CLIENT: (NoShowParty.CLIENT, NoShowParty.BOTH),
    AttendanceSide.STAFF: (NoShowParty.STAFF, NoShowParty.BOTH),
}
"""Which parties of a no-show a side is missing by."""


@dataclass(frozen=True, slots=True)
class LateJoin:
    """Somebody who joined after they had been recorded as a no-show by the system."""

    brief: Brief
    party: NoShowParty
    no_show_at: datetime
    side: AttendanceSide
    joined_at: datetime


def since(now: datetime, correction_days: int) -> datetime:
    """From which start on they are listed: the firm's correction window, at least a week."""
    return now - timedelta(days=max(correction_days, LEAST_DAYS))


def listed(
    session: Session, *, firm_id: int, now: datetime, correction_days: int, staff_user_id: int | None = None
) -> list[LateJoin]:
    """The latest meeting first, at most ``LISTED``. One statement.

    A correction takes a row off; so does the end of the firm's correction window, after which there is
    nothing to be done about it.
    """
    span = (since(now, correction_days), now)
    statement = (
        _late(select_briefs(), firm_id, span, staff_user_id)
        .add_columns(
            Appointment.no_show_party,
            Appointment.no_show_at,
            Attendance.side,
            sa.func.min(Attendance.joined_at),
        )
        .group_by(
            Appointment.appointment_id,
            Appointment.start_time,
            Appointment.end_time,
            Contact.name,
            Account.name,
            StaffUser.name,
            Appointment.no_show_party,
            Appointment.no_show_at,
            Attendance.side,
        )
        .order_by(Appointment.start_time.desc(), Appointment.appointment_id, Attendance.side)
        .limit(LISTED)
    )
    return [LateJoin(Brief(*row[:5]), row[5], row[6], row[7], row[8]) for row in session.execute(statement)]


def count(firm_id: Any, span: tuple[Any, Any], staff_user_id: Any | None) -> sa.ScalarSelect[int]:
    """How many :func:`listed` lists, as part of a statement that counts other things too.

    Appointment by appointment: grouped as in the list, SQLite would walk through all that has happened.
    """
    history = AppointmentStatusHistory
    sides = []
    for side, parties in MISSING.items():
        came = sa.exists().where(_of_appointment(Attendance, firm_id), Attendance.side == side, _came_late())
        gone = sa.exists().where(
            _of_appointment(history, firm_id), _is_last_word(firm_id), came.correlate(Appointment, history)
        )
        no_shows = _no_shows(firm_id, span, staff_user_id)
        sides.append(
            sa.select(sa.literal(1)).where(
                no_shows, Appointment.no_show_party.in_(parties), gone.correlate(Appointment)
            )
        )
    found = sa.union_all(*sides).limit(LISTED).subquery()
    return sa.select(sa.func.count()).select_from(found).scalar_subquery()


def _late(
    statement: sa.Select[*tuple[Any, ...]], firm_id: Any, span: tuple[Any, Any], staff_user_id: Any | None
) -> sa.Select[*tuple[Any, ...]]:
    """From appointments to the facts that came after their automatic no-show."""
    of_missing_side = sa.or_(
        *(
            sa.and_(Appointment.no_show_party.in_(parties), Attendance.side == side)
            for side, parties in MISSING.items()
        )
    )
    return (
        statement.join(Attendance, _of_appointment(Attendance, firm_id))
        .join(AppointmentStatusHistory, _of_appointment(AppointmentStatusHistory, firm_id))
        .where(_no_shows(firm_id, span, staff_user_id), _is_last_word(firm_id), _came_late(), of_missing_side)
    )


def _of_appointment(
    log: type[AppointmentStatusHistory] | type[Attendance], firm_id: Any
) -> sa.ColumnElement[bool]:
    return sa.and_(log.firm_id == firm_id, log.appointment_id == Appointment.appointment_id)


def _no_shows(firm_id: Any, span: tuple[Any, Any], staff_user_id: Any | None) -> sa.ColumnElement[bool]:
    return sa.and_(
        Appointment.firm_id == firm_id,
        Appointment.status == Status.NO_SHOW,
        Appointment.start_time >= span[0],
        Appointment.start_time <= span[1],
        *([] if staff_user_id is None else [Appointment.staff_user_id == staff_user_id]),
    )


def _is_last_word(firm_id: Any) -> sa.ColumnElement[bool]:
    """Whether a step is the system's no-show, and nothing was done to the appointment after it."""
    history = AppointmentStatusHistory
    return sa.and_(
        history.action == Action.MARK_NO_SHOW, history.actor_kind == ActorKind.SYSTEM, ~_followed(firm_id)
    )


def _came_late() -> sa.ColumnElement[bool]:
    """Whether a fact is of a join after the no-show, or became known after it."""
    return sa.and_(
        Attendance.withdrawn_at.is_(None),
        sa.or_(
            Attendance.joined_at > Appointment.no_show_at,
            Attendance.recorded_at >= AppointmentStatusHistory.changed_at,
        ),
    )


def _followed(firm_id: Any) -> sa.Exists:
    """Whether something was done to the appointment after a step."""
    history, later = AppointmentStatusHistory, aliased(AppointmentStatusHistory)
    return (
        sa.exists()
        .where(
            later.firm_id == firm_id,
            later.appointment_id == history.appointment_id,
            later.sequence > history.sequence,
        )
        .correlate(history)
    )
