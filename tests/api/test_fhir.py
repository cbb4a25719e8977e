"""``GET /fhir/Appointment/{id}``: FHIR R4, after https://hl7.org/fhir/R4/appointment.html."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.api.conftest import CallsAs
from tests.factories import NOW, World, at_status
from tests.support.api import Program, without
from webapp.lifecycle import appointments, attendance, booking
from webapp.lifecycle.booking import Draft
from webapp.vocabulary import AttendanceSide, AttendanceSource, Scope, Status

R4 = {
    "proposed",
    "pending",
    "booked",
    "arrived",
    "fulfilled",
    "cancelled",
    "noshow",
    "entered-in-error",
    "checked-in",
    "waitlist",
}
ELEMENTS = {
    "resourceType",
    "id",
    "meta",
    "extension",
    "identifier",
    "status",
    "cancelationReason",
    "serviceType",
    "start",
    "end",
    "minutesDuration",
    "created",
    "participant",
}
"""Those of R4's Appointment that are filled."""


def nulls(thing: Any) -> bool:
    """Whether a null or something empty stands anywhere, which FHIR's JSON has not."""
    if isinstance(thing, dict):
        return not thing or any(map(nulls, thing.values()))
    if isinstance(thing, list):
        return not thing or any(map(nulls, thing))
    return thing in (None, "")


@pytest.mark.parametrize(
    ("status", "theirs"),
    [
        (Status.REQUESTED, "pending"),
        (Status.AWAITING_CONFIRMATION, "pending"),
        (Status.CONFIRMED, "booked"),
        (Status.COMPLETED, "fulfilled"),
        (Status.NO_SHOW, "noshow"),
        (Status.CANCELLED, "cancelled"),
        (Status.RESCHEDULED, "cancelled"),
    ],
)
def test_each_status_has_its_own_there(
    api: Program, session: Session, world: World, status: Status, theirs: str
) -> None:
    made = at_status(session, status, world)
    answer = api.get(f"/fhir/Appointment/{made.appointment_id}")
    assert answer.status_code == 200
    assert answer.mimetype == "application/fhir+json"
    found = answer.json
    assert found["status"] == theirs in R4
    assert found.keys() <= ELEMENTS
    assert not nulls(found)
    assert ("cancelationReason" in found) == (theirs == "cancelled")  # invariant app-4
    assert all("actor" in each for each in found["participant"])  # invariant app-1
    assert answer.headers["ETag"] == f'"{found["meta"]["versionId"]}"' == f'"{made.version}"'


def test_it_tells_when_who_and_where(api: Program, session: Session, world: World) -> None:
    made = at_status(session, Status.CONFIRMED, world)
    made.location = "Room 2"
    made.external_ref = "old-7"
    session.commit()
    number = made.appointment_id
    assert api.get(f"/fhir/Appointment/{number}").json == {
        "resourceType": "Appointment",
        "id": str(number),
        "meta": {"versionId": "1"},
        "identifier": [
            {"system": "http://127.0.0.1:8000/api/v1/appointments", "value": str(number)},
            {"system": "http://127.0.0.1:8000/api/v1/appointments#external_ref", "value": "old-7"},
        ],
        "status": "booked",
        "serviceType": [{"text": "Review"}],
        "start": "2026-01-14T10:00:00Z",
        "end": "2026-01-14T10:45:00Z",
        "minutesDuration": 45,
        "created": "2026-01-11T10:00:00Z",
        "participant": [
            {"actor": {"type": "Practitioner", "display": "Lena Fischer"}, "status": "accepted"},
            {"actor": {"type": "Patient", "display": "Ada Byron"}, "status": "accepted"},
            {"actor": {"type": "Location", "display": "Room 2"}, "status": "accepted"},
        ],
    }


def test_a_confirmed_one_whose_client_is_here_has_arrived(
    api: Program, session: Session, world: World
) -> None:
    made = at_status(session, Status.CONFIRMED, world, start=NOW)
    facts = {"actor": world.acting(), "source": AttendanceSource.FRONT_DESK, "joined_at": NOW, "now": NOW}
    attendance.record(session, made, side=AttendanceSide.STAFF, **facts)
    session.commit()
    path = f"/fhir/Appointment/{made.appointment_id}"
    assert api.get(path).json["status"] == "booked"
    session.rollback()
    attendance.record(session, made, side=AttendanceSide.CLIENT, **facts)
    session.commit()
    assert api.get(path).json["status"] == "arrived"
    session.rollback()
    appointments.complete(session, made, actor=world.acting(), now=made.end_time)
    session.commit()
    assert api.get(path).json["status"] == "fulfilled"


