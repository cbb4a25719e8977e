"""How both engines go about what the pages ask: by index, never through a whole table.

The statements are caught while the pages run, so a page cannot drift away from its test.
"""

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import NOW
from tests.queries.conftest import MANY, DeskOf
from tests.support.desks import Desk
from tests.support.many import PER_DAY
from tests.support.statements import Statement, captured, postgres_plan, sqlite_plan
from webapp.models import Appointment
from webapp.vocabulary import Status

LARGE = {
    "appointment",
    "appointment_status_history",
    "contact",
    "contact_term",
    "audit_event",
    "outbox_event",
}
SMALL = {
    "account",
    "appointment_type",
    "firm",
    "invitation",
    "staff_user",
    "submission",
    "user_session",
    "webhook_endpoint",  # at most 20 of a firm
}
"""A handful of rows for each firm: reading all of them is cheaper than an index."""

LEFT_OVER = (
    *("CONSTANT", "(", "anon_", "subquery"),
    *(
        "accounts",
        "cohort",
        "counted",
        "lead_count",
        "notice_count",
        "first",
        "found",
        "keyed",
        "picked",
        "read",
        "stretch",
    ),
)
"""What the rows that a subquery left are called in SQLite's plans."""

BOUNDED = {
    "ix_appointment_status_history_changed_at",
    "ix_appointment_start",  # read in order from one end: a LIMIT stops after a page
    "ix_contact_sort_name",
    "ix_appointment_awaiting",  # of the few that wait for somebody
    "ix_appointment_requested",
    "ix_sweep_hold_open",  # at most one for each kind of sweep
}
"""Indexes that may be read for a whole firm."""

BOARD = (
    "/day/2026-01-13",
    "/week/2026-01-13",
    "/day/2026-01-13?staff=3",
    "/day/2026-01-13?status=confirmed&status=completed",
    "/day/2026-01-13?hide_closed=on",
)
PAGES = (
    *BOARD,
    "/day/2026-01-13?q=abara",
    "/day/2031-01-13",
    "/day/2026-01-13/changes?since=2026-01-13T09:00:00%2B00:00",
    "/appointments/{id}",
    "/appointments/{id}/menu",
    "/appointments",
    "/appointments?order=oldest",
    "/appointments?from=2025-12-01&to=2025-12-31",
    "/appointments?status=completed",
    "/appointments?status=completed&status=no_show&status=confirmed&order=oldest",
    "/appointments?staff=me",
    "/appointments?staff=3&status=no_show&status=cancelled&from=2025-06-01",
    "/appointments?type=3",
    "/appointments?type=3&status=no_show&staff=me",
    "/appointments?q=ada+abara3",
    "/appointments?q=ada+abara3&status=completed&from=2025-01-01",
    "/appointments?q=0000016",
    "/appointments?q=c12@client.example",
    "/appointments?q=2088",
    "/appointments?q=c",
    "/appointments?q=c&status=no_show&status=cancelled&order=oldest",
    "/requests?q=c",
    "/activity",
    "/activity?action=decline",
    "/activity?by=3&became=cancelled&from=2025-06-01",
    "/activity?staff=3",
    "/activity?was=confirmed",
    "/activity?by=3",
    "/activity?by=system",
    "/activity?staff=3&action=cancel&by=3",
    "/activity?from=2026-01-01&to=2026-01-12",
    "/activity?after=1760000000000000.1",
    "/activity/news?since=2026-01-13T09:00:00%2B00:00&by=3",
    "/activity/news?since=2026-01-13T09:00:00%2B00:00&became=no_show&staff=3",
    "/reports?from=2026-01-05&to=2026-01-06",
    "/reports?from=2025-12-01&to=2025-12-31&staff=3&type=2",
    "/reports?from=2026-01-05&to=2026-01-12&account=1",
    "/reports?from=2026-01-05&to=2026-01-05&as_of=2026-01-12T10:00",
    "/reports/appointments?from=2026-01-05&to=2026-01-12&figure=no-show",
    "/reports/appointments?from=2026-01-05&to=2026-01-12&figure=due&weekday=0&hour=9",
    "/reports/appointments?from=2026-01-05&to=2026-01-12&figure=completed&behind=automatic",
    "/reports/appointments?from=2026-01-05&to=2026-01-12&behind=request-declined",
    "/reports/appointments?from=2026-01-05&to=2026-01-05&figure=no-show&as_of=2026-01-12T10:00",
    "/appointments/{id}/timeline",
    "/appointments/{id}/dossier",
    "/reports/day-sheet?date=2026-01-13&as_of=2026-01-12T10:00",
    "/reports/day-sheet?date=2026-01-13&staff=3&type=2&as_of=2026-01-12T10:00",
    "/day/2026-01-13?as_of=2026-01-12T10:00",
    "/requests",
    "/requests?staff=me",
    "/needs-outcome",
    "/needs-outcome?staff=me",
    "/appointments.csv?from=2026-01-12&to=2026-01-12",
    "/contacts",
    "/contacts?q=ada+abara3",
    "/contacts/77",
    "/accounts",
)


