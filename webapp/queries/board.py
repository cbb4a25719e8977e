"""The day board: the appointments of one day or week, the counts on its filters, and what changed since."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import (
    Account,
    Appointment,
    AppointmentStatusHistory,
    Attendance,
    AuditEvent,
    Contact,
    StaffUser,
)
from webapp.queries import clients
from webapp.queries.rows import Row, as_rows, select_rows
from webapp.vocabulary import LIVE, Action, Status

PAGE = 500
"""Rows that one board shows; a firm with more on a day filters by staff, status or name."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What of a day is shown. Empty means everything."""

    statuses: frozenset[Status] = frozenset()
    staff: frozenset[int] = frozenset()
    q: str = ""
    hide_finished: bool = False

    @property
    def any(self) -> bool:
        return bool(self.statuses or self.staff or self.q or self.hide_finished)


@dataclass(frozen=True, slots=True)
class StaffCount:
    staff_user_id: int
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many appointments the span has before filters, and a mark that moves with each change in it."""

    by_status: dict[Status, int]
    staff: list[StaffCount]
    mark: str

    @property
    def total(self) -> int:
        return sum(self.by_status.values())


@dataclass(frozen=True, slots=True)
class Change:
    """One transition by somebody, or (without an action) an edit of the details, as the notice tells it."""

    actor_label: str
    action: Action | None
    client: str
    start_time: datetime
    changed_at: datetime


@dataclass(slots=True)
class _Tally:
    statuses: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))
    staff: dict[int, int] = field(default_factory=dict)


def _in_span(firm_id: int, span: tuple[datetime, datetime]) -> sa.ColumnElement[bool]:
    return sa.and_(
        Appointment.firm_id == firm_id, Appointment.start_time >= span[0], Appointment.start_time < span[1]
    )


def rows(
    session: Session,
    *,
    firm_id: int,
    span: tuple[datetime, datetime],
    filters: Filters,
    limit: int | None = PAGE,
) -> list[Row]:
    """The appointments that start within ``[a, b)``, by start, then reference. One statement."""
    values = _values(firm_id, span)
    if not filters.any and limit == PAGE:
        return as_rows(session.execute(_all_rows(), values))
    statement = select_rows().where(_spanned())
    if filters.statuses:
        statement = statement.where(Appointment.status.in_(filters.statuses))
    if filters.staff:
        statement = statement.where(Appointment.staff_user_id.in_(filters.staff))
    if filters.hide_finished:
        statement = statement.where(Appointment.status.in_(LIVE))
    if filters.q:
        statement = statement.where(clients.contact_filter(firm_id, filters.q))
    statement = statement.order_by(Appointment.start_time, Appointment.appointment_id).limit(limit)
    return as_rows(session.execute(statement, values))


def _values(firm_id: int, span: tuple[datetime, datetime]) -> dict[str, Any]:
    return {"firm": firm_id, "span_start": span[0], "span_end": span[1]}


def _spanned() -> sa.ColumnElement[bool]:
    """Like :func:`_in_span`, for statements that are built once and given :func:`_values`."""
    start, end = (
        sa.bindparam(name, type_=Appointment.start_time.type) for name in ("span_start", "span_end")
    )
    firm = sa.bindparam("firm", type_=Appointment.firm_id.type)
    return sa.and_(Appointment.firm_id == firm, Appointment.start_time >= start, Appointment.start_time < end)


@lru_cache(maxsize=1)
def _all_rows() -> sa.Select[Any]:
    """A board without filters, built once: that costs more than asking it."""
    ordered = select_rows().order_by(Appointment.start_time, Appointment.appointment_id)
    return ordered.where(_spanned()).limit(PAGE)


@lru_cache(maxsize=1)
def _groups() -> Any:
    return (
        sa.select(
            Appointment.staff_user_id,
            Appointment.status,
            sa.func.count(),
        )
        .where(_spanned())
        .group_by(Appointment.staff_user_id, Appointment.status)
    )


def counts(session: Session, *, firm_id: int, span: tuple[datetime, datetime], seen: str = "") -> Counts:
    """Counts per status and per staff user, staff without appointments included. Three statements.

    The mark is read first: what commits meanwhile is then told once too often rather than never. Who has
    just read it gives it as ``seen``, and it is two statements.
    """
    seen = seen or mark(session, firm_id=firm_id, span=span)
    return with_staff(session, firm_id, session.execute(_groups(), _values(firm_id, span)), seen)


def with_staff(session: Session, firm_id: int, groups: Iterable[Any], seen: str) -> Counts:
    """The counts of ``(staff_user_id, status, count)``, with the names of the staff. One statement."""
    tally = _Tally()
    for staff_user_id, status, count in groups:
        tally.statuses[status] += count
        tally.staff[staff_user_id] = tally.staff.get(staff_user_id, 0) + count
    people = session.execute(
        sa.select(StaffUser.staff_user_id, StaffUser.name)
        .where(
            StaffUser.firm_id == firm_id,
            sa.or_(
                sa.and_(StaffUser.bookable, StaffUser.deactivated_at.is_(None)),
                StaffUser.staff_user_id.in_(tally.staff),
            ),
        )
        .order_by(StaffUser.name, StaffUser.staff_user_id)
    )
    staff = [StaffCount(row.staff_user_id, row.name, tally.staff.get(row.staff_user_id, 0)) for row in people]
    return Counts(tally.statuses, staff, seen)


def mark(session: Session, *, firm_id: int, span: tuple[datetime, datetime]) -> str:
    """The same mark as :attr:`Counts.mark`: it differs as soon as anything in the span has changed.

    The sum of versions only grows, and grows with each commit, whatever the order of the commits was; so
    does the number of arrivals, those taken back counted twice. Read it before the rows: what commits in
    between is then told once too often rather than never.
    """
    arrivals = (
        sa.select(sa.func.count(Attendance.attendance_id) + sa.func.count(Attendance.withdrawn_at))
        .join(
            Appointment,
            sa.and_(
                Appointment.firm_id == Attendance.firm_id,
                Appointment.appointment_id == Attendance.appointment_id,
            ),
        )
        .where(_in_span(firm_id, span))
        .scalar_subquery()
    )
    count, versions, joined = session.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(Appointment.version), 0), arrivals).where(
            _in_span(firm_id, span)
        )
    ).one()
    return f"{count}-{int(versions)}-{joined}"


def changes_by_others(
    session: Session,
    *,
    firm_id: int,
    span: tuple[datetime, datetime],
    since: datetime,
    but_not: int,
    limit: int = 20,
) -> list[Change]:
    """What anybody but this staff user did in the span after ``since``, newest first. Two statements."""
    history, edit = AppointmentStatusHistory, AuditEvent
    transitions = _by_others(history, history.action, history.appointment_id, firm_id, span, since, but_not)
    edits = _by_others(edit, sa.null(), edit.subject_id, firm_id, span, since, but_not).where(
        edit.subject == "appointment"
    )
    found = [Change(*row) for part in (transitions, edits) for row in session.execute(part.limit(limit))]
    return sorted(found, key=lambda change: change.changed_at, reverse=True)[:limit]


def _by_others(
    log: type[AppointmentStatusHistory] | type[AuditEvent],
    action: Any,
    appointment_id: Any,
    firm_id: int,
    span: tuple[datetime, datetime],
    since: datetime,
    but_not: int,
) -> sa.Select[Any]:
    return (
        sa.select(
            log.actor_label,
            action,
            sa.func.coalesce(Contact.name, Account.name),
            Appointment.start_time,
            log.changed_at,
        )
        .select_from(log)
        .join(
            Appointment,
            sa.and_(Appointment.firm_id == log.firm_id, Appointment.appointment_id == appointment_id),
        )
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .outerjoin(Account, Account.account_id == Appointment.account_id)
        .where(
            log.firm_id == firm_id,
            log.changed_at > since,
            sa.or_(log.changed_by_id.is_(None), log.changed_by_id != but_not),
            Appointment.start_time >= span[0],
            Appointment.start_time < span[1],
        )
        .order_by(log.changed_at.desc())
    )


def by_ids(session: Session, *, firm_id: int, appointment_ids: Sequence[int]) -> list[Row]:
    """Rows of chosen appointments, in the board's order; ids of other firms are not there. One statement."""
    statement = (
        select_rows()
        .where(Appointment.firm_id == firm_id, Appointment.appointment_id.in_(appointment_ids))
        .order_by(Appointment.start_time, Appointment.appointment_id)
    )
    return as_rows(session.execute(statement))


def next_after(session: Session, *, firm_id: int, moment: datetime) -> Row | None:
    """The next live appointment that starts at or after an instant: where an empty day leads on to."""
    statement = (
        select_rows()
        .where(Appointment.firm_id == firm_id, Appointment.start_time >= moment, Appointment.status.in_(LIVE))
        .order_by(Appointment.start_time, Appointment.appointment_id)
        .limit(1)
    )
    return next(iter(as_rows(session.execute(statement))), None)
