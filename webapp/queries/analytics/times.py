"""How long before its start a meeting was booked, and how long before it was called off or moved."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.queries.analytics import cohort
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.instants import seconds


@dataclass(frozen=True, slots=True)
class Middle:
    """Of ``count`` values in minutes: the middle one, and the one that 90 % do not pass."""

    count: int
    median: float
    p90: int


@dataclass(frozen=True, slots=True)
class Times:
    """``lead``: start - created. ``notice``: start - cancelled or moved. None without any."""

    lead: Middle | None
    notice: Middle | None


def load(session: Session, scope: Scope) -> Times:
    """One statement; ranks are found by the database, so that nothing is fetched but what is shown."""
    rows = cohort.members(scope).subquery("cohort")
    start = seconds(rows.c.start_time)
    read = (
        sa.select(
            (start - seconds(rows.c.created_at)).label("lead"),
            (start - seconds(rows.c.ended_at)).label("notice"),
        )
        .cte("read")
        .prefix_with("MATERIALIZED")
    )
    parts = [_ranked(read.c[kind]) for kind in ("lead", "notice")]
    found: dict[str, dict[int, int]] = {"lead": {}, "notice": {}}
    counts: dict[str, int] = {}
    for kind, rank, value, count in session.execute(sa.union_all(*parts)):
        found[kind][rank] = value // 60
        counts[kind] = count
    return Times(
        _middle(found["lead"], counts.get("lead", 0)), _middle(found["notice"], counts.get("notice", 0))
    )


def _ranked(value: Any) -> sa.Select[Any]:
    """``(kind, rank, value, count)`` for the ranks that are shown. Counted apart: a window over all rows
    would keep every one of them a second time."""
    known = value.is_not(None)
    numbered = (
        sa.select(value.label("value"), sa.func.row_number().over(order_by=value).label("rank"))
        .where(known)
        .subquery()
    )
    whole = sa.select(sa.func.count().label("count")).where(known).subquery()
    count, rank = whole.c.count, numbered.c.rank
    return (
        sa.select(
            sa.literal_column(f"'{value.name}'", sa.String()).label("kind"), rank, numbered.c.value, count
        )
        .select_from(numbered.join(whole, sa.true()))
        .where(sa.or_(rank == (count + 1) // 2, rank == count // 2 + 1, rank == (count * 9 + 9) // 10))
    )


def _middle(found: dict[int, int], count: int) -> Middle | None:
    if not count:
        return None
    return Middle(count, (found[(count + 1) // 2] + found[count // 2 + 1]) / 2, found[-(-count * 9 // 10)])
