"""What a calendar feed shows, and a person's feeds for their list."""

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
    AuditEvent,
    CalendarFeed,
    Contact,
    StaffUser,
)
from webapp.vocabulary import Status

BACK, AHEAD = timedelta(days=90), timedelta(days=400)
MOST_BACK, MOST_AHEAD = 1000, 4000
Member = aliased(Appointment, name="member")
SHOWN = frozenset(Status) - {Status.RESCHEDULED}


@dataclass(frozen=True, slots=True)
class Entry:
    """One chain as a calendar shows it: its last booking. ``recorded_at`` is when its status last changed,
    ``edited_at`` when its details did, if they ever did.

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
    recorded_at: datetime
    edited_at: datetime | None

    @property
    def changed_at(self) -> datetime:
        return max(self.recorded_at, self.edited_at or self.recorded_at)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Which appointments a feed has; unset lets all through. ``day`` is the midnight it counts from."""

    firm_id: int
    day: datetime
    staff_user_id: int | None = None
    appointment_type_id: int | None = None
    statuses: frozenset[Status] = frozenset()

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        found = [
            Appointment.firm_id == self.firm_id,
            Appointment.status.in_(sorted(self.statuses & SHOWN or SHOWN)),
        ]
        if self.staff_user_id is not None:
            found.append(Appointment.staff_user_id == self.staff_user_id)
        if self.appointment_type_id is not None:
            found.append(Appointment.appointment_type_id == self.appointment_type_id)
        return found


def shown(feed: CalendarFeed, now: datetime) -> Shown:
    """What a feed shows at an instant. The days it reaches over change at midnight, UTC."""
    return Shown(
        firm_id=feed.firm_id,
        day=now.replace(hour=0, minute=0, second=0, microsecond=0),
        staff_user_id=feed.staff_user_id,
        appointment_type_id=feed.appointment_type_id,
        statuses=frozenset(Status(word) for word in feed.statuses.split()),
    )


def mark(session: Session, wanted: Shown) -> str:
    """What changes with anything that the feed shows, but for names of people and types. One statement.

    A version never goes down; what leaves by a move has a successor with a higher number.
    """
    found = sa.select(
        sa.func.count(), sa.func.max(Appointment.appointment_id), sa.func.sum(Appointment.version)
    ).where(
        *wanted.conditions(),
        Appointment.start_time >= wanted.day - BACK,
        Appointment.start_time < wanted.day + AHEAD,
    )
    return "-".join(str(each or 0) for each in (f"{wanted.day:%Y%m%d}", *session.execute(found).one()))


def entries(
    session: Session, wanted: Shown, *, most_back: int = MOST_BACK, most_ahead: int = MOST_AHEAD
) -> list[Entry]:
    """By start: up to 4,000 from today on, 400 days ahead, and the last 1,000 of the 90 days before.

    Two statements.
    """
    key = (Appointment.start_time, Appointment.appointment_id)
    every = _select().where(*wanted.conditions())
    ahead = every.where(
        Appointment.start_time >= wanted.day, Appointment.start_time < wanted.day + AHEAD
    ).order_by(*key)
    back = every.where(
        Appointment.start_time >= wanted.day - BACK, Appointment.start_time < wanted.day
    ).order_by(*(column.desc() for column in key))
    past = [Entry(*row) for row in session.execute(back.limit(most_back))]
    return past[::-1] + [Entry(*row) for row in session.execute(ahead.limit(most_ahead))]


def entry(session: Session, *, firm_id: int, appointment_id: int) -> Entry:
    """One appointment, whatever its status. One statement.

    Raises:
        Missing: the firm has no such appointment.
    """
    row = session.execute(
        _select().where(Appointment.firm_id == firm_id, Appointment.appointment_id == appointment_id)
    ).one_or_none()
    if row is None:
        raise Missing("There is no such appointment.")
    return Entry(*row)


def _select() -> Any:
    history = AppointmentStatusHistory
    recorded = (
        sa.select(history.changed_at)
        .where(history.firm_id == Appointment.firm_id, history.appointment_id == Appointment.appointment_id)
        .order_by(history.sequence.desc())
        .limit(1)
        .correlate(Appointment)
        .scalar_subquery()
    )
    edited = (
        sa.select(AuditEvent.changed_at)
        .where(
            AuditEvent.firm_id == Appointment.firm_id,
            AuditEvent.subject == "appointment",
            AuditEvent.subject_id == Appointment.appointment_id,
        )
        .order_by(AuditEvent.audit_event_id.desc())
        .limit(1)
        .correlate(Appointment)
        .scalar_subquery()
    )
    return (
        sa.select(
            Appointment.appointment_id,
            sa.func.coalesce(Appointment.chain_root_id, Appointment.appointment_id),
            Appointment.start_time,
            Appointment.end_time,
            Appointment.status,
            Appointment.location,
            AppointmentType.name,
            StaffUser.name,
            sa.func.coalesce(Contact.name, Account.name),
            _revision(),
            recorded,
            edited,
        )
        .join(AppointmentType, AppointmentType.appointment_type_id == Appointment.appointment_type_id)
        .join(StaffUser, StaffUser.staff_user_id == Appointment.staff_user_id)
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .outerjoin(Account, Account.account_id == Appointment.account_id)
    )


def _revision() -> sa.ColumnElement[int]:
    """How often anything of the chain changed: from the versions of its members; most have one."""
    first, later = (
        sa.select(sa.func.coalesce(sa.func.sum(Member.version), 0))
        .where(Member.firm_id == Appointment.firm_id, condition)
        .correlate(Appointment)
        .scalar_subquery()
        for condition in (
            Member.appointment_id == Appointment.chain_root_id,
            Member.chain_root_id == sa.func.coalesce(Appointment.chain_root_id, Appointment.appointment_id),
        )
    )
    alone = sa.and_(Appointment.chain_root_id.is_(None), Appointment.status != Status.RESCHEDULED)
    own = sa.case((Appointment.chain_root_id.is_(None), Appointment.version), else_=0)
    return sa.case((alone, Appointment.version - 1), else_=own + first + later - 1)


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
