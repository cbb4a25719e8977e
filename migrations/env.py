"""Runs the migrations inside the application's context, on either engine.

Each migration is a transaction of its own. While one waits for a lock, everybody who comes later waits behind
it; so it waits ``lock_wait`` seconds in all, gives way, and is tried again, ``lock_tries`` times altogether:
``daybook db upgrade -x lock_wait=1 -x lock_tries=20``.
"""

import re
import time
import traceback
from typing import Any

import click
import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext
from flask import current_app
from sqlalchemy.exc import OperationalError

db = current_app.extensions["migrate"].db

LOCK_WAIT = 3.0  # seconds
LOCK_TRIES = 8
LONGEST_PAUSE = 8.0  # seconds between two tries; the first is one, and each the double of the one before
LEAST_WAIT = 0.1  # seconds that a statement may wait when those before it took their time
LOCKED = {"55P03", "40P01"}  # lock not available, deadlock: PostgreSQL, appendix A
SQLITE_LOCKED = {5, 6}  # SQLITE_BUSY, SQLITE_LOCKED
HOLDER = sa.text(
    "SELECT l.pid, c.relname, coalesce(a.state, 'of another role') AS state, "
    "coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::int AS seconds "
    "FROM pg_locks l JOIN pg_class c ON c.oid = l.relation LEFT JOIN pg_stat_activity a USING (pid) "
    "WHERE l.granted AND l.pid <> pg_backend_pid() AND c.relkind = 'r' AND c.relname = ANY(:words) "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "ORDER BY a.xact_start NULLS LAST LIMIT 1"
)
"""Of those who hold a lock on a table that the statement names, the one whose transaction is the oldest."""


def render_item(kind: str, item: Any, _autogen: AutogenContext) -> str | bool:
    """Write plain SQLAlchemy types, so that no migration imports the application."""
    if kind != "type":
        return False
    if type(item).__name__ == "UTCDateTime":
        return "sa.DateTime(timezone=True)"
    if isinstance(item, sa.Enum):
        return f"sa.String({item.length})"
    return False


def run() -> None:
    """Do what is to be done, giving way to whoever holds a lock.

    Raises:
        ClickException: a lock was held at every try of one migration.
    """
    if context.is_offline_mode():
        raise SystemExit("Daybook's migrations need a database connection; offline SQL is not supported.")
    told = context.get_x_argument(as_dictionary=True)
    wait, tries = float(told.get("lock_wait", LOCK_WAIT)), int(told.get("lock_tries", LOCK_TRIES))
    failed: list[str] = []
    while True:
        try:
            run_once(wait)
        except OperationalError as error:
            if not is_locked(error):
                raise
            failed.append(migration_of(error))
            if (count := failed.count(failed[-1])) >= tries:
                raise click.ClickException(given_up(error, failed[-1], count)) from error
            time.sleep(min(2.0 ** (count - 1), LONGEST_PAUSE))
        else:
            return


def run_once(wait: float) -> None:
    with db.engine.connect().execution_options(write=True, firm="all") as connection:
        if connection.dialect.name == "postgresql":
            limit_waiting(connection, wait)
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=render_item,
            render_as_batch=True,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


def limit_waiting(connection: sa.Connection, wait: float) -> None:
    """Let the statements of a transaction wait so many seconds for locks: all together, not each of them."""
    spent = begun = 0.0

    def begin(_connection: sa.Connection) -> None:
        nonlocal spent
        spent = 0.0

    def before(_connection: sa.Connection, cursor: Any, *_facts: Any) -> None:
        nonlocal begun
        cursor.connection.execute(f"SET LOCAL lock_timeout = {round(max(wait - spent, LEAST_WAIT) * 1000)}")
        begun = time.monotonic()

    def after(*_facts: Any) -> None:
        nonlocal spent
        spent += time.monotonic() - begun

    sa.event.listen(connection, "begin", begin)
    sa.event.listen(connection, "before_cursor_execute", before)
    sa.event.listen(connection, "after_cursor_execute", after)


def is_locked(error: OperationalError) -> bool:
    state, code = getattr(error.orig, "sqlstate", None), getattr(error.orig, "sqlite_errorcode", 0)
    return state in LOCKED or code & 0xFF in SQLITE_LOCKED


def migration_of(error: OperationalError) -> str:
    """The migration that failed; where it could not even begin, the one that was next."""
    for frame, _line in traceback.walk_tb(error.__traceback__):
        if "down_revision" in frame.f_globals:
            return str(frame.f_globals["revision"])
    with db.engine.connect() as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
    coming = [each.revision for each in context.script.iterate_revisions("heads", heads or "base")]
    return coming[-1] if coming else ", ".join(heads)


def given_up(error: OperationalError, migration: str, tries: int) -> str:
    holder, advice = "another program that writes to the file", "Let it end, or stop it"
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect() as connection:
            words = re.findall(r"\w+", error.statement or "")
            found = connection.execute(HOLDER, {"words": words}).first()
        holder, advice = "a transaction that has ended since", "Wait for a quieter moment"
        if found is not None:
            holder = f"process {found.pid} ({found.state}, {found.seconds} s) on the table {found.relname}"
            advice = f"Let its transaction end, or end it with `SELECT pg_terminate_backend({found.pid})`"
    return (
        f"Migration {migration} was held up by {holder} at each of {tries} tries, and has changed nothing. "
        f"{advice}, then run `daybook db upgrade` again."
    )


run()
