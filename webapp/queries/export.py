"""Appointments as a table that leaves the house: every column, fetched in batches, never all in memory."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Account, Appointment, AppointmentType, Contact, Firm, StaffUser
from webapp.queries import snapshots
from webapp.queries.appointment_list import Criteria, Order, conditions
from webapp.queries.client_pages import Whose
from webapp.queries.rows import After, successor
from webapp.queries.snapshots import Counted
from webapp.vocabulary import CancellationKind, CancelledBy, NoShowParty, Status


@dataclass(frozen=True, slots=True)
class Record:
    """One appointment with everything that the table tells of it. References link a reschedule chain."""

    appointment_id: int
    start_time: datetime
    end_time: datetime
    status: Status
    status_reason: str | None
    cancellation_kind: CancellationKind | None
    cancelled_by: CancelledBy | None
    no_show_party: NoShowParty | None
    client: str
    account: str | None
    email: str | None
    phone: str | None
    type_name: str
    staff_name: str
    location: str
    booked_by: str
    external_ref: str | None
    created_at: datetime
    rescheduled_from: int | None
    rescheduled_to: int | None
    version: int


def firm_slug(session: Session, *, firm_id: int) -> str:
    """The firm's short name, for a file's name."""
    return session.scalars(sa.select(Firm.slug).where(Firm.firm_id == firm_id)).one()


def stream(
    engine: sa.Engine, *, firm_id: int, criteria: Criteria, order: Order, whose: Whose | None = None
) -> Counted[Record]:
    """Every appointment that passes, in order. Two statements: how many, and the rows while they are read."""
    passing = [*conditions(firm_id, criteria), *([whose.condition] if whose else [])]
    time = Appointment.created_at if order is Order.WAITING else Appointment.start_time
    keys: tuple[Any, Any] = (time, Appointment.appointment_id)
    sort = [key.desc() if order is Order.NEWEST else key.asc() for key in keys]
    how_many = sa.select(sa.func.count()).select_from(Appointment).where(*passing)
    return snapshots.every(engine, _select().where(*passing).order_by(*sort), Record, how_many)


def _select() -> sa.Select[Any]:
    """The columns of :class:`Record` in its order; an account without a contact is the client itself."""
    columns: tuple[Any, ...] = (
        Appointment.appointment_id,
        Appointment.start_time,
        Appointment.end_time,
        Appointment.status,
        Appointment.status_reason,
        Appointment.cancellation_kind,
        Appointment.cancelled_by,
        Appointment.no_show_party,
        sa.func.coalesce(Contact.name, Account.name),
        Account.name,
        Contact.email,
        Contact.phone,
        AppointmentType.name,
        StaffUser.name,
        Appointment.location,
        Appointment.booked_by,
        Appointment.external_ref,
        Appointment.created_at,
        Appointment.rescheduled_from_id,
        successor(After.appointment_id, Appointment.status == Status.RESCHEDULED),
        Appointment.version,
    )
    return (
        sa.select(*columns)
        .select_from(Appointment)
        .join(AppointmentType, AppointmentType.appointment_type_id == Appointment.appointment_type_id)
        .join(StaffUser, StaffUser.staff_user_id == Appointment.staff_user_id)
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .outerjoin(Account, Account.account_id == Appointment.account_id)
    )
