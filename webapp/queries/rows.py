"""One appointment as a list shows it, read in one statement with everything that its row prints."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from webapp.lifecycle.attendance import opens_at
from webapp.lifecycle.transitions import allowed_actions
from webapp.models import Account, Appointment, AppointmentType, Attendance, Contact, StaffUser
from webapp.queries import poll_list
from webapp.vocabulary import Action, AttendanceSide, CancellationKind, CancelledBy, NoShowParty, Role, Status

Before = aliased(Appointment, name="before")
After = aliased(Appointment, name="after")


@dataclass(frozen=True, slots=True)
class Row:
    """An appointment in a list. ``moved_from`` and ``moved_to`` are starts of its neighbours in the chain."""

    appointment_id: int
    start_time: datetime
    end_time: datetime
    status: Status
    status_reason: str | None
    cancellation_kind: CancellationKind | None
    cancelled_by: CancelledBy | None
    no_show_party: NoShowParty | None
    confirm_by: datetime | None
    created_at: datetime
    version: int
    overbooked: bool
    location: str
    client: str
    type_name: str
    staff_name: str
    staff_user_id: int
    moved_from: datetime | None
    moved_to: datetime | None
    successor_id: int | None
    client_joined_at: datetime | None
    staff_joined_at: datetime | None
    poll_declined: bool

    def can_arrive(self, now: datetime) -> bool:
        """Whether the front desk can say now that the client is here."""
        return (
            self.status is Status.CONFIRMED
            and self.client_joined_at is None
            and opens_at(self.start_time) <= now < self.end_time
        )

    def is_due(self, now: datetime) -> bool:
        """Whether it waits for somebody: a request, or a meeting that ended without an outcome."""
        return self.status is Status.REQUESTED or (self.status is Status.CONFIRMED and self.end_time <= now)

    def is_running(self, now: datetime) -> bool:
        return self.status is Status.CONFIRMED and self.start_time <= now < self.end_time

    def can(self, role: Role, now: datetime) -> list[Action]:
        """The actions that this role has now; corrections are offered on the appointment's own page."""
        return allowed_actions(self.status, role=role, start_time=self.start_time, now=now)


def first_joined(side: AttendanceSide, *, known_at: datetime | None = None) -> sa.ScalarSelect[datetime]:
    """When a side first joined, as is known now or was known at an instant."""
    stands: sa.ColumnElement[bool] = Attendance.withdrawn_at.is_(None)
    if known_at is not None:
        then = sa.or_(stands, Attendance.withdrawn_at > known_at)
        stands = sa.and_(Attendance.recorded_at <= known_at, then)
    return (
        sa.select(sa.func.min(Attendance.joined_at))
        .where(
            Attendance.firm_id == Appointment.firm_id,
            Attendance.appointment_id == Appointment.appointment_id,
            Attendance.side == side,
            stands,
        )
        .correlate(Appointment)
        .scalar_subquery()
    )


def successor(column: Any, moved: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
    """A column of :data:`After`, where the appointment was moved.

    Asked for row by row: joined, PostgreSQL would read all that a firm ever moved once that seems cheaper.
    """
    found = (
        sa.select(column)
        .where(After.firm_id == Appointment.firm_id, After.rescheduled_from_id == Appointment.appointment_id)
        .correlate(Appointment)
        .scalar_subquery()
    )
    return sa.case((moved, found))


_MOVED = Appointment.status == Status.RESCHEDULED
COLUMNS: tuple[Any, ...] = (
    Appointment.appointment_id,
    Appointment.start_time,
    Appointment.end_time,
    Appointment.status,
    Appointment.status_reason,
    Appointment.cancellation_kind,
    Appointment.cancelled_by,
    Appointment.no_show_party,
    Appointment.confirm_by,
    Appointment.created_at,
    Appointment.version,
    Appointment.overbooked,
    Appointment.location,
    sa.func.coalesce(Contact.name, Account.name).label("client"),
    AppointmentType.name.label("type_name"),
    StaffUser.name.label("staff_name"),
    Appointment.staff_user_id,
    Before.start_time.label("moved_from"),
    successor(After.start_time, _MOVED).label("moved_to"),
    successor(After.appointment_id, _MOVED).label("successor_id"),
    first_joined(AttendanceSide.CLIENT).label("client_joined_at"),
    first_joined(AttendanceSide.STAFF).label("staff_joined_at"),
    poll_list.refused_by_required(),
)


@lru_cache(maxsize=1)
def select_rows() -> sa.Select[Any]:
    """The statement without its WHERE and ORDER BY. Primary keys join, so each row costs index look-ups."""
    return select_columns(COLUMNS, Appointment)


def select_columns(columns: Iterable[Any], source: Any) -> sa.Select[Any]:
    """Columns in the order of :class:`Row`, from appointments or a join that begins with them."""
    return (
        sa.select(*columns)
        .select_from(source)
        .join(AppointmentType, AppointmentType.appointment_type_id == Appointment.appointment_type_id)
        .join(StaffUser, StaffUser.staff_user_id == Appointment.staff_user_id)
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .outerjoin(Account, Account.account_id == Appointment.account_id)
        .outerjoin(Before, Before.appointment_id == Appointment.rescheduled_from_id)
    )


def as_rows(result: Iterable[Any]) -> list[Row]:
    """Turn what :func:`select_rows` fetched into rows."""
    return [Row(*fetched) for fetched in result]
