"""``GET /appointments/{id}/history`` and ``/chain``."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.api.conftest import CallsAs
from tests.factories import DAY, World, at_status
from tests.support.api import Program, fields, without
from webapp.lifecycle import appointments
from webapp.lifecycle.appointments import NewSlot
from webapp.models import Appointment, AppointmentStatusHistory
from webapp.vocabulary import Scope, Status

ROW = {
    "appointment",
    "sequence",
    "action",
    "from_status",
    "to_status",
    "reason",
    "changed_by",
    "actor_kind",
    "actor_label",
    "changed_at",
    "occurred_at",
    "no_show_party",
    "cancelled_by",
    "overrides",
}


@pytest.mark.parametrize("status", Status)
def test_it_gives_every_row_that_the_history_has(
    api: Program, session: Session, world: World, status: Status
) -> None:
    made = at_status(session, status, world)
    answer = api.get(f"/appointments/{made.appointment_id}/history")
    assert answer.status_code == 200
    rows = answer.json["history"]
    kept = session.scalar(
        sa.select(sa.func.count()).where(AppointmentStatusHistory.appointment_id == made.appointment_id)
    )
    assert len(rows) == kept
    assert [row["sequence"] for row in rows] == list(range(1, kept + 1))
    assert all(row.keys() == ROW for row in rows)
    assert rows[0]["from_status"] is None
    assert rows[-1]["to_status"] == status


def test_it_names_who_did_it_and_when_it_is_said_to_have_happened(
    api: Program, session: Session, world: World
) -> None:
    made = at_status(session, Status.NO_SHOW, world)
    row = api.get(f"/appointments/{made.appointment_id}/history").json["history"][-1]
    assert row["appointment"] == made.appointment_id
    assert row["changed_by"] == {"id": world.staff.staff_user_id, "name": "Lena Fischer"}
    assert (row["actor_kind"], row["actor_label"]) == ("staff", "Lena Fischer")
    assert (row["no_show_party"], row["cancelled_by"]) == ("client", None)
    assert row["changed_at"] == "2026-01-12T10:30:00Z"
    assert row["occurred_at"] == "2026-01-12T10:30:00Z"


def test_nobody_of_staff_is_named_for_what_a_client_did(api: Program, session: Session, world: World) -> None:
    made = at_status(session, Status.REQUESTED, world)
    row = api.get(f"/appointments/{made.appointment_id}/history").json["history"][0]
    assert (row["changed_by"], row["actor_kind"], row["actor_label"]) == (None, "client", "Ada Byron")


def test_a_step_through_the_api_names_the_person_and_the_token(
    api: Program, session: Session, world: World
) -> None:
    made = at_status(session, Status.REQUESTED, world)
    assert api.post(f"/appointments/{made.appointment_id}/approve", {}).status_code == 200
    rows = api.get(f"/appointments/{made.appointment_id}/history").json["history"]
    assert len(rows) == 2
    assert rows[1]["changed_by"] == {"id": world.staff.staff_user_id, "name": "Lena Fischer"}
    assert rows[1]["actor_label"] == "Lena Fischer (API: Website)"


def test_limits_that_staff_went_past_are_named(api: Program, session: Session, world: World) -> None:
    world.firm.reschedule_notice = 3 * 24 * 60
    made = at_status(session, Status.CONFIRMED, world)
    slot = {"start_time": (made.start_time + DAY).isoformat(), "reason": "A fire drill"}
    assert api.post(f"/appointments/{made.appointment_id}/reschedule", slot).status_code == 200
    row = api.get(f"/appointments/{made.appointment_id}/history").json["history"][-1]
    assert row["overrides"] == ["reschedule_notice"]


def moved_twice(session: Session, world: World) -> list[Appointment]:
    chain = [at_status(session, Status.CONFIRMED, world)]
    for _ in range(2):
        last = chain[-1]
        slot = NewSlot(start_time=last.start_time + DAY, end_time=last.end_time + DAY)
        later = appointments.reschedule(
            session, last, actor=world.acting(), slot=slot, reason="", now=world.now + timedelta(minutes=1)
        )
        chain.append(later)
    session.commit()
    return chain


def test_a_chain_is_the_same_from_each_of_its_bookings(api: Program, session: Session, world: World) -> None:
    chain = moved_twice(session, world)
    numbers = [each.appointment_id for each in chain]
    answers = [api.get(f"/appointments/{number}/chain").json for number in numbers]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["chain_id"] == numbers[0]
    members = answers[0]["chain"]
    assert [member["appointment_id"] for member in members] == numbers
    assert [member["position"] for member in members] == [1, 2, 3]
    assert [member["status"] for member in members] == ["rescheduled", "rescheduled", "confirmed"]
    assert [member["start_time"] for member in members] == [
        "2026-01-14T10:00:00Z",
        "2026-01-15T10:00:00Z",
        "2026-01-16T10:00:00Z",
    ]
    assert members[2]["end_time"] == "2026-01-16T10:45:00Z"


def test_a_booking_that_was_never_moved_is_a_chain_of_one(
    api: Program, session: Session, world: World
) -> None:
    made = at_status(session, Status.COMPLETED, world)
    found = api.get(f"/appointments/{made.appointment_id}/chain").json
    assert [member["appointment_id"] for member in found["chain"]] == [made.appointment_id]


@pytest.mark.parametrize("word", ["history", "chain"])
def test_a_token_without_the_scope_reads_nothing(
    calls_as: CallsAs, session: Session, world: World, word: str
) -> None:
    made = at_status(session, Status.CONFIRMED, world)
    program = calls_as(scopes=without(Scope.APPOINTMENTS_READ))
    answer = program.get(f"/appointments/{made.appointment_id}/{word}")
    assert (answer.status_code, answer.json["code"]) == (403, "missing_scope")


@pytest.mark.parametrize("word", ["history", "chain"])
def test_a_parameter_that_it_does_not_take_is_named(
    api: Program, session: Session, world: World, word: str
) -> None:
    made = at_status(session, Status.CONFIRMED, world)
    answer = api.get(f"/appointments/{made.appointment_id}/{word}?page=2")
    assert answer.status_code == 422
    assert fields(answer) == ["page"]
