"""Whether the installation is in order: the database, its schema, the worker. No names and no secrets."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp.models import Base, FirmSweep, WorkerHeartbeat

LATE = 300
"""Seconds after which a sweep is late."""
AHEAD = timedelta(minutes=10)
"""Workers' clocks may differ by so much; what is later was written by one that had run away."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was found. ``sweep_age`` is in seconds, None where no worker has swept or none was asked."""

    database: bool
    migrations: bool
    sweep_age: int | None

    @property
    def ready(self) -> bool:
        """Whether the site can serve. A worker that is late is told of, and stops nobody."""
        return self.database and self.migrations

    @property
    def worker(self) -> bool:
        return self.sweep_age is not None and self.sweep_age <= LATE


def last_sweep(firm_id: Any) -> sa.ScalarSelect[Any]:
    """When any worker last went through the firm, as a part of another statement."""
    return sa.select(FirmSweep.looked_at).where(FirmSweep.firm_id == firm_id).scalar_subquery()


def readiness(session: Session, *, migrations: str, now: datetime) -> Readiness:
    """Ask the database. At most three statements; an error is an answer, not a failure.

    Args:
        migrations: the folder of the migration scripts.
    """
    try:
        connection = session.connection()
        present = MigrationContext.configure(connection).get_current_heads()
    except SQLAlchemyError:
        return Readiness(database=False, migrations=False, sweep_age=None)
    if set(present) != _heads(migrations):
        return Readiness(database=True, migrations=False, sweep_age=None)
    try:
        swept = session.scalar(
            sa.select(sa.func.max(WorkerHeartbeat.swept_at)).where(WorkerHeartbeat.swept_at <= now + AHEAD)
        )
    except SQLAlchemyError:
        return Readiness(database=False, migrations=True, sweep_age=None)
    age = max(0, int((now - swept).total_seconds())) if swept is not None else None
    return Readiness(database=True, migrations=True, sweep_age=age)


def open_lock(session: Session) -> str:
    """A sentence where PostgreSQL itself does not keep the firms apart, only the queries do; else empty."""
    if session.get_bind().dialect.name != "postgresql":
        return ""
    if session.scalar(sa.text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")):
        return (
            "The database role is a superuser or bypasses row-level security, so only Daybook's own queries "
            "keep the firms apart. Give it an ordinary role that owns the database."
        )
    tables = [table.name for table in Base.metadata.sorted_tables if "firm_id" in table.c]
    forced = sa.text(
        "SELECT count(*) FROM pg_class WHERE oid::regclass::text = ANY(:tables) "
        "AND relrowsecurity AND relforcerowsecurity"
    )
    if session.scalar(forced, {"tables": tables}) != len(tables):
        return "Some tables' policies are off, so only Daybook's own queries keep the firms apart there."
    return ""


@lru_cache(maxsize=4)
def _heads(migrations: str) -> frozenset[str]:
    return frozenset(ScriptDirectory(migrations).get_heads())
