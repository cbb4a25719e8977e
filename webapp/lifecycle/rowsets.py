"""Rows of plain values as a table inside one statement, so that a write of 500 rows is one statement.

They travel as one JSON parameter: the statement's text is the same for any number of rows, so it is compiled
once and neither engine's limit on parameters comes near.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import FromClause

INTEGER, TEXT, MOMENT, DOCUMENT = sa.BigInteger(), sa.Text(), sa.DateTime(timezone=True), sa.JSON()

Columns = Mapping[str, sa.types.TypeEngine[Any]]


def table(session: Session, name: str, columns: Columns, rows: Sequence[Sequence[Any]]) -> FromClause:
    """A table expression of these rows. Values are in the order of the columns; datetimes are aware."""
    if session.get_bind().dialect.name == "postgresql":
        return _postgresql(name, columns, rows)
    return _sqlite(name, columns, rows)


def _postgresql(name: str, columns: Columns, rows: Sequence[Sequence[Any]]) -> FromClause:
    names = list(columns)
    text = json.dumps([dict(zip(names, map(_iso, row), strict=True)) for row in rows])
    return (
        sa.func.json_to_recordset(sa.cast(sa.bindparam(f"{name}_rows", text, sa.Text()), sa.JSON()))
        .table_valued(*(sa.column(column, kind) for column, kind in columns.items()), name=name)
        .render_derived(with_types=True)
    )


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _sqlite(name: str, columns: Columns, rows: Sequence[Sequence[Any]]) -> FromClause:
    text = json.dumps([list(map(_stored, row)) for row in rows])
    each = sa.func.json_each(sa.bindparam(f"{name}_rows", text, sa.Text())).table_valued(
        sa.column("value", sa.Text()), name=f"{name}_each"
    )
    picked = (
        sa.func.json_extract(each.c.value, sa.literal_column(f"'$[{place}]'"), type_=kind).label(column)
        for place, (column, kind) in enumerate(columns.items())
    )
    return sa.select(*picked).subquery(name)


def _stored(value: Any) -> Any:
    """A datetime as SQLAlchemy keeps it in SQLite."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    return value
