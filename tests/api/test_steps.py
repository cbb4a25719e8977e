"""Each step by API and at the desk: one lifecycle, so the same rows and the same sentences."""

import html
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.api.conftest import CallsAs
from tests.factories import LENGTH, World, at_status, make_world
from tests.lifecycle import rows
from tests.support.api import Program
from tests.support.signed_in import sign_in
from tests.ui.conftest import MovableClock
from webapp.models import Appointment
from webapp.vocabulary import Scope, Status

LIST = "/appointments"
LATER = "2026-01-20T09:00:00+00:00"
BEGUN = {"complete", "no-show"}
STEPS: dict[str, tuple[Status, Status, dict[str, Any], str, dict[str, str]]] = {
    "approve": (Status.REQUESTED, Status.CONFIRMED, {}, "approval", {}),
    "decline": (Status.REQUESTED, Status.CANCELLED, {"reason": "Full"}, "decline", {"reason": "Full"}),
    "confirm": (Status.AWAITING_CONFIRMATION, Status.CONFIRMED, {}, "confirmation", {}),
    "cancel": (
        Status.CONFIRMED,
        Status.CANCELLED,
        {"reason": "Ada is ill", "cancelled_by": "client"},
        "cancellation",
        {"reason": "Ada is ill", "cancelled_by": "client"},
    ),
    "reschedule": (
        Status.CONFIRMED,
        Status.RESCHEDULED,
        {"start_time": LATER, "reason": "Adviser away"},
        "rescheduling",
        {"start": "2026-01-20T09:00Z", "reason": "Adviser away", "staff_user_id": "{staff}"},
    ),
    "no-show": (
        Status.CONFIRMED,
        Status.NO_SHOW,
        {"no_show_party": "both", "note": "Nobody came", "occurred_at": "2026-01-13T09:45:00Z"},
        "no-show",
        {"party": "both", "note": "Nobody came", "at": "09:45"},
    ),
    "complete": (Status.CONFIRMED, Status.COMPLETED, {}, "completion", {}),
    "correct": (
        Status.COMPLETED,
        Status.NO_SHOW,
        {"status": "no_show", "no_show_party": "client", "reason": "Seen on camera"},
        "correction",
        {"outcome": "client", "reason": "Seen on camera"},
    ),
}
"""By step: from, to, the body, the desk's address, the desk's form."""
ALL = tuple(STEPS)


@pytest.fixture
def twin(session: Session) -> World:
    """A firm like Marlow's in everything, whose manager does by hand what Marlow's does by program."""
    return make_world(session, slug="twin")


@pytest.fixture
def program(calls_as: CallsAs, world: World) -> Program:
    return calls_as(world.manager)


@pytest.fixture
def by_hand(app: Flask, twin: World, moved_clock: MovableClock) -> FlaskClient:
    return sign_in(app.test_client(), twin.manager)


def ready(session: Session, world: World, step: str) -> int:
    """An appointment from which the step is possible now."""
    start = world.now - timedelta(minutes=30) if step in BEGUN else None
    session.rollback()
    return at_status(session, STEPS[step][0], world, start=start).appointment_id


def form(step: str, world: World, **more: str) -> dict[str, str]:
    typed = {name: value.format(staff=world.staff.staff_user_id) for name, value in STEPS[step][4].items()}
    return typed | {"form_token": f"token-{step}"} | more


def written(session: Session, appointment_id: int) -> tuple[Any, ...]:
    """Stamps, history and outbox of an appointment; without the numbers, and with nobody's name."""
    session.rollback()
    found = session.get_one(Appointment, appointment_id, populate_existing=True)
    columns = rows.row(session, found)
    kept = {
        name: value
        for name, value in columns.items()
        if not name.endswith("_id") and name not in {"chain_root_id", "booked_by"}
    }
    own = {"actor_label", "entry_hash", "words_salt"}
    history = [
        {name: value for name, value in row.items() if not name.endswith("_id") and name not in own}
        | {"actor": row["actor_label"].partition(" (API")[0]}
        for row in rows.history(session, found)
    ]
    numbers = {"appointment_id", "rescheduled_from", "chain_id"}
    events = [
        (
            row["event_type"],
            row["sequence"],
            row["created_at"],
            {name: value for name, value in row["payload"].items() if name not in numbers},
        )
        for row in rows.outbox(session, found)
    ]
    return kept, history, events


