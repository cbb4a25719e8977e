"""Appointments over all days: filtered, in pages of a keyset, so that page 900 costs what page 1 costs.

Several statuses become one index range each, of which only a page's worth is read; their union is sorted.
An IN over statuses would have either engine read and sort everything that has them.

A search that means few clients starts from what they have. One that means many asks appointment by
appointment, in order, until a page is full; it looks at ``WALKED`` of them at most, and goes on from there.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.terms import reference_of
from webapp.models import Appointment, AppointmentType, StaffUser
from webapp.queries import clients
from webapp.queries.rows import Row, as_rows, select_rows
from webapp.vocabulary import Status

SIZE = 50
CAP = 1000
"""Counting stops one above; a page shows "1,000+" then."""

WALKED = 10_000
"""Appointments that a broad search looks at for one page."""

Cursor = tuple[datetime, int]
"""The sort key of a row: its time, then its reference."""


class Order(StrEnum):
    """By start, or by how long somebody has been waiting for an answer."""

    NEWEST = "newest"
    OLDEST = "oldest"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What is listed; unset means everything. The start lies within ``[since, before)``."""

    since: datetime | None = None
    before: datetime | None = None
    statuses: frozenset[Status] = frozenset()
    staff_user_id: int | None = None
    appointment_type_id: int | None = None
    q: str = ""
    ended_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows in order. ``exact`` is the one whose reference was typed; it is not among ``rows``.

    ``count`` is of everything that passes, ``CAP + 1`` where counting stopped, None where a search means so
    many clients that it is not counted. ``previous`` and ``following`` are the keys to page on from, None at
    the ends. ``reached`` is the time as far as a broad search looked when it stopped before a page was full.
    """

    rows: list[Row]
    exact: Row | None
    count: int | None
    previous: Cursor | None
    following: Cursor | None
    reached: datetime | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """``(id, name)`` of all staff and all types of a firm, for the filters."""

    staff: list[tuple[int, str]]
    types: list[tuple[int, str]]


def options(session: Session, *, firm_id: int) -> Options:
    """People and types, former ones included: their appointments are still there. One statement."""
    staff = sa.select(sa.literal(0), StaffUser.staff_user_id, StaffUser.name)
    types = sa.select(sa.literal(1), AppointmentType.appointment_type_id, AppointmentType.name)
    both = sa.union_all(
        staff.where(StaffUser.firm_id == firm_id), types.where(AppointmentType.firm_id == firm_id)
    )
    found: tuple[list[tuple[int, str]], ...] = ([], [])
    for which, number, name in session.execute(both.order_by(sa.text("1, 3, 2"))):
        found[which].append((number, name))
    return Options(*found)


def page(
    session: Session,
    *,
    firm_id: int,
    criteria: Criteria,
    order: Order,
    after: Cursor | None = None,
    before: Cursor | None = None,
    size: int = SIZE,
) -> Page:
    """The rows after (or before) a key. Two statements: which and how many, and the rows. A search takes one
    that finds out whom it means (two for several words), and one for what could be a reference."""
    exact = _exact(session, firm_id, criteria)
    backwards, cursor = before is not None, before or after
    source, simple = _source(session, firm_id, criteria)
    shared = list(simple)
    if exact is not None:
        shared.append(source.appointment_id != exact.appointment_id)
    if cursor is not None:
        shared.append(_past(source, cursor, order, backwards=backwards))
    broad, end = bool(criteria.q.strip()) and source is Appointment, None
    if broad:
        end = _end(session, shared, criteria, order, backwards=backwards)
        shared.append(clients.contact_filter(firm_id, criteria.q))
    if end is not None:
        shared.append(~_past(source, end, order, backwards=backwards))
    picked = _picked(source, shared, criteria, order, backwards=backwards, limit=size + 1)
    counted = None if broad else _counted(source, simple, criteria, order)
    found, count = _read(session, picked, counted, order, backwards=backwards)
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    edges = (key(found[0], order), key(found[-1], order)) if found else (None, None)
    ahead = edges[0 if backwards else 1] if more else end
    behind = edges[1 if backwards else 0] if cursor else None
    return Page(
        rows=found,
        exact=None if cursor else exact,
        count=count,
        previous=ahead if backwards else behind,
        following=behind if backwards else ahead,
        reached=end[0] if end and not more else None,
    )


def key(row: Row, order: Order) -> Cursor:
    """Where a row stands in an order."""
    return (row.created_at if order is Order.WAITING else row.start_time), row.appointment_id


def conditions(firm_id: int, criteria: Criteria) -> list[sa.ColumnElement[bool]]:
    """All filters as conditions on an appointment."""
    found = [*_simple(Appointment, firm_id, criteria), clients.through_clients(firm_id, criteria.q)]
    if statuses := _statuses(criteria):
        found.append(Appointment.status.in_(statuses))
    return found


def _source(session: Session, firm_id: int, criteria: Criteria) -> tuple[Any, list[sa.ColumnElement[bool]]]:
    """Where columns come from, and the filters on them but for statuses: the table, or what few clients have.

    These are found first and once. Asked for both at once, SQLite would walk through the firm's years in
    order, waiting for the client's appointments to come by.
    """
    found = clients.look_up(session, firm_id=firm_id, q=criteria.q) if criteria.q.strip() else None
    if found is None:
        return Appointment, _simple(Appointment, firm_id, criteria)
    columns: tuple[Any, ...] = (
        Appointment.appointment_id,
        Appointment.start_time,
        Appointment.end_time,
        Appointment.created_at,
        Appointment.status,
        Appointment.staff_user_id,
        Appointment.appointment_type_id,
    )
    parts, before = list[sa.Select[Any]](), list[sa.ColumnElement[bool]]()
    # Kept apart by hand: to compare rows, a UNION would sort them, or walk along an index.
    for condition in clients.of_found(criteria.q, found):
        parts.append(sa.select(*columns).where(Appointment.firm_id == firm_id, condition, *before))
        before.append(condition.is_not(sa.true()))
    rows = sa.union_all(*parts) if len(parts) > 1 else parts[0]
    source = rows.cte("found").prefix_with("MATERIALIZED").c
    return source, _simple(source, firm_id, criteria)


def _simple(source: Any, firm_id: int, criteria: Criteria) -> list[sa.ColumnElement[bool]]:
    """The filters but for statuses and search; what was found is the firm's already."""
    found = [source.firm_id == firm_id] if source is Appointment else []
    if criteria.since is not None:
        found.append(source.start_time >= criteria.since)
    if criteria.before is not None:
        found.append(source.start_time < criteria.before)
    if criteria.ended_by is not None:  # the bound on the start lets the status index stop at the present
        found += [source.start_time < criteria.ended_by, source.end_time <= criteria.ended_by]
    if criteria.staff_user_id is not None:
        found.append(source.staff_user_id == criteria.staff_user_id)
    if criteria.appointment_type_id is not None:
        found.append(source.appointment_type_id == criteria.appointment_type_id)
    return found