def test_a_cancelled_one_says_whose_side_and_why(api: Program, session: Session, world: World) -> None:
    made = at_status(session, Status.CANCELLED, world)
    found = api.get(f"/fhir/Appointment/{made.appointment_id}").json
    assert found["cancelationReason"] == {
        "coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason", "code": "pat"}
        ],
        "text": "Ada is ill",
    }
    assert [each["status"] for each in found["participant"]] == ["accepted", "declined"]


def test_a_declined_request_is_declined_by_staff(api: Program, session: Session, world: World) -> None:
    made = at_status(session, Status.REQUESTED, world)
    appointments.decline(session, made, actor=world.acting(), reason="Fully booked", now=NOW)
    session.commit()
    found = api.get(f"/fhir/Appointment/{made.appointment_id}").json
    assert found["cancelationReason"]["coding"][0]["code"] == "prov"
    assert [each["status"] for each in found["participant"]] == ["declined", "accepted"]


@pytest.mark.parametrize(
    ("status", "staff", "client"),
    [
        (Status.REQUESTED, "needs-action", "accepted"),
        (Status.AWAITING_CONFIRMATION, "accepted", "needs-action"),
    ],
)
def test_who_has_not_agreed_yet_has_to(
    api: Program, session: Session, world: World, status: Status, staff: str, client: str
) -> None:
    made = at_status(session, status, world)
    found = api.get(f"/fhir/Appointment/{made.appointment_id}").json
    assert [each["status"] for each in found["participant"]] == [staff, client]


def test_a_successor_replaces_what_was_moved(api: Program, session: Session, world: World) -> None:
    made = at_status(session, Status.RESCHEDULED, world)
    successor = made.rescheduled_to
    assert successor is not None
    before = api.get(f"/fhir/Appointment/{made.appointment_id}").json
    after = api.get(f"/fhir/Appointment/{successor.appointment_id}").json
    assert before["cancelationReason"]["text"] == "Rescheduled"
    assert "extension" not in before
    assert after["extension"] == [
        {
            "url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.replaces",
            "valueReference": {"reference": f"Appointment/{made.appointment_id}", "type": "Appointment"},
        }
    ]


def test_an_organisation_takes_part_by_name_alone(api: Program, session: Session, world: World) -> None:
    draft = Draft(
        appointment_type_id=world.kind.appointment_type_id,
        staff_user_id=world.staff.staff_user_id,
        account_id=world.account.account_id,
        start_time=world.at("2026-01-14 10:00"),
        end_time=world.at("2026-01-14 10:45"),
    )
    made = booking.book(session, actor=world.acting(), draft=draft, now=NOW)
    session.commit()
    found = api.get(f"/fhir/Appointment/{made.appointment_id}").json
    assert found["participant"][1]["actor"] == {"display": "Byron Ltd"}


def test_notes_stay_in_the_house(api: Program, session: Session, world: World) -> None:
    made = at_status(session, Status.CONFIRMED, world)
    made.notes = "owes three invoices"
    session.commit()
    text = api.get(f"/fhir/Appointment/{made.appointment_id}").get_data(as_text=True)
    assert "invoices" not in text


def test_a_token_without_the_scope_reads_nothing(calls_as: CallsAs, session: Session, world: World) -> None:
    made = at_status(session, Status.CONFIRMED, world)
    answer = calls_as(scopes=without(Scope.APPOINTMENTS_READ)).get(f"/fhir/Appointment/{made.appointment_id}")
    assert (answer.status_code, answer.json["code"]) == (403, "missing_scope")


def test_the_document_says_which_kind_of_json_it_is(api: Program) -> None:
    answers = api.get("/openapi.json").json["paths"]["/fhir/Appointment/{appointment_id}"]["get"]["responses"]
    assert list(answers["200"]["content"]) == ["application/fhir+json"]
