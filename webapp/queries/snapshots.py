"""Tables that leave the house: counted, then read row by row, both as of one instant.

One read-only transaction lasts as long as the file takes to send, and holds one connection of the pool.
Batches, each read in a short transaction of its own, would give it back in between, but what moves meanwhile
would come twice or not at all, and the count that tells a reader whether the file is whole would be wrong. A
process has fewer threads than connections, so no download keeps a page waiting. While it lasts PostgreSQL
keeps the row versions that it may still read, and SQLite its write-ahead log.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

Record = TypeVar("Record")

BATCH = 500
"""Rows that are in memory at a time."""


class Counted(Generic[Record]):
    """Records that are fetched while they are read, once; ``len`` is how many they are.

    The transaction ends with the last record, or when this is closed.
    """

    def __init__(self, count: int, records: Iterator[Record], close: Callable[[], None]) -> None:
        self._count, self._records, self.close = count, records, close

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Record]:
        return self._records


def counted(
    engine: sa.Engine, how_many: sa.Select[Any], records: Callable[[Session], Iterator[Record]]
) -> Counted[Record]:
    """What ``records`` will read. ``how_many`` counts it now, in the same snapshot."""
    reading = _reading(engine, how_many, records)
    return Counted(next(reading), reading, reading.close)


def every(
    engine: sa.Engine,
    question: sa.Select[Any],
    record: Callable[..., Record],
    how_many: sa.Select[Any] | None = None,
) -> Counted[Record]:
    """All rows of one statement, made into records from their columns.

    Args:
        how_many: counts them, where that takes less than the statement with its joins.
    """
    if how_many is None:
        how_many = question.with_only_columns(sa.func.count(), maintain_column_froms=True).order_by(None)

    def read(session: Session) -> Iterator[Record]:
        with session.execute(question.execution_options(yield_per=BATCH)) as result:
            for row in result:
                yield record(*row)

    return counted(engine, how_many, read)


def read(engine: sa.Engine, records: Callable[[Session], Iterator[Record]]) -> Iterator[Record]:
    """What ``records`` reads, uncounted, in a transaction that ends with the last one."""
    with _snapshot(engine) as session:
        yield from records(session)


def _reading(
    engine: sa.Engine, how_many: sa.Select[Any], records: Callable[[Session], Iterator[Record]]
) -> Any:
    """The count, then the records: begun with the count, so that closing it ends the transaction."""
    with _snapshot(engine) as session:
        yield session.scalar(how_many) or 0
        yield from records(session)


@contextmanager
def _snapshot(engine: sa.Engine) -> Iterator[Session]:
    with Session(engine) as session:
        if engine.dialect.name == "postgresql":  # a reader's transaction is a snapshot on SQLite anyway
            session.connection(
                execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            )
        yield session