@pytest.mark.parametrize("step", ALL)
def test_a_step_writes_what_the_desk_writes(
    session: Session, world: World, twin: World, program: Program, by_hand: FlaskClient, step: str
) -> None:
    ours, theirs = ready(session, world, step), ready(session, twin, step)
    _source, to, body, desk, _form = STEPS[step]
    answer = program.post(f"{LIST}/{ours}/{step}", body)
    assert answer.status_code == 200, answer.text
    assert by_hand.post(f"{LIST}/{theirs}/{desk}", data=form(step, twin)).status_code == 303
    here, there = written(session, ours), written(session, theirs)
    assert here == there
    told = answer.json["original"] if step == "reschedule" else answer.json
    version = here[0]["version"]
    assert (told["status"], told["version"]) == (to.value, version)
    assert answer.headers["ETag"] == f'"{version}"'
    assert told["status_reason"] == here[0]["status_reason"]
    if step == "reschedule":
        successor = answer.json["successor"]
        assert (successor["rescheduled_from"], told["rescheduled_to"]) == (ours, successor["appointment_id"])
        assert (successor["chain_id"], successor["chain_position"]) == (ours, 2)
        assert len(rows.outbox(session, session.get_one(Appointment, successor["appointment_id"]))) == 1


@pytest.mark.parametrize("step", ALL)
def test_a_second_click_is_refused_and_changes_nothing(
    session: Session, world: World, program: Program, step: str
) -> None:
    number = ready(session, world, step)
    body = STEPS[step][2]
    assert program.post(f"{LIST}/{number}/{step}", body).status_code == 200
    session.rollback()
    before = rows.everything(session)
    again = program.post(f"{LIST}/{number}/{step}", body)
    expected = (422, "invalid") if step == "correct" else (409, "not_allowed")
    assert (again.status_code, again.json["code"]) == expected
    session.rollback()
    assert rows.everything(session) == before


@pytest.mark.parametrize("step", [step for step in ALL if step != "correct"])
def test_a_step_that_is_not_possible_is_refused_in_the_desks_words(
    session: Session, world: World, twin: World, program: Program, by_hand: FlaskClient, step: str
) -> None:
    session.rollback()
    ours = at_status(session, Status.CANCELLED, world).appointment_id
    theirs = at_status(session, Status.CANCELLED, twin).appointment_id
    answer = program.post(f"{LIST}/{ours}/{step}", STEPS[step][2])
    page = by_hand.post(f"{LIST}/{theirs}/{STEPS[step][3]}", data=form(step, twin))
    assert (answer.status_code, page.status_code) == (409, 409)
    assert answer.json["code"] == "not_allowed"
    assert answer.json["detail"] in html.unescape(page.text)


REFUSED: list[tuple[str, dict[str, Any], dict[str, str], str | None]] = [
    ("decline", {"reason": "  "}, {"reason": "  "}, "reason"),
    ("cancel", {"reason": "  "}, {"reason": "  "}, "reason"),
    ("cancel", {"reason": "a\x07b"}, {"reason": "a\x07b"}, "reason"),
    ("no-show", {"occurred_at": "2026-01-13T08:00:00Z"}, {"at": "08:00"}, "occurred_at"),
    ("correct", {"status": "completed", "no_show_party": None}, {"outcome": "completed"}, "status"),
    ("correct", {"reason": ""}, {"reason": ""}, "reason"),
    ("reschedule", {"start_time": "2026-01-12T09:00:00Z"}, {"start": "2026-01-12T09:00Z"}, "start_time"),
    ("reschedule", {"start_time": "2099-01-12T09:00:00Z"}, {"start": "2099-01-12T09:00Z"}, "start_time"),
]


