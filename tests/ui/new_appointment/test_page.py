"""The page of a new appointment: what it offers, what its address fills in, what it costs."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import NOW, World, at_status
from tests.support.signed_in import sign_in
from tests.support.statements import captured
from tests.ui.new_appointment.conftest import TOMORROW_AT_TEN, count, made, typed
from webapp.extensions import db
from webapp.models import (
    Appointment,
    AppointmentType,
    Contact,
)
from webapp.ui.when import value_of
from webapp.vocabulary import Status


@pytest.mark.one_engine
def test_the_page_offers_types_staff_days_and_free_times(desk: FlaskClient, world: World) -> None:
    page = desk.get("/appointments/new").text
    assert "Review, 45 min, Room 2" in page
    assert "Free times for Lena Fischer, Tue 13 Jan" in page
    assert f'value="{value_of(NOW + timedelta(minutes=15))}"' in page
    assert f'value="{value_of(NOW)}"' not in page  # has passed
    assert "Mon 19 Jan" not in page
    assert 'value="2026-01-19"' in page
    assert "Double-book" not in page


@pytest.mark.one_engine
def test_the_address_fills_the_form(desk: FlaskClient, world: World) -> None:
    page = desk.get(
        f"/appointments/new?date=2026-01-15&time=11:00&staff={world.staff2.staff_user_id}"
        f"&type={world.kind.appointment_type_id}&contact={world.contact.contact_id}"
    ).text
    assert "Free times for Tomas Novak, Thu 15 Jan" in page
    assert 'value="2026-01-15T11:00Z" data-sum="Thu 15 Jan, 11:00" checked' in page
    assert f'value="{world.contact.contact_id}" checked' in page
    off_grid = desk.get("/appointments/new?date=2026-01-15&time=11:05").text
    assert 'name="time" id="time" value="11:05"' in off_grid
    assert 'value="typed" checked' in off_grid


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "query",
    ["date=x&time=y&staff=z&type=-1", "date=9999-99-99", "time=25:00&date=2026-01-15", "staff=" + "9" * 40],
)
def test_nonsense_in_the_address_is_ignored(desk: FlaskClient, query: str) -> None:
    assert desk.get(f"/appointments/new?{query}").status_code == 200


@pytest.mark.one_engine
def test_book_again_copies_type_staff_client_and_place(
    desk: FlaskClient, session: Session, world: World
) -> None:
    old = at_status(session, Status.COMPLETED, world, staff_user=world.staff2)
    page = desk.get(f"/appointments/new?again={old.appointment_id}").text
    assert "Free times for Tomas Novak" in page
    assert f'value="{world.contact.contact_id}" checked' in page


@pytest.mark.one_engine
def test_find_and_show_times_save_nothing(desk: FlaskClient, session: Session, world: World) -> None:
    found = desk.post("/appointments/new", data=typed(world, contact_id=None, step="find", contact_q="ada"))
    assert found.status_code == 200
    assert f'id="contact_id-{world.contact.contact_id}"' in found.text
    assert "Brings the papers" in found.text
    times = desk.post("/appointments/new", data=typed(world, step="times", other="2026-02-17"))
    assert times.status_code == 200
    assert "Lena Fischer, Tue 17 Feb" in times.text
    assert not made(session)


@pytest.mark.one_engine
def test_a_script_gets_the_times_alone(desk: FlaskClient, world: World) -> None:
    query = f"staff_user_id={world.staff2.staff_user_id}&appointment_type_id={world.kind.appointment_type_id}"
    part = desk.get(f"/appointments/new/slots?{query}&day=2026-01-16", headers={"HX-Request": "true"})
    assert part.text.lstrip().startswith('<div class="slotpicker" id="slot-picker">')
    assert "Free times for Tomas Novak, Fri 16 Jan" in part.text
    assert desk.get("/appointments/new/slots?other=0002-02-02").status_code == 204


@pytest.mark.one_engine
def test_a_clients_own_clock_stands_beside_the_firms(
    desk: FlaskClient, session: Session, world: World
) -> None:
    session.get_one(Contact, world.contact.contact_id).timezone = "America/New_York"
    session.commit()
    page = desk.get(f"/appointments/new?contact={world.contact.contact_id}&date=2026-01-14").text
    assert "<b>14:00</b><span>09:00<span" in page
    assert "small times are the client’s, in New York" in page


@pytest.mark.one_engine
def test_without_a_type_the_page_says_what_to_do(client: FlaskClient, session: Session, world: World) -> None:
    session.execute(sa.update(AppointmentType).values(retired_at=NOW))
    session.commit()
    assert "Ask a manager to add one" in sign_in(client, world.staff).get("/appointments/new").text
    assert 'href="/settings/types/new"' in sign_in(client, world.manager).get("/appointments/new").text


@pytest.mark.one_engine
def test_the_page_asks_the_database_as_often_for_a_full_calendar(
    app: Flask, desk: FlaskClient, session: Session, world: World
) -> None:
    asked = []
    for booked in (0, 12):
        for number in range(booked):
            at_status(
                session, Status.CONFIRMED, world, start=TOMORROW_AT_TEN + number * timedelta(minutes=45)
            )
        with app.app_context():
            engine = db.engine
        with captured(engine) as sent:
            assert desk.get(f"/appointments/new?contact={world.contact.contact_id}").status_code == 200
        asked.append(len(sent))
    assert asked[0] == asked[1] <= 12


def test_a_broken_token_breaks_nothing(desk: FlaskClient, session: Session, world: World) -> None:
    answer = desk.post("/appointments/new", data=typed(world, form_token="a\x00b"))
    assert answer.status_code == 303
    assert count(session, Appointment) == 1
