"""The verifier finds each broken sentence in a database without guards, and nothing in a sound one."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_world
from tests.lifecycle import bare, raw
from tests.lifecycle.broken import ACTORS, BROKEN, NOBODY, rewrite
from webapp.models import Base
from webapp.queries.invariants import POSTGRESQL_GUARDS, SQLITE_GUARDS, check
from webapp.vocabulary import Status


def one_of_each(session: Session, world: World) -> dict[Status, int]:
    """The number of an appointment in every status; the moved one's successor is one more."""
    days = {Status.COMPLETED: -2, Status.NO_SHOW: -1}
    starts = {status: days.get(status, 1 + 14 * place) for place, status in enumerate(Status)}
    return {
        status: at_status(session, status, world, start=world.now + day * DAY).appointment_id
        for status, day in starts.items()
    }


def found(session: Session, **asked: Any) -> set[tuple[int, str]]:
    """Number and sentence of what is broken, apart from the guards that are gone."""
    return {
        (violation.number, violation.sentence)
        for violation in check(session, **asked)
        if not violation.sentence.startswith("The guard")
    }


@pytest.fixture
def stripped(engine: Engine, session: Session) -> World:
    """Marlow's in a database without guards."""
    bare.strip(engine)
    return make_world(session)


def test_a_sound_database_breaks_nothing(session: Session, world: World) -> None:
    one_of_each(session, world)
    assert list(check(session)) == []


def test_a_sound_database_breaks_nothing_even_without_its_guards(session: Session, stripped: World) -> None:
    one_of_each(session, stripped)
    assert found(session) == set()


@pytest.mark.parametrize("number", [1, 2, 3, 4, 6, 7])
def test_what_is_broken_is_found(session: Session, stripped: World, number: int) -> None:
    appointments = one_of_each(session, stripped)
    for name, (of, sentence, spoil) in BROKEN.items():
        if of == number:
            savepoint = session.begin_nested()
            spoil(session, stripped, appointments)
            assert (number, sentence) in found(session), name
            savepoint.rollback()
    assert found(session) == set()


def test_every_stamp_of_every_status_is_looked_at(session: Session, stripped: World) -> None:
    numbers = one_of_each(session, stripped)
    words = {"cancellation_kind": "cancelled", "cancelled_by": "staff", "no_show_party": "both"}
    stamps = {name: status for status, own in raw.OWN_STAMPS.items() for name in own if name != "confirm_by"}
    assert len(stamps) == 7
    for name, owner in stamps.items():
        for status, number in numbers.items():
            value = None if status is owner else words.get(name, stripped.now)
            savepoint = session.begin_nested()
            raw.change(session, number, **{name: value})
            assert (5, f"{name} is set exactly if the status is {owner}.") in found(session), (name, status)
            savepoint.rollback()
    assert found(session) == set()


def test_a_row_that_names_nobody_is_found(session: Session, stripped: World) -> None:
    number = at_status(session, Status.CONFIRMED, stripped).appointment_id
    for name, values in ACTORS.items():
        savepoint = session.begin_nested()
        rewrite(session, number, **values)
        assert 11 in {of for of, _ in found(session)}, name
        savepoint.rollback()


def key_of(table: sa.Table) -> dict[str, Any]:
    """What a row of the table needs as its key: a closed list gives its first member."""
    words: dict[str, Any] = {
        column.name: column.type.enums[0] if isinstance(column.type, sa.Enum) else "x"
        for column in table.primary_key
        if isinstance(column.type, sa.String)
    }
    numbers = [column.name for column in table.primary_key if column.name not in words]
    return words | (dict.fromkeys(numbers, NOBODY) if len(table.primary_key.columns) > 1 else {})


def test_every_reference_is_looked_up(session: Session, stripped: World) -> None:
    tables = bare.tables().tables
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            filled = key_of(table)
            values = dict.fromkeys(key.column_keys, NOBODY)
            if len(key.column_keys) > 1:
                values["firm_id"] = stripped.firm.firm_id
            savepoint = session.begin_nested()
            session.execute(sa.insert(tables[table.name]).values(filled | values))
            sentence = (
                f"{table.name}.{key.column_keys[-1]} names a {key.referred_table.name} of the same firm."
            )
            assert (10, sentence) in found(session)
            savepoint.rollback()


def test_a_reference_into_another_firm_is_found(session: Session, stripped: World) -> None:
    other = make_world(session, "other")
    number = at_status(session, Status.CONFIRMED, stripped).appointment_id
    raw.change(session, number, staff_user_id=other.staff.staff_user_id)
    sentence = "appointment.staff_user_id names a staff_user of the same firm."
    assert found(session) == {(10, sentence)}


def test_one_firm_is_asked_alone(session: Session, stripped: World) -> None:
    other = make_world(session, "other")
    number = at_status(session, Status.CONFIRMED, stripped).appointment_id
    raw.change(session, number, version=0)
    assert found(session, firm_id=other.firm.firm_id) == set()
    (violation,) = (v for v in check(session, firm_id=stripped.firm.firm_id) if v.number == 1)
    assert violation.rows == ({"firm_id": 1, "appointment_id": number, "version": 0, "rows": 1},)


def test_a_long_list_is_cut(session: Session, stripped: World) -> None:
    for day in range(3):
        raw.appointment(session, stripped, start_time=stripped.now + day * DAY)
    assert [len(v.rows) for v in check(session, limit=2) if v.number == 1] == [2]


def test_a_lost_guard_is_reported(session: Session, stripped: World) -> None:
    sqlite = session.get_bind().dialect.name == "sqlite"
    expected = {
        (number, f"The guard {name} stands in the database.")
        for number, name in (SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS)
    }
    assert {(v.number, v.sentence) for v in check(session)} == expected


@pytest.mark.one_engine("postgresql")  # SQLite has no switch for one trigger
def test_a_guard_that_is_switched_off_is_reported(session: Session, world: World) -> None:
    assert world.firm.firm_id
    session.execute(sa.text("ALTER TABLE appointment_status_history DISABLE TRIGGER ALL"))
    assert {v.number for v in check(session)} == {6}