@pytest.mark.parametrize(("step", "changed", "typed", "field"), REFUSED)
def test_what_cannot_be_accepted_is_refused_in_the_desks_words(
    session: Session,
    world: World,
    twin: World,
    program: Program,
    by_hand: FlaskClient,
    step: str,
    changed: dict[str, Any],
    typed: dict[str, str],
    field: str,
) -> None:
    ours, theirs = ready(session, world, step), ready(session, twin, step)
    answer = program.post(f"{LIST}/{ours}/{step}", STEPS[step][2] | changed)
    page = by_hand.post(f"{LIST}/{theirs}/{STEPS[step][3]}", data=form(step, twin, **typed))
    assert (answer.status_code, page.status_code) == (422, 422)
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert answer.json["detail"] in html.unescape(page.text)


def test_an_outcome_opens_with_the_start(session: Session, world: World, program: Program) -> None:
    number = at_status(session, Status.CONFIRMED, world, start=world.now + timedelta(hours=2)).appointment_id
    answer = program.post(f"{LIST}/{number}/complete", {})
    assert (answer.status_code, answer.json["code"]) == (409, "not_allowed")
    assert answer.json["detail"] == "Complete opens 12:00, when it starts."


def test_a_taken_time_is_409_in_the_desks_words(
    session: Session, world: World, twin: World, program: Program, by_hand: FlaskClient
) -> None:
    for firm in (world, twin):
        session.rollback()
        at_status(session, Status.CONFIRMED, firm, start=firm.at("2026-01-20 09:00"))
    ours, theirs = ready(session, world, "reschedule"), ready(session, twin, "reschedule")
    answer = program.post(f"{LIST}/{ours}/reschedule", STEPS["reschedule"][2])
    page = by_hand.post(f"{LIST}/{theirs}/rescheduling", data=form("reschedule", twin))
    assert (answer.status_code, page.status_code) == (409, 409)
    assert answer.json["code"] == "slot_taken"
    assert answer.json["detail"] in html.unescape(page.text)
    assert answer.json["errors"][0]["field"] == "start_time"
    wide = STEPS["reschedule"][2] | {"double_book": True}
    moved = program.post(f"{LIST}/{ours}/reschedule", wide)
    assert moved.json["successor"]["overbooked"] is True


def test_past_a_limit_a_reason_is_asked_for(session: Session, world: World, program: Program) -> None:
    world.firm.reschedule_limit = 0
    session.commit()
    number = ready(session, world, "reschedule")
    answer = program.post(f"{LIST}/{number}/reschedule", {"start_time": LATER})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "reason")
    assert "Give a reason to go past it." in answer.json["detail"]
    done = program.post(f"{LIST}/{number}/reschedule", {"start_time": LATER, "reason": "They asked"})
    assert done.status_code == 200


def test_a_correction_ends_with_its_window(
    session: Session, world: World, program: Program, moved_clock: MovableClock
) -> None:
    number = ready(session, world, "correct")
    moved_clock.pass_(days=9)
    assert "correct" not in program.get(f"{LIST}/{number}").json["allowed_actions"]
    answer = program.post(f"{LIST}/{number}/correct", STEPS["correct"][2])
    assert (answer.status_code, answer.json["code"]) == (409, "not_allowed")
    assert "for 7 days after it was recorded" in answer.json["detail"]


def test_allowed_actions_are_those_that_then_succeed(
    session: Session, world: World, calls_as: CallsAs
) -> None:
    narrow = {Scope.APPOINTMENTS_READ, Scope.APPOINTMENTS_WRITE}
    number = ready(session, world, "correct")
    ended = ready(session, world, "complete")
    manager, staff = calls_as(world.manager), calls_as(world.staff)
    reader, writer = calls_as(world.manager, {Scope.APPOINTMENTS_READ}), calls_as(world.manager, narrow)
    viewer = calls_as(world.viewer)

    def allowed(program: Program, appointment_id: int) -> set[str]:
        return set(program.get(f"{LIST}/{appointment_id}").json["allowed_actions"])

    assert allowed(manager, number) == {"correct"}
    assert allowed(staff, number) == allowed(writer, number) == allowed(reader, number) == set()
    assert allowed(staff, ended) == {"complete", "mark_no_show", "cancel", "reschedule"}
    assert allowed(viewer, ended) == allowed(reader, ended) == set()


