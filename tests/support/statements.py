"""What a page really asks the database, statement by statement, and how the engine would go about it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

PREFIXES = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True)
class Statement:
    """A statement with its parameters, as the driver got them."""

    sql: str
    parameters: Any

    @property
    def short(self) -> str:
        return " ".join(self.sql.split())


@contextmanager
def captured(engine: Engine) -> Iterator[list[Statement]]:
    """The statements that run on an engine meanwhile, without BEGIN, SET, COMMIT and PRAGMA."""
    found: list[Statement] = []

    def keep(_connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, _many: bool) -> None:
        if sql.lstrip("( \n").upper().startswith(PREFIXES):
            found.append(Statement(sql, parameters))

    sa.event.listen(engine, "before_cursor_execute", keep)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", keep)


def sqlite_plan(engine: Engine, statement: Statement) -> list[str]:
    """The lines of EXPLAIN QUERY PLAN: ``SEARCH appointment USING INDEX … (firm_id=?)``."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.sql}", statement.parameters)
        return [str(row[3]) for row in rows]


def postgres_plan(engine: Engine, statement: Statement) -> list[dict[str, Any]]:
    """Every node of EXPLAIN's plan, the outermost first, with its ``Node Type`` and ``Relation Name``.

    Where a role sees one firm alone, it is the first.
    """
    with engine.connect().execution_options(firm=1) as connection:
        found = connection.exec_driver_sql(
            f"EXPLAIN (FORMAT JSON) {statement.sql}", statement.parameters
        ).scalar()
    plan = found if isinstance(found, list) else json.loads(str(found))
    return list(_nodes(plan[0]["Plan"]))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)
