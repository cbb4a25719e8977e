"""Somebody else was first: who and what is said with 409, and nothing that was typed is lost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import NOW, World, at_status
from tests.ui.conftest import fresh
from tests.ui.pages import Element, assert_sound, parse
from tests.ui.test_settings import SAME
from webapp.lifecycle import appointments, details
from webapp.models import Account, Appointment, AppointmentType, AuditEvent, Contact, Firm, StaffUser
from webapp.ui.when import value_of
from webapp.vocabulary import CancelledBy, Status

pytestmark = pytest.mark.one_engine("sqlite")  # the lifecycle behind it is tested on both

SignIn = Callable[[StaffUser], FlaskClient]


@pytest.fixture
def olga(world: World, signed_in: SignIn) -> FlaskClient:
    """The owner's browser."""
    return signed_in(world.owner)


@pytest.fixture
def daniel(world: World, signed_in: SignIn) -> FlaskClient:
    """The manager's browser."""
    return signed_in(world.manager)


def fields(page: Element) -> dict[str, str]:
    """What the form that carries typing would send, from its text fields."""
    found = {
        one.attrs["name"]: one.attrs.get("value", "") for one in page.all("input") if "name" in one.attrs
    }
    return found | {one.attrs["name"]: one.text for one in page.all("textarea")}


def edited(session: Session, world: World, appointment: Appointment) -> None:
    """Daniel changes the note meanwhile: another version, the same status."""
    details.edit(
        session,
        appointment,
        actor=world.acting(world.manager),
        location=appointment.location,
        notes="Parking is booked",
        contact_id=appointment.contact_id,
        now=NOW,
        expected_version=appointment.version,
    )
    session.commit()


def cancelled(session: Session, world: World, appointment: Appointment) -> None:
    """Daniel cancels it meanwhile."""
    appointments.cancel(
        session,
        appointment,
        actor=world.acting(world.manager),
        reason="Client emergency",
        cancelled_by=CancelledBy.CLIENT,
        now=NOW,
    )
    session.commit()


def shown_again(answer: TestResponse) -> dict[str, str]:
    """The fields of a form that came back with who was first."""
    assert answer.status_code == 409
    page = parse(answer)
    summary = page.one(cls="errors").text
    assert "Not saved: Daniel Osei changed" in summary
    assert "What you typed is still here;" in summary
    return fields(page)


STEPS = {
    "cancellation": (Status.CONFIRMED, {"reason": "Ada is ill", "cancelled_by": "client"}),
    "decline": (Status.REQUESTED, {"reason": "Fully booked"}),
    "no-show": (Status.CONFIRMED, {"party": "client", "at": "9:45", "note": "Rang twice"}),
    "correction": (Status.COMPLETED, {"outcome": "client", "reason": "Seen on camera"}),
    "rescheduling": (
        Status.CONFIRMED,
        {"start": value_of(NOW + timedelta(days=6)), "reason": "Adviser away"},
    ),
}