BOOKING: dict[str, Callable[[World], dict[str, Any]]] = {
    "requested": lambda world: {},
    "confirmed": lambda world: {},
    "awaiting_confirmation": lambda world: {"confirm_by": (world.now + timedelta(hours=5)).isoformat()},
}


@pytest.mark.parametrize("status", BOOKING)
def test_an_appointment_begins_as_it_is_asked_to(
    session: Session, world: World, program: Program, status: str
) -> None:
    body = {
        "status": status,
        "appointment_type_id": world.kind.appointment_type_id,
        "staff_user_id": world.staff.staff_user_id,
        "contact_id": world.contact.contact_id,
        "start_time": LATER,
        "notes": "Bring the deed",
    } | BOOKING[status](world)
    answer = program.post(LIST, body)
    assert answer.status_code == 201, answer.text
    made = answer.json
    assert answer.headers["Location"] == f"/api/v1/appointments/{made['appointment_id']}"
    assert (made["status"], made["version"], made["notes"]) == (status, 1, "Bring the deed")
    assert made["end_time"] == "2026-01-20T09:45:00Z"
    assert made["booked_by"] == "Daniel Osei (API: Website)"
    assert program.get(answer.headers["Location"]).json == made
    session.rollback()
    row = session.get_one(Appointment, made["appointment_id"])
    assert [event["event_type"] for event in rows.outbox(session, row)] == [f"appointment.{status}"]
    assert [line["to_status"] for line in rows.history(session, row)] == [status]
    taken = program.post(LIST, body)
    assert (taken.status_code, taken.json["code"]) == (409, "slot_taken")
    assert "Lena Fischer has another appointment at" in taken.json["detail"]
    assert taken.json["errors"][0]["field"] == "start_time"


def test_only_what_awaits_confirmation_has_a_deadline(world: World, program: Program) -> None:
    body = {
        "appointment_type_id": world.kind.appointment_type_id,
        "staff_user_id": world.staff.staff_user_id,
        "contact_id": world.contact.contact_id,
        "start_time": LATER,
    }
    for more in ({"confirm_by": LATER}, {"status": "awaiting_confirmation"}):
        answer = program.post(LIST, body | more)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "confirm_by")
    without = {name: value for name, value in body.items() if name != "contact_id"}
    answer = program.post(LIST, without)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "contact_id")
    assert program.get(LIST).json["appointments"] == []


def test_an_edit_keeps_what_it_leaves_out(session: Session, world: World, program: Program) -> None:
    made = at_status(session, Status.CONFIRMED, world).appointment_id
    first = program.patch(f"{LIST}/{made}", {"notes": "Ring the bell"})
    second = program.patch(f"{LIST}/{made}", {"location": "Room 3"})
    third = program.patch(f"{LIST}/{made}", {"location": "Room 3"})
    assert [answer.status_code for answer in (first, second, third)] == [200, 200, 200]
    found = third.json
    assert (found["notes"], found["location"], found["version"]) == ("Ring the bell", "Room 3", 3)
    assert [answer.headers["ETag"] for answer in (first, second, third)] == ['"2"', '"3"', '"3"']
    assert found["status"] == "confirmed"
    assert program.patch(f"{LIST}/{made}", {"status": "cancelled"}).status_code == 422


def test_a_meeting_moved_keeps_its_length(session: Session, world: World, program: Program) -> None:
    number = ready(session, world, "reschedule")
    successor = program.post(f"{LIST}/{number}/reschedule", {"start_time": LATER}).json["successor"]
    assert successor["start_time"] == "2026-01-20T09:00:00Z"
    assert timedelta(minutes=45) == LENGTH
    assert successor["end_time"] == "2026-01-20T09:45:00Z"