def _statuses(criteria: Criteria) -> list[Status]:
    """The statuses asked for, in order; none where all of them are."""
    chosen = [status for status in Status if status in criteria.statuses]
    return [] if len(chosen) == len(Status) else chosen


def _exact(session: Session, firm_id: int, criteria: Criteria) -> Row | None:
    reference = reference_of(criteria.q)
    if reference is None:
        return None
    statement = select_rows().where(Appointment.firm_id == firm_id, Appointment.appointment_id == reference)
    return next(iter(as_rows(session.execute(statement))), None)


def _time(source: Any, order: Order) -> Any:
    return source.created_at if order is Order.WAITING else source.start_time


def _descending(order: Order, *, backwards: bool) -> bool:
    return (order is Order.NEWEST) is not backwards


def _past(source: Any, cursor: Cursor, order: Order, *, backwards: bool) -> sa.ColumnElement[bool]:
    """After the cursor in the direction of reading, as one comparison of pairs: a range of an index."""
    time = _time(source, order)
    place = sa.tuple_(time, source.appointment_id)
    mark = sa.tuple_(sa.bindparam(None, cursor[0], time.type), sa.bindparam(None, cursor[1]))
    return place < mark if _descending(order, backwards=backwards) else place > mark


def _end(
    session: Session,
    shared: list[sa.ColumnElement[bool]],
    criteria: Criteria,
    order: Order,
    *,
    backwards: bool,
) -> Cursor | None:
    """The key of the last appointment that a broad search looks at; None where it comes to the end."""
    statuses = _statuses(criteria)
    status = [Appointment.status == statuses[0]] if len(statuses) == 1 else []
    time, reference = _time(Appointment, order), Appointment.appointment_id
    walk = sa.select(time, reference).where(*shared, *status)
    ordered = walk.order_by(*_sorted(time, reference, _descending(order, backwards=backwards)))
    found = session.execute(ordered.offset(WALKED - 1).limit(1)).first()
    return (found[0], found[1]) if found is not None else None


