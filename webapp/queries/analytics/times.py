"""How long before its start a meeting was booked, and how long before it was called off or moved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


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


def ranked(value: Any, *where: Any) -> sa.Select[Any]:
    """``(rank, value, count)`` for the ranks that are shown, so that no other value is fetched.

    Counted apart: a window over all rows would keep every one of them a second time. And counted once:
    where PostgreSQL expects few rows it would count anew for each of them.
    """
    conditions = (*where, value.is_not(None))
    numbered = (
        sa.select(value.label("value"), sa.func.row_number().over(order_by=value).label("rank"))
        .where(*conditions)
        .subquery()
    )
    whole = (
        sa.select(sa.func.count().label("count"))
        .select_from(value.table)
        .where(*conditions)
        .cte(f"{value.name}_count")
        .prefix_with("MATERIALIZED")
    )
    count, rank = whole.c.count, numbered.c.rank
    return (
        sa.select(rank, numbered.c.value, count)
        .select_from(numbered.join(whole, sa.true()))
        .where(sa.or_(rank == (count + 1) // 2, rank == count // 2 + 1, rank == (count * 9 + 9) // 10))
    )


def middle(seconds: Mapping[int, int], count: int) -> Middle | None:
    """From the values at the ranks of :func:`ranked`, in seconds; minutes are counted when they are full."""
    if not count:
        return None
    minutes = {rank: value // 60 for rank, value in seconds.items()}
    return Middle(
        count, (minutes[(count + 1) // 2] + minutes[count // 2 + 1]) / 2, minutes[-(-count * 9 // 10)]
    )
