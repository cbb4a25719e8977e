"""A new appointment is booked, requested or proposed, with somebody known or new."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, NOW, World, at_status
from tests.support.signed_in import sign_in
from tests.ui.new_appointment.conftest import TOMORROW_AT_TEN, count, made, typed
from webapp.models import (
    Appointment,
    AppointmentStatusHistory,
    Contact,
    ContactTerm,
    OutboxEvent,
)
from webapp.ui.when import value_of
from webapp.vocabulary import Status


def test_it_books_and_leads_to_the_day(desk: FlaskClient, session: Session, world: World) -> None:
    answer = desk.post("/appointments/new", data=typed(world))
    (appointment,) = made(session)
    assert answer.status_code == 303
    assert answer.location == f"/day/2026-01-14#appt-{appointment.appointment_id}"
    assert appointment.status is Status.CONFIRMED
    assert (appointment.start_time, appointment.end_time) == (
        TOMORROW_AT_TEN,
        TOMORROW_AT_TEN + timedelta(minutes=45),
    )
    assert (appointment.location, appointment.notes) == ("Room 2", "Brings the papers")
    assert (appointment.contact_id, appointment.account_id) == (
        world.contact.contact_id,
        world.account.account_id,
    )
    assert (count(session, AppointmentStatusHistory), count(session, OutboxEvent)) == (1, 1)
    page = desk.get("/day/2026-01-14").text
    assert "Booked Ada Byron, Wed 14 Jan, 10:00, Lena Fischer." in page
    assert f'href="/appointments/{appointment.appointment_id}">Open it' in page


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("how", "status"), [("request", Status.REQUESTED), ("propose", Status.AWAITING_CONFIRMATION)]
)
def test_it_requests_and_proposes(
    desk: FlaskClient, session: Session, world: World, how: str, status: Status
) -> None:
    assert desk.post("/appointments/new", data=typed(world, how=how)).status_code == 303
    (appointment,) = made(session)
    assert appointment.status is status
    assert appointment.confirm_by == (TOMORROW_AT_TEN if how == "propose" else None)


@pytest.mark.one_engine
def test_a_deadline_is_the_firms_unless_typed(desk: FlaskClient, session: Session, world: World) -> None:
    late = {"day": "2026-01-20", "start": value_of(NOW + 7 * DAY), "how": "propose"}
    desk.post("/appointments/new", data=typed(world, **late))
    late["start"] = value_of(NOW + 7 * DAY + timedelta(hours=2))
    own = {"confirm_by": "2026-01-19", "confirm_at": "12.30"}
    assert desk.post("/appointments/new", data=typed(world, **late, **own)).status_code == 303
    assert [one.confirm_by for one in made(session)] == [
        NOW + timedelta(hours=48),
        datetime(2026, 1, 19, 12, 30, tzinfo=UTC),
    ]


def test_somebody_new_is_added_with_the_booking(desk: FlaskClient, session: Session, world: World) -> None:
    newcomer = {"who": "new", "name": "Grace Hopper", "phone": "020 7946 0199", "email": "grace@navy.example"}
    answer = desk.post(
        "/appointments/new",
        data=typed(world, contact_id=None, account_id=world.account.account_id, **newcomer),
    )
    assert answer.status_code == 303
    (appointment,) = made(session)
    contact = session.get_one(Contact, appointment.contact_id)
    assert (contact.name, contact.account_id) == ("Grace Hopper", world.account.account_id)
    assert session.get(ContactTerm, (world.firm.firm_id, "0199", contact.contact_id))


@pytest.mark.one_engine
def test_an_account_alone_can_be_met(desk: FlaskClient, session: Session, world: World) -> None:
    fields = typed(world, who="account", contact_id=None, account_id=world.account.account_id)
    assert desk.post("/appointments/new", data=fields).status_code == 303
    (appointment,) = made(session)
    assert (appointment.contact_id, appointment.account_id) == (None, world.account.account_id)


def test_a_double_submit_leads_to_the_same_appointment(
    desk: FlaskClient, session: Session, world: World
) -> None:
    fields = typed(world, form_token="one-form", who="new", name="Grace Hopper")
    first, second = (desk.post("/appointments/new", data=fields) for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first.location == second.location
    assert (count(session, Appointment), count(session, Contact), count(session, OutboxEvent)) == (1, 2, 1)


def test_two_at_once_get_one_appointment(app: Flask, session: Session, world: World) -> None:
    desks = [sign_in(app.test_client(), user) for user in (world.staff, world.staff2)]
    forms = [typed(world, form_token=f"form-{n}", reason=f"From desk {n}") for n in range(2)]
    together = threading.Barrier(2)
    answers: dict[int, Any] = {}

    def go(number: int) -> None:
        together.wait()
        answers[number] = desks[number].post("/appointments/new", data=forms[number])

    threads = [threading.Thread(target=go, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers.values()) == [303, 409]
    (loser,) = [number for number, answer in answers.items() if answer.status_code == 409]
    assert f"From desk {loser}" in answers[loser].text
    assert (count(session, Appointment), count(session, AppointmentStatusHistory)) == (1, 1)


def test_a_manager_double_books_with_a_reason(client: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    desk = sign_in(client, world.manager)
    assert "Double-book" in desk.get("/appointments/new").text
    without = desk.post("/appointments/new", data=typed(world, double_book="y"))
    assert without.status_code == 422
    assert 'href="#reason"' in without.text
    fields = typed(world, double_book="y", reason="Ten minutes are enough")
    assert desk.post("/appointments/new", data=fields).status_code == 303
    assert [one.overbooked for one in made(session)] == [False, True]


@pytest.mark.one_engine
def test_an_own_length_and_a_time_off_the_grid(desk: FlaskClient, session: Session, world: World) -> None:
    fields = typed(world, start="typed", time="7.07pm", duration="20", location="Café")
    assert desk.post("/appointments/new", data=fields).status_code == 303
    (appointment,) = made(session)
    assert appointment.start_time == datetime(2026, 1, 14, 19, 7, tzinfo=UTC)
    assert appointment.end_time - appointment.start_time == timedelta(minutes=20)
    assert appointment.location == "Café"
