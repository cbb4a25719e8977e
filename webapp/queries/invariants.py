"""What must be true of every database, asked of one that exists.

The contract has eleven invariants. Nine can be seen in the rows and are asked here: 1 to 7, 10 and 11. The
other two are about what happens when requests meet: 8 (a repeated submission has one effect) and 9 (of racing
actions exactly one wins). No row shows that they held; the tests of idempotency and of races do.

Every question is one SQL statement, so that it sees one moment of a database in use, and its answer is cut to
``limit`` rows, so that a large broken database does not fill the memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.queries.invariant_questions import questions

SQLITE_GUARDS: tuple[tuple[int, str], ...] = (
    (3, "appointment_slot_insert"),
    (3, "appointment_slot_update"),
    (6, "appointment_status_history_no_update"),
    (6, "appointment_status_history_no_delete"),
    (6, "appointment_status_history_no_replace"),
)
POSTGRESQL_GUARDS: tuple[tuple[int, str], ...] = (
    (3, "ex_appointment_slot"),
    (6, "appointment_status_history_append_only"),
    (6, "appointment_status_history_no_truncate"),
)


@dataclass(frozen=True, slots=True)
class Violation:
    """A sentence that is not true of the database, and the rows (at most ``limit``) that show it."""

    number: int
    sentence: str
    rows: tuple[dict[str, Any], ...]


def check(session: Session, *, firm_id: int | None = None, limit: int = 100) -> Iterator[Violation]:
    """Ask every question, of one firm or of all, and yield those with a wrong answer, by number."""
    yield from _missing_guards(session)
    for number, sentence, statement in questions():
        asked = statement.subquery()
        wanted = sa.select(asked).limit(limit)
        if firm_id is not None:
            wanted = wanted.where(asked.c.firm_id == firm_id)
        rows = tuple(dict(row) for row in session.execute(wanted).mappings())
        if rows:
            yield Violation(number, sentence, rows)


def _missing_guards(session: Session) -> Iterator[Violation]:
    """The guards in the database, of which the sentences above are what they guard."""
    if session.get_bind().dialect.name == "postgresql":
        guards, catalogue = POSTGRESQL_GUARDS, _postgresql_guards()
    else:
        guards = SQLITE_GUARDS
        catalogue = sa.text("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
    present = set(session.scalars(catalogue))
    for number, name in guards:
        if name not in present:
            yield Violation(number, f"The guard {name} stands in the database.", ({"guard": name},))


def _postgresql_guards() -> sa.TextClause:
    return sa.text(
        "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A') "
        "AND tgrelid IN ('appointment'::regclass, 'appointment_status_history'::regclass) "
        "UNION SELECT conname FROM pg_constraint WHERE conrelid = 'appointment'::regclass AND contype = 'x'"
    )