def _picked(
    source: Any,
    shared: list[sa.ColumnElement[bool]],
    criteria: Criteria,
    order: Order,
    *,
    backwards: bool,
    limit: int,
) -> sa.Select[Any]:
    """References and sort times of the first ``limit`` appointments in the direction of reading."""
    time, descending = _time(source, order), _descending(order, backwards=backwards)
    branches = [
        sa.select(source.appointment_id, time.label("at"))
        .where(*shared, *part)
        .order_by(*_sorted(time, source.appointment_id, descending))
        .limit(limit)
        .subquery()
        for part in _ranges(source, criteria)
    ]
    if len(branches) == 1:
        return sa.select(branches[0])
    union = sa.union_all(*map(sa.select, branches)).subquery()
    return sa.select(union).order_by(*_sorted(union.c.at, union.c.appointment_id, descending)).limit(limit)


def _ranges(source: Any, criteria: Criteria) -> list[list[sa.ColumnElement[bool]]]:
    """One condition per status where the status leads; otherwise one for all."""
    statuses = _statuses(criteria)
    if not statuses:
        return [[]]
    if criteria.staff_user_id is not None or source is not Appointment:
        return [[source.status.in_(statuses)]]
    return [[source.status == status] for status in statuses]


def _sorted(time: Any, reference: Any, descending: bool) -> tuple[Any, Any]:
    return (time.desc(), reference.desc()) if descending else (time.asc(), reference.asc())


def _counted(
    source: Any, simple: list[sa.ColumnElement[bool]], criteria: Criteria, order: Order
) -> sa.ScalarSelect[int]:
    """How many pass, as far as ``CAP + 1``."""
    some = _picked(source, simple, criteria, order, backwards=False, limit=CAP + 1).subquery()
    return sa.select(sa.func.count()).select_from(some).scalar_subquery()


def _numbers(
    session: Session, picked: sa.Select[Any], counted: sa.ScalarSelect[int]
) -> tuple[list[int], int | None]:
    """References of what was picked, in no order, and what was counted, in one statement: a search finds the
    appointments once. Where nothing was picked the count needs another."""
    found = session.execute(sa.select(picked.subquery().c.appointment_id, counted)).all()
    if found:
        return [number for number, _count in found], found[0][1]
    return [], session.scalar(sa.select(counted))


def _read(
    session: Session,
    picked: sa.Select[Any],
    counted: sa.ScalarSelect[int] | None,
    order: Order,
    *,
    backwards: bool,
) -> tuple[list[Row], int | None]:
    """The rows of what was picked, in order, and what was counted. Two statements, or one without a count."""
    count = None
    if counted is None:
        chosen = picked.subquery()
        rows = select_rows().join(chosen, chosen.c.appointment_id == Appointment.appointment_id)
    else:
        numbers, count = _numbers(session, picked, counted)
        if not numbers:
            return [], count
        rows = select_rows().where(Appointment.appointment_id.in_(numbers))
    descending = _descending(order, backwards=backwards)
    ordered = _sorted(_time(Appointment, order), Appointment.appointment_id, descending)
    return as_rows(session.execute(rows.order_by(*ordered))), count
