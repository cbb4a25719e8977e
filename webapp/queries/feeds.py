"""What a calendar feed shows, and a person's feeds for their list."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from webapp.lifecycle.errors import Missing
from webapp.models import (
    Account,
    Appointment,
    AppointmentStatusHistory,
    AppointmentType,
    CalendarFeed,
    Contact,
    StaffUser,
)
from webapp.vocabulary import Status

BACK, AHEAD = timedelta(days=90), timedelta(days=400)
MOST = 5000
Member = aliased(Appointment, name="member")
SHOWN = frozenset(Status) - {Status.RESCHEDULED}


@dataclass(frozen=True, slots=True)
class Entry:
    """One chain as a calendar shows it: its last booking. ``changed_at`` is when its status last changed.

    ``revision`` rises with every change of any member of the chain, from 0.
    """

    appointment_id: int
    chain_id: int
    start_time: datetime
    end_time: datetime
    status: Status
    location: str
    type_name: str
    staff_name: str
    client: str
    revision: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """A feed in its owner's list."""

    calendar_feed_id: int
    name: str
    staff_name: str | None
    type_name: str | None
    statuses: str
    with_names: bool
    created_at: datetime
    last_read_at: datetime | None


def entries(
    session: Session,
    *,
    firm_id: int,
    now: datetime,
    staff_user_id: int | None = None,
    appointment_type_id: int | None = None,
    statuses: Collection[Status] = (),
) -> list[Entry]:
    """By start, from 90 days back to 400 days ahead, at most 5,000. One statement."""
    conditions = [
        Appointment.start_time >= now - BACK,
        Appointment.start_time < now + AHEAD,
        Appointment.status.in_(sorted(set(statuses) & SHOWN or SHOWN)),
    ]
    if staff_user_id is not None:
        conditions.append(Appointment.staff_user_id == staff_user_id)
    if appointment_type_id is not None:
        conditions.append(Appointment.appointment_type_id == appointment_type_id)
    found = _select(firm_id).where(*conditions)
    ordered = found.order_by(Appointment.start_time, Appointment.appointment_id).limit(MOST)
    return [Entry(*row) for row in session.execute(ordered)]


def entry(session: Session, *, firm_id: int, appointment_id: int) -> Entry:
    """One appointment, whatever its status. One statement.

    Raises:
        Missing: the firm has no such appointment.
    """
    row = session.execute(_select(firm_id).where(Appointment.appointment_id == appointment_id)).one_or_none()
    if row is None:
        raise Missing("There is no such appointment.")
    return Entry(*row)


def _select(firm_id: int) -> Any:
    root = sa.func.coalesce(Appointment.chain_root_id, Appointment.appointment_id)
    first, later = (
        sa.select(sa.func.coalesce(sa.func.sum(Member.version), 0))
        .where(Member.firm_id == Appointment.firm_id, condition)
        .correlate(Appointment)
        .scalar_subquery()
        for condition in (Member.appointment_id == root, Member.chain_root_id == root)
    )
    history = AppointmentStatusHistory
    changed = (
        sa.select(sa.func.max(history.changed_at))
        .where(history.firm_id == Appointment.firm_id, history.appointment_id == Appointment.appointment_id)
        .correlate(Appointment)
        .scalar_subquery()
    )
    return (
        sa.select(
            Appointment.appointment_id,
            root,
            Appointment.start_time,
            Appointment.end_time,
            Appointment.status,
            Appointment.location,
            AppointmentType.name,
            StaffUser.name,
            sa.func.coalesce(Contact.name, Account.name),
            first + later - 1,
            changed,
        )
        .join(AppointmentType, AppointmentType.appointment_type_id == Appointment.appointment_type_id)
        .join(StaffUser, StaffUser.staff_user_id == Appointment.staff_user_id)
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .outerjoin(Account, Account.account_id == Appointment.account_id)
        .where(Appointment.firm_id == firm_id)
    )


def mine(session: Session, *, firm_id: int, staff_user_id: int) -> list[Line]:
    """The feeds of one person that stand, the oldest first. One statement."""
    found = session.execute(
        sa.select(
            CalendarFeed.calendar_feed_id,
            CalendarFeed.name,
            StaffUser.name,
            AppointmentType.name,
            CalendarFeed.statuses,
            CalendarFeed.with_names,
            CalendarFeed.created_at,
            CalendarFeed.last_read_at,
        )
        .outerjoin(StaffUser, StaffUser.staff_user_id == CalendarFeed.staff_user_id)
        .outerjoin(AppointmentType, AppointmentType.appointment_type_id == CalendarFeed.appointment_type_id)
        .where(
            CalendarFeed.firm_id == firm_id,
            CalendarFeed.owner_id == staff_user_id,
            CalendarFeed.revoked_at.is_(None),
        )
        .order_by(CalendarFeed.calendar_feed_id)
    )
    return [Line(*row) for row in found]


def own(session: Session, *, firm_id: int, staff_user_id: int, calendar_feed_id: int) -> CalendarFeed:
    """One of a person's feeds that stands.

    Raises:
        Missing: they have none such.
    """
    found = session.scalars(
        sa.select(CalendarFeed).where(
            CalendarFeed.firm_id == firm_id,
            CalendarFeed.owner_id == staff_user_id,
            CalendarFeed.calendar_feed_id == calendar_feed_id,
            CalendarFeed.revoked_at.is_(None),
        )
    ).one_or_none()
    if found is None:
        raise Missing("There is no such calendar feed.")
    return found
