"""Rows of plain values as a table inside one statement, so that a write of 1,000 rows is one statement.

They travel as one JSON parameter: the statement's text is the same for any number of rows, so it is compiled
once and neither engine's limit on parameters comes near.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.selectable import FromClause

INTEGER, TEXT, MOMENT = sa.BigInteger(), sa.Text(), sa.DateTime(timezone=True)

Columns = Mapping[str, sa.types.TypeEngine[Any]]


def encode(dialect: str, columns: Columns, rows: Iterable[Sequence[Any]]) -> str:
    """The rows as the one parameter. Values are in the order of the columns; datetimes are aware."""
    if dialect == "postgresql":
        names = list(columns)
        return json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=datetime.isoformat)
    return json.dumps(list(rows), default=stored)


def table(dialect: str, name: str, columns: Columns) -> FromClause:
    """A table expression of encoded rows, which are its parameter ``<name>_rows``."""
    given: sa.BindParameter[str] = sa.bindparam(f"{name}_rows", type_=sa.Text())
    return _postgresql(name, columns, given) if dialect == "postgresql" else _sqlite(name, columns, given)


def document(dialect: str, values: Mapping[str, Any]) -> sa.ColumnElement[Any]:
    """A JSON object with these expressions as its values."""
    make = sa.func.json_build_object if dialect == "postgresql" else sa.func.json_object
    return make(*(part for name, value in values.items() for part in (sa.literal(name, TEXT), value)))


def isoformat(dialect: str, moment: Any) -> sa.ColumnElement[str]:
    """A moment of a table as JSON has it: ``2026-01-13T10:00:00+00:00``."""
    if dialect == "postgresql":
        return moment  # type: ignore[no-any-return] # in a document, in the connection's zone, which is UTC
    day_and_time = sa.func.replace(sa.func.replace(moment, ".000000", ""), " ", "T", type_=TEXT)
    return day_and_time + "+00:00"


def _postgresql(name: str, columns: Columns, given: sa.BindParameter[str]) -> FromClause:
    return (
        sa.func.json_to_recordset(sa.cast(given, sa.JSON()))
        .table_valued(*(sa.column(column, kind) for column, kind in columns.items()), name=name)
        .render_derived(with_types=True)
    )


def _sqlite(name: str, columns: Columns, given: sa.BindParameter[str]) -> FromClause:
    each = sa.func.json_each(given).table_valued(sa.column("value", sa.Text()), name=f"{name}_each")
    picked = (
        sa.func.json_extract(each.c.value, sa.literal_column(f"'$[{place}]'"), type_=kind).label(column)
        for place, (column, kind) in enumerate(columns.items())
    )
    return sa.select(*picked).subquery(name)


def stored(value: datetime) -> str:
    """A datetime as SQLAlchemy keeps it in SQLite: in UTC, ``2026-01-13 10:00:00.000000``."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]
