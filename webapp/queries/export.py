"""Appointments as a table that leaves the house: every column, fetched in batches, never all in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from webapp.models import Account, Appointment, AppointmentType, Contact, Firm, StaffUser
from webapp.queries.appointment_list import Criteria, Order, conditions
from webapp.vocabulary import CancellationKind, CancelledBy, NoShowParty, Status

BATCH = 500
"""Rows that are in memory at a time."""

_After = aliased(Appointment, name="after")


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


def stream(engine: sa.Engine, *, firm_id: int, criteria: Criteria, order: Order) -> Iterator[Record]:
    """Every appointment that passes, by start, in one statement whose rows come ``BATCH`` at a time.

    It reads in a session of its own, so it may outlive the request that asked. The session opens with the
    first row and closes with the last, or when the iterator is closed.
    """
    descending = order is Order.NEWEST
    keys: tuple[Any, Any] = (Appointment.start_time, Appointment.appointment_id)
    statement = (
        _select()
        .where(*conditions(firm_id, criteria))
        .order_by(*(key.desc() if descending else key.asc() for key in keys))
        .execution_options(yield_per=BATCH)
    )
    with Session(engine) as session, session.execute(statement) as result:
        for row in result:
            yield Record(*row)


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
        _After.appointment_id,
        Appointment.version,
    )
    return (
        sa.select(*columns)
        .select_from(Appointment)
        .join(AppointmentType, AppointmentType.appointment_type_id == Appointment.appointment_type_id)
        .join(StaffUser, StaffUser.staff_user_id == Appointment.staff_user_id)
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .outerjoin(Account, Account.account_id == Appointment.account_id)
        .outerjoin(
            _After,
            sa.and_(
                _After.firm_id == Appointment.firm_id,
                _After.rescheduled_from_id == Appointment.appointment_id,
            ),
        )
    )
