"""The appointments behind a number."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Account, Appointment, AppointmentType, Contact, StaffUser
from webapp.queries import snapshots
from webapp.queries.analytics import cohort
from webapp.queries.analytics.behind import Behind, references, widened
from webapp.queries.analytics.classes import CLOSED, FIGURES, NEVER_CONFIRMED, STATUSES, Fate, Figure
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.instants import DAY, MONDAY, local_seconds, seconds
from webapp.queries.analytics.tallies import LEADS
from webapp.queries.snapshots import Counted
from webapp.vocabulary import Status

SIZE = 50

Cursor = tuple[datetime, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Which of a cohort's appointments. ``weekday`` (Monday is 0) and ``hour`` are the firm's; ``lead`` is a
    band of ``LEADS``; ``chain`` is how many members the chain has that this one is the last of, 0 for a chain
    of any length that has ended, -1 for one with at least one move, -2 for one that was ever confirmed.
    ``behind`` narrows by what the history tells.
    """

    figure: Figure = Figure.ALL
    weekday: int | None = None
    hour: int | None = None
    lead: int | None = None
    chain: int | None = None
    behind: Behind | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One appointment as of the instant that the figure is of."""

    appointment_id: int
    start_time: datetime
    end_time: datetime
    fate: Fate
    client: str
    account: str | None
    staff_name: str
    type_name: str
    created_at: datetime
    ended_at: datetime | None
    chain_position: int
    staff_user_id: int


@dataclass(frozen=True, slots=True)
class Page:
    """``count`` is of all, exactly: it is the number on the page that led here."""

    rows: list[Listed]
    count: int
    following: Cursor | None


def page(
    session: Session, scope: Scope, part: Slice, *, after: Cursor | None = None, size: int = SIZE
) -> Page:
    """By start, the earliest first. Two statements."""
    source = _source(scope, part)
    count = session.scalar(sa.select(sa.func.count()).select_from(source)) or 0
    rows = _fetch(session, source, after, size + 1)
    more, rows = len(rows) > size, rows[:size]
    return Page(rows, count, (rows[-1].start_time, rows[-1].appointment_id) if more else None)


def _source(scope: Scope, part: Slice) -> Any:
    rows = cohort.members(widened(scope, part.behind)).cte("cohort")
    wanted = set(FIGURES[part.figure])
    found: list[Any] = []
    if part.chain is not None:
        wanted &= set(CLOSED) if part.chain >= 0 else set(Fate) - STATUSES[Status.RESCHEDULED]
        if part.chain:
            found.append(_chained(rows, part.chain))
    found.append(rows.c.fate.in_(sorted(int(fate) for fate in wanted)))
    if part.behind is not None:
        found.append(rows.c.appointment_id.in_(references(scope, part.behind)))
    local = local_seconds(rows.c.start_time, scope.zone, scope.since, scope.before)
    if part.weekday is not None:
        found.append((local // DAY + MONDAY) % 7 == part.weekday)
    if part.hour is not None:
        found.append(local % DAY // 3600 == part.hour)
    if part.lead is not None:
        lead = seconds(rows.c.start_time) - seconds(rows.c.created_at)
        if part.lead:
            found.append(lead >= LEADS[part.lead - 1] * DAY)
        if part.lead < len(LEADS):
            found.append(lead < LEADS[part.lead] * DAY)
    return sa.select(rows).where(*found).subquery("counted")


def _chained(rows: Any, chain: int) -> Any:
    if chain > 0:
        return rows.c.chain_position == chain
    moved = rows.c.chain_position > 1
    if chain == -1:
        return moved
    return sa.or_(moved, rows.c.fate.not_in(sorted(int(fate) for fate in NEVER_CONFIRMED)))


def stream(engine: sa.Engine, scope: Scope, part: Slice) -> Counted[Listed]:
    """All of them, counted as on the page, then fetched while they are read. Two statements."""
    source = _source(scope, part)
    how_many = sa.select(sa.func.count()).select_from(source)
    return snapshots.every(engine, _listed(source), lambda *row: Listed(*_columns(row)), how_many)


def _fetch(session: Session, source: Any, after: Cursor | None, limit: int) -> list[Listed]:
    statement = _listed(source).limit(limit)
    if after is not None:
        mark = sa.tuple_(sa.bindparam(None, after[0], source.c.start_time.type), sa.bindparam(None, after[1]))
        statement = statement.where(sa.tuple_(source.c.start_time, source.c.appointment_id) > mark)
    return [Listed(*row) for row in map(_columns, session.execute(statement))]


def _listed(source: Any) -> sa.Select[Any]:
    return (
        sa.select(
            source.c.appointment_id,
            source.c.start_time,
            Appointment.end_time,
            source.c.fate,
            sa.func.coalesce(Contact.name, Account.name),
            Account.name,
            StaffUser.name,
            AppointmentType.name,
            source.c.created_at,
            source.c.ended_at,
            source.c.chain_position,
            source.c.staff_user_id,
        )
        .select_from(source)
        .join(Appointment, Appointment.appointment_id == source.c.appointment_id)
        .join(AppointmentType, AppointmentType.appointment_type_id == source.c.appointment_type_id)
        .join(StaffUser, StaffUser.staff_user_id == source.c.staff_user_id)
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .outerjoin(Account, Account.account_id == source.c.account_id)
        .order_by(source.c.start_time, source.c.appointment_id)
    )


def _columns(row: Any) -> Any:
    return (*row[:3], Fate(row[3]), *row[4:])
