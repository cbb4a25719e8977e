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
    rows = session.execute(select(firm_id, span, staff_user_id))
    return [LateJoin(Brief(*row[:5]), row[5], row[6], row[7], row[8]) for row in rows]


def select(firm_id: Any, span: tuple[Any, Any], staff_user_id: Any | None) -> sa.Select[Any]:
    """The statement; its values may be bound parameters of one that only counts what it lists."""
    history = AppointmentStatusHistory
    return (
        select_briefs()
        .add_columns(
            Appointment.no_show_party,
            Appointment.no_show_at,
            Attendance.side,
            sa.func.min(Attendance.joined_at),
        )
        .join(history, _of_appointment(history, firm_id))
        .join(Attendance, _of_appointment(Attendance, firm_id))
        .where(
            Appointment.firm_id == firm_id,
            Appointment.status == Status.NO_SHOW,
            Appointment.start_time >= span[0],
            Appointment.start_time <= span[1],
            *([] if staff_user_id is None else [Appointment.staff_user_id == staff_user_id]),
            history.action == Action.MARK_NO_SHOW,
            history.actor_kind == ActorKind.SYSTEM,
            Attendance.withdrawn_at.is_(None),
            sa.or_(
                Attendance.joined_at > Appointment.no_show_at, Attendance.recorded_at >= history.changed_at
            ),
            _is_of_missing_side(),
            ~_followed(firm_id),
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


def _of_appointment(
    log: type[AppointmentStatusHistory] | type[Attendance], firm_id: Any
) -> sa.ColumnElement[bool]:
    return sa.and_(log.firm_id == firm_id, log.appointment_id == Appointment.appointment_id)


def _is_of_missing_side() -> sa.ColumnElement[bool]:
    return sa.or_(
        Appointment.no_show_party == NoShowParty.BOTH,
        *(
            sa.and_(Appointment.no_show_party == party, Attendance.side == side)
            for party, side in (
                (NoShowParty.CLIENT, AttendanceSide.CLIENT),
                (NoShowParty.STAFF, AttendanceSide.STAFF),
            )
        ),
    )


def _followed(firm_id: Any) -> sa.Exists:
    """Whether something was done to the appointment after the no-show."""
    later = aliased(AppointmentStatusHistory)
    return (
        sa.select(later.history_id)
        .where(
            later.firm_id == firm_id,
            later.appointment_id == Appointment.appointment_id,
            later.sequence > AppointmentStatusHistory.sequence,
        )
        .exists()
    )
