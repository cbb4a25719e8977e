"""Engines for both databases: what a connection is told when it opens, and how a transaction begins."""

import logging
import sqlite3
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.pool import ConnectionPoolEntry

from webapp.models import tenancy

try:
    import pysqlite3.dbapi2 as _bundled
except ImportError:  # no wheel for this platform: the interpreter's own SQLite serves
    _bundled = None

SQLITE: ModuleType = _bundled or sqlite3
BUSY_TIMEOUT = 5000  # milliseconds
SAFE_SQLITE = (3, 51, 3)

log = logging.getLogger(__name__)

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",
    f"busy_timeout={BUSY_TIMEOUT}",
    "trusted_schema=OFF",
    "cache_size=-16384",
)


def sqlite_warning() -> str | None:
    """A sentence if the linked SQLite may lose writes: 3.7.0 to 3.51.2 have the WAL-reset bug."""
    if SQLITE.sqlite_version_info >= SAFE_SQLITE:
        return None
    return (
        f"SQLite {SQLITE.sqlite_version} has the WAL-reset bug (fixed in 3.51.3), which can lose writes when "
        "several processes check-point at once. Install the pinned pysqlite3 or use PostgreSQL."
    )


def engine_options(url: str) -> dict[str, Any]:
    """Keyword arguments for ``create_engine`` (and for Flask-SQLAlchemy's engine options)."""
    if make_url(url).get_backend_name() == "sqlite":
        return {"module": SQLITE, "connect_args": {"timeout": BUSY_TIMEOUT / 1000}, "pool_size": 10}
    return {
        "pool_pre_ping": True,
        "pool_size": 10,
        "connect_args": {"connect_timeout": 5, "options": "-c timezone=UTC -c lock_timeout=10s"},
    }


def prepare(engine: sa.Engine) -> sa.Engine:
    """Attach the connection and transaction habits to an engine; returns it.

    On SQLite a transaction whose connection carries the execution option ``write`` begins with
    ``BEGIN IMMEDIATE``: a plain BEGIN that turns into a writer fails with "database is locked" at once,
    whatever the busy timeout says.
    """
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _on_connect)
        sa.event.listen(engine, "begin", _on_begin)
    else:
        tenancy.install(engine)
    return engine


def make_engine(url: str, **options: Any) -> sa.Engine:
    """An engine for scripts, workers and tests; the web uses the same options and habits."""
    return prepare(sa.create_engine(url, **(engine_options(url) | options)))


def _on_connect(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the begin event decides, not the driver
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