@pytest.mark.parametrize("htmx", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_is_still_possible_is_asked_again_with_everything_typed(
    olga: FlaskClient, session: Session, world: World, step: str, htmx: bool
) -> None:
    status, typed = STEPS[step]
    start = NOW - timedelta(minutes=30) if step == "no-show" else None
    appointment = at_status(session, status, world, start=start)
    seen = appointment.version
    edited(session, world, appointment)
    sent = typed | {
        "version": str(seen),
        "form_token": "one",
        "staff_user_id": str(world.staff.staff_user_id),
    }
    address = f"/appointments/{appointment.appointment_id}/{step}"
    answer = olga.post(address, data=sent, headers={"HX-Request": "true"} if htmx else {})
    again = shown_again(answer)
    assert again["version"] == str(seen + 1)
    for name in ("reason", "note", "at"):
        assert again.get(name, "") == typed.get(name, "")
    checked = {one.attrs["value"] for one in parse(answer).all("input") if "checked" in one.attrs}
    assert {typed[name] for name in ("cancelled_by", "party", "outcome", "start") if name in typed} <= checked
    if htmx:
        assert parse(answer).one("dialog")
    else:
        assert_sound(parse(answer))
    assert olga.post(address, data=sent | {"version": again["version"]}).status_code == 303


@pytest.mark.parametrize("row", ["", "?row=1"])
def test_a_step_that_is_no_longer_possible_prints_what_was_typed_and_a_way_on(
    olga: FlaskClient, session: Session, world: World, row: str
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    cancelled(session, world, appointment)
    number = appointment.appointment_id
    answer = olga.post(
        f"/appointments/{number}/rescheduling{row}",
        data={
            "version": "1",
            "start": "2026-01-20T14:00Z",
            "staff_user_id": str(world.staff2.staff_user_id),
            "reason": "Adviser away",
        },
        headers={"HX-Request": "true"} if row else {},
    )
    assert answer.status_code == 409
    notice = parse(answer).one(id="conflict")
    assert "Daniel Osei cancelled it" in notice.text
    assert "The reschedule to Tue 20 Jan, 14:00 was not saved." in notice.text
    assert "Your reason: “Adviser away”" in notice.text
    assert notice.one("a").text == "Book again…"
    onward = notice.one("a").attrs["href"]
    staff = world.staff2.staff_user_id
    assert onward == f"/appointments/new?again={number}&date=2026-01-20&time=14%3A00&staff={staff}"
    assert "Tomas Novak" in olga.get(onward).text


@pytest.mark.parametrize(
    ("step", "fields", "lost"),
    [
        (
            "cancellation",
            {"reason": "Ada is ill", "cancelled_by": "client"},
            "The cancellation by the client",
        ),
        (
            "no-show",
            {"party": "client", "at": "9:45", "note": "Rang twice"},
            "The no-show (Client didn’t show, 9:45)",
        ),
        ("completion", {}, "The completion"),
    ],
)
def test_every_step_says_what_was_not_saved(
    olga: FlaskClient, session: Session, world: World, step: str, fields: dict[str, str], lost: str
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world, start=NOW - timedelta(minutes=30))
    cancelled(session, world, appointment)
    answer = olga.post(f"/appointments/{appointment.appointment_id}/{step}", data=fields | {"version": "1"})
    assert answer.status_code == 409
    notice = parse(answer).one(id="conflict")
    assert f"{lost} was not saved." in notice.text
    for text in (fields.get("reason"), fields.get("note")):
        assert text is None or f"“{text}”" in notice.text
    assert notice.one("a").attrs["href"] == f"/appointments/new?again={appointment.appointment_id}"


def test_the_details_are_shown_again_with_the_new_version(
    olga: FlaskClient, session: Session, world: World
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    edited(session, world, appointment)
    sent = {
        "version": "1",
        "location": "Room 9",
        "notes": "Bring the deed",
        "contact_id": str(world.contact.contact_id),
    }
    address = f"/appointments/{appointment.appointment_id}/details"
    again = shown_again(olga.post(address, data=sent))
    assert (again["version"], again["location"], again["notes"]) == ("2", "Room 9", "Bring the deed")
    assert olga.post(address, data=sent | {"version": "2"}).status_code == 303
    fresh(session, appointment)
    assert appointment.notes == "Bring the deed"


def test_the_settings_are_shown_again_with_who_changed_them(
    olga: FlaskClient, daniel: FlaskClient, session: Session, world: World
) -> None:
    assert daniel.post("/settings", data=SAME | {"slot_step": "30"}).status_code == 303
    answer = olga.post("/settings", data=SAME | {"confirm_hours": "24"})
    again = shown_again(answer)
    assert "the settings (slot step), Tue 13 Jan, 10:00" in answer.text
    assert again["confirm_hours"] == "24"
    assert (
        olga.post("/settings", data=SAME | {"confirm_hours": "24", "seen": again["seen"]}).status_code == 303
    )
    kept = session.get_one(Firm, world.firm.firm_id, populate_existing=True)
    session.refresh(kept)
    assert kept.confirm_hours == 24


RECORDS: dict[str, tuple[Any, str, dict[str, str]]] = {
    "contact": (Contact, "/contacts/{}/edit", {"phone": "020 7946 0001", "notes": "Rings late"}),
    "account": (Account, "/accounts/{}/edit", {"notes": "Pays by post"}),
    "kind": (AppointmentType, "/settings/types/{}", {"location": "Room 9"}),
    "staff": (StaffUser, "/team/{}", {}),
}


@pytest.mark.parametrize("what", RECORDS)
def test_the_last_edit_of_a_record_does_not_silently_undo_the_one_before(
    olga: FlaskClient, daniel: FlaskClient, session: Session, world: World, what: str
) -> None:
    model, path, typed = RECORDS[what]
    record = getattr(world, what)
    number = sa.inspect(record).identity[0]
    address = path.format(number)
    base = {"name": record.name, "duration": "45", "role": "staff", "bookable": "y"}
    seen = fields(parse(olga.get(address)))["seen"]
    theirs = base | {"seen": seen, "name": "Daniel’s name"}
    assert daniel.post(address, data=theirs).status_code == 303
    mine = base | typed | {"seen": seen, "name": "Olga’s name"}
    answer = olga.post(address, data=mine)
    again = shown_again(answer)
    assert "(name), Tue 13 Jan, 10:00." in answer.text
    assert {name: again[name] for name in typed} == typed
    assert again["name"] == "Olga’s name"
    fresh(session, session.get_one(model, number))
    assert session.get_one(model, number).name == "Daniel’s name"
    assert olga.post(address, data=mine | {"seen": again["seen"]}).status_code == 303
    session.rollback()
    last = session.scalars(sa.select(AuditEvent).order_by(AuditEvent.audit_event_id.desc())).first()
    assert last is not None
    assert (last.actor_label, last.changes["name"]) == ("Olga Marlow", ["Daniel’s name", "Olga’s name"])


@pytest.mark.parametrize("wrong", ["abc", "9" * 30, "999999", "-1", "1.5"])
def test_a_contact_that_is_none_gets_a_sentence(
    olga: FlaskClient, session: Session, world: World, wrong: str
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    answer = olga.post(
        f"/appointments/{appointment.appointment_id}/details",
        data={"version": "1", "location": "Room 9", "notes": "", "contact_id": wrong},
    )
    assert answer.status_code == 422
    assert "Choose a contact from the list." in answer.text
    assert fields(parse(answer))["location"] == "Room 9"


def test_the_details_find_contacts_like_every_other_page(
    olga: FlaskClient, session: Session, world: World
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    address = f"/appointments/{appointment.appointment_id}/details"
    sent = {"version": "1", "location": "Room 9", "contact_q": "byron", "step": "find", "contact_id": ""}
    page = parse(olga.post(address, data=sent))
    assert page.one(id=f"contact_id-{world.contact.contact_id}")
    assert fields(page)["location"] == "Room 9"
    fresh(session, appointment)
    assert appointment.version == 1
