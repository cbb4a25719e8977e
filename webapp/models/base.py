"""The declarative base, the types and the column helpers that every model shares."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """A plain declarative base: neither Flask nor an extension is needed to use the models."""

    metadata = sa.MetaData(naming_convention=NAMING)


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime, always in UTC. Naive values are refused; SQLite keeps them as sortable text."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: pass an aware one")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""Primary keys: 64 bits on both engines (an INTEGER PRIMARY KEY is one on SQLite)."""


def words(enum: type[StrEnum]) -> sa.Enum:
    """A closed word list, stored as its values in a plain VARCHAR(24); pair it with :func:`one_of`."""
    return sa.Enum(
        enum,
        native_enum=False,
        create_constraint=False,
        length=24,
        validate_strings=True,
        values_callable=lambda members: [member.value for member in members],
    )


def one_of(column: str, enum: type[StrEnum], *, name: str | None = None) -> sa.CheckConstraint:
    """The CHECK that keeps a column to a word list."""
    listed = ", ".join(f"'{member.value}'" for member in enum)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=name or column)


def in_firm(table: str, column: str, target: str, **kw: Any) -> sa.ForeignKeyConstraint:
    """A composite foreign key that cannot leave the firm: (firm_id, column) to (firm_id, target)."""
    return sa.ForeignKeyConstraint(["firm_id", column], [f"{table}.firm_id", f"{table}.{target}"], **kw)