BROAD = re.compile(r"[?]q=c(&|$)")
"""A search that means everybody walks along the appointments in order, and stops."""


def paths(desk: Desk, path: str) -> str:
    """The address with a reference that has a chain, a history and an edit."""
    return path.format(id=MANY // 2 // PER_DAY * PER_DAY + 8)


def bounded(path: str) -> set[str]:
    """The indexes that a page may read for a whole firm. A search of few has better ones."""
    narrow = "?q=" in path and not BROAD.search(path)
    return BOUNDED - {"ix_appointment_start"} if narrow else BOUNDED


def faults(desk: Desk, statement: Statement, bounded: set[str]) -> list[str]:
    """What of the plan would grow with the firm; empty when all of it is by a key or a short range."""
    if desk.engine.dialect.name == "postgresql":
        return [told for node in postgres_plan(desk.engine, statement) if (told := _reads_all(node, bounded))]
    return [line for line in sqlite_plan(desk.engine, statement) if _walks(line, bounded)]


def _reads_all(node: dict[str, Any], bounded: set[str]) -> str:
    """A whole table, or a whole firm's part of an index."""
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE:
        return f"Seq Scan on {node['Relation Name']}"
    condition = re.sub(r"::\w+|[()' ]", "", node.get("Index Cond", ""))
    large = node.get("Relation Name", "appointment") in LARGE and node.get("Index Name") not in bounded
    return (
        f"the whole firm in {node['Index Name']}" if large and re.fullmatch(r"firm_id=\d+", condition) else ""
    )


def _walks(line: str, bounded: set[str]) -> bool:
    """A scan of a table, or a search by the firm alone; other than of the few rows that a subquery left."""
    if whole := re.match(r"SEARCH (\S+) USING (?:COVERING )?INDEX (\S+) \(firm_id=\?\)$", line):
        return whole[1] not in SMALL and whole[2] not in bounded
    scan = re.match(r"SCAN (\S+)", line)
    if scan is None or scan[1] in SMALL or scan[1].startswith(LEFT_OVER):
        return "AUTOMATIC" in line and not line.startswith("SEARCH found ")  # few rows, more than once
    return True


def test_what_awaits_its_seal_is_counted_without_reading_the_history(desk_of: DeskOf) -> None:
    desk = desk_of(MANY)
    few = {"ix_history_unsealed_firm", "sqlite_autoindex_history_seal_1"}
    for statement in desk.statements("/settings/record"):
        if "history_unsealed" in statement.sql:
            assert not faults(desk, statement, few), statement.short


@pytest.mark.parametrize("path", PAGES)
def test_a_page_reads_by_index(desk_of: DeskOf, path: str) -> None:
    desk = desk_of(MANY)
    if path.startswith("/week/") and desk.engine.dialect.name == "postgresql":
        # Beside 350 rows a table of this size is small, and read whole. The statements are those of the day.
        week, day = ({asked.sql for asked in desk.statements(board)} for board in (path, BOARD[0]))
        assert week == day
        return
    found = [
        f"{fault} in: {statement.short}"
        for statement in desk.statements(paths(desk, path))
        for fault in faults(desk, statement, bounded(path))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", [path for path in PAGES if not path.startswith("/week/")])
def test_policies_leave_a_page_its_indexes(bound_desk_of: DeskOf, path: str) -> None:
    desk = bound_desk_of(MANY)
    asked = desk.statements(paths(desk, path))
    found = [f"{fault} in: {each.short}" for each in asked for fault in faults(desk, each, bounded(path))]
    assert not found, "\n".join(found)
    nodes = [node for each in asked for node in postgres_plan(desk.engine, each)]
    assert any("daybook.firm" in node.get("Filter", "") for node in nodes), "No policy was in force."


@pytest.mark.parametrize("path", BOARD)
def test_the_board_comes_sorted_from_its_index(desk_of: DeskOf, path: str) -> None:
    desk = desk_of(MANY)
    asked = desk.statements(path)
    order = "ORDER BY appointment.start_time, appointment.appointment_id"
    rows = [statement for statement in asked if order in statement.sql]
    assert rows
    for statement in rows:
        if desk.engine.dialect.name == "sqlite":
            assert not [line for line in sqlite_plan(desk.engine, statement) if "TEMP B-TREE" in line]
        else:  # which may sort the rows of one day; they come from an index all the same
            names = {node.get("Index Name", "") for node in postgres_plan(desk.engine, statement)}
            assert any(re.fullmatch("ix_appointment_.*start", name) for name in names), names


@pytest.mark.parametrize(
    ("status", "column", "index"),
    [
        (Status.CONFIRMED, Appointment.end_time, "ix_appointment_due"),
        (Status.AWAITING_CONFIRMATION, Appointment.confirm_by, "ix_appointment_awaiting"),
        (Status.REQUESTED, Appointment.start_time, "ix_appointment_(requested|status_start)"),
    ],
)
def test_what_falls_due_has_an_index_of_its_own(
    desk_of: DeskOf, status: Status, column: sa.Column[object], index: str
) -> None:
    desk = desk_of(MANY)
    due = (
        sa.select(Appointment.appointment_id)
        .where(
            Appointment.firm_id == 1,
            Appointment.status == sa.literal_column(f"'{status}'"),
            column <= NOW - timedelta(hours=1),
        )
        .order_by(column)
        .limit(200)
    )
    with Session(desk.engine) as session, captured(desk.engine) as found:
        session.execute(due)
    plan = (
        " ".join(str(node.get("Index Name")) for node in postgres_plan(desk.engine, found[0]))
        if desk.engine.dialect.name == "postgresql"
        else " ".join(sqlite_plan(desk.engine, found[0]))
    )
    assert re.search(index, plan), plan


def test_a_scan_is_told_from_a_search(desk_of: DeskOf) -> None:
    desk = desk_of(MANY)
    with Session(desk.engine) as session, captured(desk.engine) as found:
        session.execute(sa.select(Appointment.appointment_id).where(Appointment.booked_by == "Nobody"))
        session.execute(sa.select(Appointment.appointment_id).where(Appointment.appointment_id == 7))
    assert faults(desk, found[0], BOUNDED)
    assert not faults(desk, found[1], BOUNDED)


def test_no_trigger_walks_through_a_table(desk_of: DeskOf) -> None:
    """A trigger runs for every row that is written; PostgreSQL's look at that row alone."""
    desk = desk_of(MANY)
    if desk.engine.dialect.name == "postgresql":
        return
    with desk.engine.connect() as connection:
        bodies = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type = 'trigger'")
        asked = [query for body in bodies.scalars() for query in _lookups(body)]
    assert len(asked) >= 4
    for query in asked:
        text, rows = re.subn(r"\b(?:NEW|OLD)\.\w+", "?", query)
        statement = Statement(text, (0,) * rows)
        assert not faults(desk, statement, BOUNDED), query


def _lookups(trigger: str) -> list[str]:
    """What a trigger reads: each ``SELECT 1 FROM …`` up to the parenthesis that closes it."""
    found = []
    for start in (match.start() for match in re.finditer("SELECT 1 FROM", trigger)):
        depth = 0
        for end in range(start, len(trigger)):
            depth += {"(": 1, ")": -1}.get(trigger[end], 0)
            if depth < 0:
                found.append(trigger[start:end])
                break
    return found
