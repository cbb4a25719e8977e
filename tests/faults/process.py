"""``daybook`` with a clock that can be moved, and, if asked for, without one of its guards.

``DAYBOOK_FAULT_CLOCK`` names a file with the seconds by which this process is ahead of the machine.
``DAYBOOK_FAULT_GUARDS_OFF`` names guards to take out, with commas between them: a build that loses, doubles
or repeats, for the harness to find.
"""

import os
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Timer
from typing import Any

import sqlalchemy as sa

from webapp import clock
from webapp.delivery import leases, mail
from webapp.delivery.webhooks import claims
from webapp.lifecycle import recording, submissions
from webapp.models import MailMessage
from webapp.models import engine as engines
from webapp.vocabulary import MailState

DAWDLE = 0.3  # seconds from the answer to the commit of a build that answers first


def without_version_guard() -> None:
    """The change of an appointment goes through whatever became of it meanwhile."""
    table = recording.APPOINTMENTS
    seen = sa.and_(
        table.c.status == sa.bindparam("seen_status"), table.c.version == sa.bindparam("seen_version")
    )
    recording.CHANGE = (
        sa.update(table)
        .where(
            table.c.firm_id == sa.bindparam("seen_firm"),
            table.c.appointment_id == sa.bindparam("seen_id"),
            sa.or_(seen, sa.text("1 = 1")),
        )
        .values({name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in recording.GUARDED})
        .returning(*recording.digests.last_of())
    )


def without_immediate_begin() -> None:
    """On SQLite a transaction that will write begins as a reader."""
    engines._on_begin = lambda connection: connection.exec_driver_sql("BEGIN")


def without_once() -> None:
    """The same key or form has its effect each time."""

    def each_time(_session: Any, *, work: Callable[[], Any], **_facts: Any) -> tuple[Any, bool]:
        return work(), False

    submissions.once = each_time


def without_leases() -> None:
    """A claim ends the moment it is made."""
    leases.expires = lambda moment: moment
    claims.LEASE = timedelta(0)


def marked_before_sent() -> None:
    """A mail counts as sent as soon as it is claimed."""
    claim = mail._claim

    def claim_and_mark(session: Any, settings: Any, worker: str, moment: datetime) -> Any:
        found = claim(session, settings, worker, moment)
        if found is not None:
            taken = session.get_one(MailMessage, found[0])
            taken.state, taken.sent_at = MailState.SENT, moment
        return found

    mail._claim = claim_and_mark


def answered_before_commit() -> None:
    """The commit of what came with a key is left for later, and the caller told that it is done."""
    prepare = engines.prepare

    def dawdling(engine: sa.Engine) -> sa.Engine:
        keyed: set[int] = set()
        pending: dict[int, Timer] = {}

        def note(connection: sa.Connection, _cursor: Any, statement: str, *_facts: Any) -> None:
            if statement.startswith("INSERT INTO submission"):
                keyed.add(id(connection.connection.dbapi_connection))

        def commit(pooled: Any) -> None:
            connection = pooled.dbapi_connection
            if id(connection) not in keyed:
                connection.commit()
                return
            keyed.discard(id(connection))
            pending[id(connection)] = timer = Timer(DAWDLE, connection.commit)
            timer.start()

        def roll_back(pooled: Any) -> None:
            connection = pooled.dbapi_connection
            keyed.discard(id(connection))
            if id(connection) not in pending:
                connection.rollback()

        def wait(connection: sa.Connection) -> None:
            before = pending.pop(id(connection.connection.dbapi_connection), None)
            if before is not None:
                before.join()

        sa.event.listen(engine, "begin", wait)
        engine = prepare(engine)
        sa.event.listen(engine, "after_cursor_execute", note)
        engine.dialect.do_commit = commit  # type: ignore[method-assign]
        engine.dialect.do_rollback = roll_back  # type: ignore[method-assign]
        return engine

    engines.prepare = dawdling


GUARDS: dict[str, Callable[[], None]] = {
    "version": without_version_guard,
    "begin": without_immediate_begin,
    "once": without_once,
    "leases": without_leases,
    "mark": marked_before_sent,
    "commit": answered_before_commit,
}


def main() -> None:
    """Be ``daybook`` with the arguments given."""
    if ahead := os.environ.get("DAYBOOK_FAULT_CLOCK"):
        file, true_now = Path(ahead), clock.now
        clock.now = lambda: true_now() + timedelta(seconds=float(file.read_text()))
    for name in filter(None, os.environ.get("DAYBOOK_FAULT_GUARDS_OFF", "").split(",")):
        GUARDS[name]()
    from webapp.cli import main as daybook

    daybook()


if __name__ == "__main__":
    sys.exit(main())
