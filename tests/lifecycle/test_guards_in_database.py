"""What the database refuses however it is asked: SQL written past the application, on both engines."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, at_status, make_world
from tests.lifecycle import raw, rows
from webapp.models import Appointment, Base
from webapp.models.engine import make_engine
from webapp.vocabulary import LIVE, Status

MINUTE = timedelta(minutes=1)
LIVE_STATUSES = [status for status in Status if status in LIVE]
SLOT = {"sqlite": "slot_taken", "postgresql": "ex_appointment_slot"}
DURATION = {"sqlite": "too_long", "postgresql": "ck_appointment_duration"}


def mark(session: Session, marks: dict[str, str]) -> str:
    return marks[session.get_bind().dialect.name]


@pytest.mark.parametrize("second", LIVE_STATUSES)
@pytest.mark.parametrize("first", LIVE_STATUSES)
def test_two_live_appointments_never_overlap(
    session: Session, world: World, first: Status, second: Status
) -> None:
    raw.appointment(session, world, first)
    for shift in (timedelta(0), LENGTH - MINUTE, MINUTE - LENGTH):
        start = world.now + DAY + shift
        raw.refused(
            session,
            lambda start=start: raw.appointment(session, world, second, start_time=start),
            mark(session, SLOT),
        )


@pytest.mark.parametrize(("start", "end"), [(-60, 120), (10, 20), (-23 * 60, 1), (44, 24 * 60)])
def test_one_that_encloses_or_lies_within_overlaps(
    session: Session, world: World, start: int, end: int
) -> None:
    raw.appointment(session, world)
    times = {
        "start_time": world.now + DAY + start * MINUTE,
        "end_time": world.now + DAY + end * MINUTE,
    }
    raw.refused(session, lambda: raw.appointment(session, world, **times), mark(session, SLOT))


def test_a_long_meeting_holds_its_last_minute(session: Session, world: World) -> None:
    raw.appointment(session, world, end_time=world.now + 2 * DAY)
    last = {"start_time": world.now + 2 * DAY - MINUTE}
    raw.refused(session, lambda: raw.appointment(session, world, **last), mark(session, SLOT))


@pytest.mark.parametrize(
    "values",
    [
        {"status": "confirmed", "cancelled_at": None, "cancellation_kind": None, "cancelled_by": None},
        {"status": "requested", "cancelled_at": None, "cancellation_kind": None, "cancelled_by": None},
    ],
)
def test_none_comes_back_to_life_in_a_slot_that_is_held(
    session: Session, world: World, values: dict[str, Any]
) -> None:
    cancelled = raw.appointment(session, world, Status.CANCELLED)
    raw.appointment(session, world)
    raw.refused(session, lambda: raw.change(session, cancelled, **values), mark(session, SLOT))


def test_none_moves_or_grows_into_a_slot_that_is_held(session: Session, world: World) -> None:
    raw.appointment(session, world)
    start = world.now + 2 * DAY
    other = raw.appointment(session, world, start_time=start)
    lenas = raw.appointment(session, world, staff_user_id=world.staff2.staff_user_id)
    double = raw.appointment(session, world, overbooked=True)
    for number, values in (
        (other, {"start_time": world.now + DAY + 44 * MINUTE, "end_time": start}),
        (lenas, {"staff_user_id": world.staff.staff_user_id}),
        (double, {"overbooked": False}),
    ):
        raw.refused(
            session,
            lambda number=number, values=values: raw.change(session, number, **values),
            mark(session, SLOT),
        )


def test_what_does_not_overlap_is_let_in(session: Session, world: World) -> None:
    tomorrow = world.now + DAY
    raw.appointment(session, world)
    raw.appointment(session, world, start_time=tomorrow + LENGTH)
    raw.appointment(session, world, start_time=tomorrow - LENGTH)
    raw.appointment(session, world, staff_user_id=world.staff2.staff_user_id)
    raw.appointment(session, world, overbooked=True)
    for status in set(Status) - LIVE:
        raw.appointment(session, world, status)
    other = make_world(session, "other")
    raw.appointment(session, other)


def test_an_appointment_is_edited_in_its_own_slot(session: Session, world: World) -> None:
    number = raw.appointment(session, world)
    raw.change(session, number, end_time=world.now + DAY + 2 * LENGTH)
    raw.change(session, number, status="requested")


@pytest.mark.parametrize("too_much", [timedelta(seconds=1), DAY])
def test_no_meeting_is_longer_than_a_day(session: Session, world: World, too_much: timedelta) -> None:
    start = world.now + DAY
    number = raw.appointment(session, world, start_time=start, end_time=start + DAY)
    longer = {"end_time": start + DAY + too_much}
    raw.refused(session, lambda: raw.change(session, number, **longer), mark(session, DURATION))
    start += 10 * DAY
    late = {"start_time": start, "end_time": start + DAY + too_much}
    raw.refused(session, lambda: raw.appointment(session, world, **late), mark(session, DURATION))


APPEND_ONLY = {
    "appointment_status_history": "history_id",
    "audit_event": "audit_event_id",
}
REWRITES = {
    "update": "UPDATE {table} SET actor_label = 'nobody'",
    "update one": "UPDATE {table} SET actor_label = 'nobody' WHERE {key} = 1",
    "update nothing new": "UPDATE {table} SET actor_label = actor_label",
    "delete": "DELETE FROM {table}",
}
ON_SQLITE = {
    "replace": "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
    "replace into": "REPLACE INTO {table} SELECT * FROM {table}",
    "update or replace": "UPDATE OR REPLACE {table} SET actor_label = 'nobody'",
    "upsert": "INSERT INTO {table} SELECT * FROM {table} WHERE 1 ON CONFLICT DO UPDATE SET actor_label = 'x'",
}
ON_POSTGRESQL = {
    "truncate": "TRUNCATE {table} CASCADE",
    "truncate the parent": "TRUNCATE firm CASCADE",
    "upsert": "INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ({key}) DO UPDATE SET actor_label = 'x'",
    "merge": "MERGE INTO {table} t USING {table} s ON t.{key} = s.{key} WHEN MATCHED THEN DELETE",
}


@pytest.fixture
def written(session: Session, world: World) -> None:
    """One history row and one audit row."""
    made = at_status(session, Status.CONFIRMED, world)
    session.execute(
        sa.insert(Base.metadata.tables["audit_event"]).values(
            firm_id=world.firm.firm_id,
            subject="appointment",
            subject_id=made.appointment_id,
            action="edited",
            changes={},
            actor_label="Lena Fischer",
            changed_at=world.now,
        )
    )
    session.commit()


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_what_was_written_is_never_rewritten(session: Session, table: str) -> None:
    more = ON_SQLITE if session.get_bind().dialect.name == "sqlite" else ON_POSTGRESQL
    before = rows.everything(session)
    for statement in (REWRITES | more).values():
        sql = sa.text(statement.format(table=table, key=APPEND_ONLY[table]))
        raw.refused(session, lambda sql=sql: session.execute(sql), "append_only")
    assert rows.everything(session) == before


@pytest.mark.usefixtures("written")
@pytest.mark.one_engine("sqlite")  # the pragma is SQLite's
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_a_connection_without_recursive_triggers_rewrites_nothing_either(
    engine: Engine, session: Session, table: str
) -> None:
    before = rows.everything(session)
    session.rollback()
    careless = make_engine(str(engine.url))
    sa.event.listen(careless, "connect", lambda raw, _: raw.execute("PRAGMA recursive_triggers=OFF"))
    with Session(careless) as other:
        assert other.scalar(sa.text("PRAGMA recursive_triggers")) == 0
        for statement in (REWRITES | ON_SQLITE).values():
            sql = sa.text(statement.format(table=table, key=APPEND_ONLY[table]))
            raw.refused(other, lambda sql=sql: other.execute(sql), "append_only")
    careless.dispose()
    assert rows.everything(session) == before


@pytest.mark.usefixtures("written")
def test_an_appointment_with_a_history_stays(session: Session) -> None:
    raw.refused(session, lambda: session.execute(sa.delete(Appointment.__table__)), "foreign key")


@pytest.mark.parametrize("status", list(Status))
def test_a_stamp_is_set_exactly_if_the_status_is_its_own(
    session: Session, world: World, status: Status
) -> None:
    words = {"cancellation_kind": "cancelled", "cancelled_by": "staff", "no_show_party": "both"}
    stamps = {name for own in raw.OWN_STAMPS.values() for name in own} - {"confirm_by"}
    for name in sorted(stamps):
        value = None if name in raw.OWN_STAMPS.get(status, {}) else words.get(name, world.now)
        wrong = {name: value}
        raw.refused(session, lambda wrong=wrong: raw.appointment(session, world, status, **wrong), "check")


def test_what_awaits_an_answer_has_a_deadline(session: Session, world: World) -> None:
    raw.refused(
        session,
        lambda: raw.appointment(session, world, Status.AWAITING_CONFIRMATION, confirm_by=None),
        "check",
    )


def wrong(what: str) -> Callable[[World], dict[str, Any]]:
    facts: dict[str, Callable[[World], dict[str, Any]]] = {
        "status": lambda _: {"status": sa.literal_column("'postponed'")},
        "interval": lambda world: {"end_time": world.now + DAY},
        "client": lambda _: {"contact_id": None},
        "version": lambda _: {"version": 0},
        "chain": lambda _: {"chain_position": 2},
    }
    return facts[what]


@pytest.mark.parametrize("what", ["status", "interval", "client", "version", "chain"])
def test_no_appointment_is_absurd(session: Session, world: World, what: str) -> None:
    values = wrong(what)(world)
    raw.refused(session, lambda: raw.appointment(session, world, **values), f"ck_appointment_{what}")
