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
    rows = cohort.members(scope).cte("cohort")
    lead = _ranked("lead", rows, seconds(rows.c.start_time) - seconds(rows.c.created_at), sa.true())
    notice = _ranked(
        "notice", rows, seconds(rows.c.start_time) - seconds(rows.c.ended_at), rows.c.ended_at.is_not(None)
    )
    found: dict[str, dict[int, int]] = {"lead": {}, "notice": {}}
    counts: dict[str, int] = {}
    for kind, rank, value, count in session.execute(sa.union_all(lead, notice)):
        found[kind][rank] = value // 60
        counts[kind] = count
    return Times(
        _middle(found["lead"], counts.get("lead", 0)), _middle(found["notice"], counts.get("notice", 0))
    )


def _ranked(kind: str, rows: Any, value: Any, where: Any) -> sa.Select[Any]:
    numbered = (
        sa.select(
            value.label("value"),
            sa.func.row_number().over(order_by=value).label("rank"),
            sa.func.count().over().label("count"),
        )
        .where(where)
        .subquery()
    )
    count, rank = numbered.c.count, numbered.c.rank
    return sa.select(
        sa.literal_column(f"'{kind}'", sa.String()).label("kind"), rank, numbered.c.value, count
    ).where(sa.or_(rank == (count + 1) // 2, rank == count // 2 + 1, rank == (count * 9 + 9) // 10))


def _middle(found: dict[int, int], count: int) -> Middle | None:
    if not count:
        return None
    return Middle(count, (found[(count + 1) // 2] + found[count // 2 + 1]) / 2, found[-(-count * 9 // 10)])
