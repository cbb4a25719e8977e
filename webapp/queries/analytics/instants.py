"""Arithmetic on stored instants inside the database, the same on both engines."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

DAY = 86_400
EPOCH = date(1970, 1, 1)
MONDAY = 3
"""The first day of 1970 was a Thursday: so many days after a Monday."""


class seconds(FunctionElement[int]):
    """``seconds(column)``: whole seconds since 1970 (UTC)."""

    inherit_cache = True
    name = "seconds"
    type = sa.BigInteger()


@compiles(seconds, "postgresql")
def _postgresql(element: Any, compiler: SQLCompiler, **more: Any) -> str:
    return f"CAST(floor(extract(epoch FROM {compiler.process(element.clauses, **more)})) AS BIGINT)"


@compiles(seconds, "sqlite")
def _sqlite(element: Any, compiler: SQLCompiler, **more: Any) -> str:
    return f"unixepoch({compiler.process(element.clauses, **more)})"


@lru_cache(maxsize=64)
def offsets(zone: ZoneInfo, since: datetime, before: datetime) -> tuple[tuple[int, int], ...]:
    """The zone's offsets in ``[since, before)``: ``(until, offset)`` in seconds, the last without an end (0).

    ``until`` is the instant, to the second, from which the next offset holds.
    """
    found: list[tuple[int, int]] = []
    at, current = since, _offset(since, zone)
    while at < before:
        following = min(at + timedelta(days=1), before)
        then = _offset(following, zone)
        if then != current:
            found.append((_change(at, following, zone), current))
            current = then
        at = following
    return (*found, (0, current))


def _offset(moment: datetime, zone: ZoneInfo) -> int:
    return int((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds())


def _change(low: datetime, high: datetime, zone: ZoneInfo) -> int:
    first, last, before = int(low.timestamp()), int(high.timestamp()), _offset(low, zone)
    while last - first > 1:
        middle = (first + last) // 2
        if _offset(datetime.fromtimestamp(middle, UTC), zone) == before:
            first = middle
        else:
            last = middle
    return last


def offset_at(at: Any, zone: ZoneInfo, since: datetime, before: datetime) -> sa.ColumnElement[int]:
    """The zone's offset at ``at``, in seconds since 1970, for instants in the range."""
    *changes, (_end, last) = offsets(zone, since, before)
    offset: sa.ColumnElement[int] = sa.literal_column(str(last), sa.BigInteger())
    if not changes:
        return offset
    cases = [(at < until, sa.literal_column(str(then), sa.BigInteger())) for until, then in changes]
    return sa.case(*cases, else_=offset)


def local_seconds(column: Any, zone: ZoneInfo, since: datetime, before: datetime) -> sa.ColumnElement[int]:
    """What a clock in the zone shows, as seconds since 1970 by that clock, for instants in the range."""
    at: sa.ColumnElement[int] = seconds(column)
    return at + offset_at(at, zone, since, before)


def day_of(number: int) -> date:
    """The day that ``local_seconds // 86 400`` counts."""
    return EPOCH + timedelta(days=number)
