"""Lists in pages, by key and not by offset."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

Item = TypeVar("Item")

PAGE = 50
KEY_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some rows of a list, and the keys from which it goes on; None where it ends."""

    rows: list[Item]
    before: int | None = None
    after: int | None = None


def newest_first(
    session: Session,
    query: sa.Select[Any],
    number: InstrumentedAttribute[int],
    make: Callable[..., Item],
    *,
    before: int | None,
    after: int | None,
    limit: int,
) -> Page[Item]:
    """A page of what a query gives, by a number that rises with time. One statement.

    Args:
        number: a key among the query's columns; ``make`` has it as an attribute of the same name.
        before, after: the key next to which the page lies in the list as shown, newer before older.
    """
    if before is not None:
        query = query.where(number > min(before, KEY_LIMIT - 1)).order_by(number)
    else:
        query = query.order_by(number.desc())
        if after is not None:
            query = query.where(number < min(after, KEY_LIMIT - 1))
    found = [make(*row) for row in session.execute(query.limit(limit + 1))]
    more, rows = len(found) > limit, found[:limit]
    if before is not None:
        rows.reverse()
    has_newer = more if before is not None else after is not None
    has_older = more if before is None else True
    first, last = (getattr(rows[0], number.key), getattr(rows[-1], number.key)) if rows else (None, None)
    return Page(rows, first if has_newer else None, last if has_older else None)
