"""Rows of plain values as a table inside one statement, so that a write of 500 rows is one statement.

They travel as one JSON parameter: the statement's text is the same for any number of rows, so it is compiled
once and neither engine's limit on parameters comes near.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import FromClause

INTEGER, TEXT, MOMENT, DOCUMENT = sa.BigInteger(), sa.Text(), sa.DateTime(timezone=True), sa.JSON()

Columns = Mapping[str, sa.types.TypeEngine[Any]]


def encode(session: Session, columns: Columns, rows: Iterable[Sequence[Any]]) -> str:
    """The rows as the one parameter. Values are in the order of the columns; datetimes are aware."""
    if session.get_bind().dialect.name == "postgresql":
        names = list(columns)
        return json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=datetime.isoformat)
    return json.dumps(list(rows), default=_stored)


def table(session: Session, name: str, columns: Columns, encoded: str) -> FromClause:
    """A table expression of encoded rows. A document column takes any JSON value."""
    if session.get_bind().dialect.name == "postgresql":
        return _postgresql(name, columns, encoded)
    return _sqlite(name, columns, encoded)


def _postgresql(name: str, columns: Columns, encoded: str) -> FromClause:
    return (
        sa.func.json_to_recordset(sa.cast(sa.bindparam(f"{name}_rows", encoded, sa.Text()), sa.JSON()))
        .table_valued(*(sa.column(column, kind) for column, kind in columns.items()), name=name)
        .render_derived(with_types=True)
    )


def _sqlite(name: str, columns: Columns, encoded: str) -> FromClause:
    each = sa.func.json_each(sa.bindparam(f"{name}_rows", encoded, sa.Text())).table_valued(
        sa.column("value", sa.Text()), name=f"{name}_each"
    )
    picked = (
        sa.func.json_extract(each.c.value, sa.literal_column(f"'$[{place}]'"), type_=kind).label(column)
        for place, (column, kind) in enumerate(columns.items())
    )
    return sa.select(*picked).subquery(name)


def _stored(value: datetime) -> str:
    """A datetime as SQLAlchemy keeps it in SQLite."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]
