"""Two firms in one database: no row of one refers to the other, and no service function crosses over."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, draft, make_world
from tests.lifecycle import raw, rows, steps
from webapp.lifecycle import appointments, booking, details
from webapp.lifecycle.appointments import NewSlot
from webapp.lifecycle.errors import Invalid
from webapp.models import Base
from webapp.vocabulary import Action, Status


@pytest.fixture
def theirs(session: Session, world: World) -> World:
    """Another firm, with appointments at the same times."""
    return make_world(session, "other")


def test_every_reference_carries_the_firm() -> None:
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            assert key.column_keys[0] == "firm_id", key.name
            assert next(iter(key.elements)).column.name == "firm_id", key.name


@pytest.mark.parametrize(
    ("column", "of"),
    [
        ("appointment_type_id", lambda other: other.kind.appointment_type_id),
        ("staff_user_id", lambda other: other.staff.staff_user_id),
        ("booked_by_id", lambda other: other.staff.staff_user_id),
        ("contact_id", lambda other: other.contact.contact_id),
        ("account_id", lambda other: other.account.account_id),
        ("firm_id", lambda other: other.firm.firm_id),
    ],
)
def test_the_database_refuses_a_row_of_another_firm(
    session: Session, world: World, theirs: World, column: str, of: Any
) -> None:
    values = {column: of(theirs)}
    raw.refused(session, lambda: raw.appointment(session, world, **values), "foreign key")


def test_the_database_refuses_a_chain_into_another_firm(
    session: Session, world: World, theirs: World
) -> None:
    number = at_status(session, Status.CANCELLED, theirs).appointment_id
    chain = {"rescheduled_from_id": number, "chain_root_id": number, "chain_position": 2}
    raw.refused(session, lambda: raw.appointment(session, world, **chain), "foreign key")


def test_the_database_refuses_a_history_across_firms(session: Session, world: World, theirs: World) -> None:
    ours, number = raw.appointment(session, world), raw.appointment(session, theirs)
    raw.refused(session, lambda: raw.history(session, world, number), "foreign key")
    stranger = {"actor_kind": "staff", "changed_by_id": theirs.staff.staff_user_id}
    raw.refused(session, lambda: raw.history(session, world, ours, **stranger), "foreign key")
    raw.history(session, world, ours)
    raw.refused(session, lambda: raw.event(session, theirs, ours), "foreign key")


@pytest.mark.parametrize(
    ("column", "of"),
    [
        ("appointment_type_id", lambda other: other.kind.appointment_type_id),
        ("staff_user_id", lambda other: other.staff.staff_user_id),
        ("contact_id", lambda other: other.contact.contact_id),
        ("account_id", lambda other: other.account.account_id),
    ],
)
def test_a_booking_with_a_number_of_another_firm_is_refused_as_unknown(
    session: Session, world: World, theirs: World, column: str, of: Any
) -> None:
    plan = replace(draft(world), **{"contact_id": None, column: of(theirs)})
    before = rows.everything(session)
    with pytest.raises(Invalid) as refusal:
        booking.book(session, actor=world.acting(), draft=plan, now=world.now)
    assert refusal.value.field == column
    assert rows.everything(session) == before


def test_a_meeting_is_not_moved_to_the_staff_of_another_firm(
    session: Session, world: World, theirs: World
) -> None:
    ours = at_status(session, Status.CONFIRMED, world)
    slot = NewSlot(
        start_time=ours.start_time + DAY,
        end_time=ours.end_time + DAY,
        staff_user_id=theirs.staff.staff_user_id,
    )
    with pytest.raises(Invalid) as refusal:
        appointments.reschedule(
            session, ours, actor=world.acting(), slot=slot, reason="Ada travels", now=world.now
        )
    assert refusal.value.field == "staff_user_id"


def test_a_contact_of_another_firm_is_not_put_in_the_details(
    session: Session, world: World, theirs: World
) -> None:
    ours = at_status(session, Status.CONFIRMED, world)
    with pytest.raises(Invalid) as refusal:
        details.edit(
            session,
            ours,
            actor=world.acting(),
            location="",
            notes="",
            contact_id=theirs.contact.contact_id,
            now=world.now,
            expected_version=ours.version,
        )
    assert refusal.value.field == "contact_id"


@pytest.mark.parametrize(
    "action", [action for action in Action if action not in {*steps.CREATING, Action.IMPORT}]
)
def test_nobody_reaches_an_appointment_of_another_firm(
    session: Session, world: World, theirs: World, action: Action
) -> None:
    number = at_status(session, Status.CONFIRMED, theirs)
    before = rows.everything(session)
    with pytest.raises(AssertionError, match="another"):
        steps.perform(session, action, number, actor=world.acting(world.owner), now=number.end_time)
    with pytest.raises(AssertionError, match="another"):
        details.edit(
            session,
            number,
            actor=world.acting(world.owner),
            location="",
            notes="Mine",
            contact_id=None,
            now=world.now,
            expected_version=1,
        )
    assert rows.everything(session) == before


def test_the_slots_of_one_firm_are_no_matter_to_another(
    session: Session, world: World, theirs: World
) -> None:
    at_status(session, Status.CONFIRMED, world)
    assert at_status(session, Status.CONFIRMED, theirs).overbooked is False


def test_two_firms_may_use_the_same_external_number(session: Session, world: World, theirs: World) -> None:
    raw.appointment(session, world, external_ref="A-1")
    raw.appointment(session, theirs, external_ref="A-1")
    again = {"external_ref": "A-1", "start_time": world.now + 5 * DAY}
    raw.refused(session, lambda: raw.appointment(session, world, **again), "unique")


def test_one_appointment_has_one_successor(session: Session, world: World) -> None:
    moved = at_status(session, Status.RESCHEDULED, world)
    second = {
        "rescheduled_from_id": moved.appointment_id,
        "chain_root_id": moved.appointment_id,
        "chain_position": 2,
        "start_time": world.now + 9 * DAY,
    }
    raw.refused(session, lambda: raw.appointment(session, world, **second), "unique")


def test_a_history_has_one_row_of_each_number(session: Session, world: World) -> None:
    made = at_status(session, Status.CONFIRMED, world)
    again = {"to_status": Status.CONFIRMED}
    mark = "append_only" if session.get_bind().dialect.name == "sqlite" else "unique"
    raw.refused(session, lambda: raw.history(session, world, made.appointment_id, **again), mark)
    assert len(rows.history(session, made)) == 1
