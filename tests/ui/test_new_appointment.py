"""A new appointment: what the page offers, what it makes, what it refuses and how it says so."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, NOW, World, at_status, make_world
from tests.support.signed_in import sign_in
from tests.support.statements import captured
from webapp.extensions import db
from webapp.models import (
    Appointment,
    AppointmentStatusHistory,
    AppointmentType,
    Contact,
    ContactTerm,
    OutboxEvent,
    StaffUser,
)
from webapp.ui.when import value_of
from webapp.vocabulary import Status

TOMORROW_AT_TEN = NOW + DAY


@pytest.fixture(autouse=True)
def at_ten() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


@pytest.fixture
def desk(client: FlaskClient, world: World) -> FlaskClient:
    return sign_in(client, world.staff)


def typed(world: World, **fields: Any) -> dict[str, str]:
    """A form for Ada's review with Lena tomorrow at ten, changed as asked; None leaves a field out."""
    whole = {
        "who": "existing",
        "contact_id": world.contact.contact_id,
        "appointment_type_id": world.kind.appointment_type_id,
        "staff_user_id": world.staff.staff_user_id,
        "day": "2026-01-14",
        "start": value_of(TOMORROW_AT_TEN),
        "how": "book",
        "notes": "Brings the papers",
        "reason": "",
    } | fields
    return {name: str(value) for name, value in whole.items() if value is not None}


def made(session: Session) -> list[Appointment]:
    session.commit()
    return list(session.scalars(sa.select(Appointment).order_by(Appointment.appointment_id)))


def count(session: Session, table: Any) -> int:
    session.commit()
    return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


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


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"confirm_by": "2026-01-14", "confirm_at": ""}, "confirm_at"),
        ({"confirm_by": "", "confirm_at": "9"}, "confirm_by"),
        ({"confirm_by": "soon", "confirm_at": "9"}, "confirm_by"),
        ({"confirm_by": "2026-01-14", "confirm_at": "noon"}, "confirm_at"),
        ({"confirm_by": "2026-01-15", "confirm_at": "9"}, "confirm_by"),
        ({"confirm_by": "2026-01-12", "confirm_at": "9"}, "confirm_by"),
    ],
)
def test_a_deadline_lies_between_now_and_the_start(
    desk: FlaskClient, session: Session, world: World, fields: dict[str, str], field: str
) -> None:
    answer = desk.post("/appointments/new", data=typed(world, how="propose", **fields))
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert not made(session)


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


def test_a_refused_booking_adds_nobody(desk: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    answer = desk.post(
        "/appointments/new", data=typed(world, who="new", name="Grace Hopper", reason="Urgent")
    )
    assert answer.status_code == 409
    assert count(session, Contact) == 1
    assert 'value="Grace Hopper"' in answer.text


@pytest.mark.one_engine
def test_an_account_alone_can_be_met(desk: FlaskClient, session: Session, world: World) -> None:
    fields = typed(world, who="account", contact_id=None, account_id=world.account.account_id)
    assert desk.post("/appointments/new", data=fields).status_code == 303
    (appointment,) = made(session)
    assert (appointment.contact_id, appointment.account_id) == (None, world.account.account_id)


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"contact_id": ""}, "contact_id", "Choose who the meeting is with, or add somebody new."),
        ({"contact_id": "ada"}, "contact_id", "Choose a contact from the list."),
        ({"contact_id": "9" * 40}, "contact_id", "Choose a contact from the list."),
        ({"contact_id": "99999"}, "contact_id", "Choose a contact from the list"),
        ({"who": "account", "account_id": ""}, "account_id", "Choose the account"),
        ({"who": "account", "account_id": "99999"}, "account_id", "Choose an account from the list."),
        ({"who": "new", "name": ""}, "name", "Enter the contact’s name."),
        ({"who": "new", "name": "Grace", "email": "@"}, "email", "Enter an e-mail address"),
        ({"who": "new", "name": "Grace", "phone": "x"}, "phone", "Enter a phone number"),
        ({"appointment_type_id": "0"}, "appointment_type_id", "Choose a type from the list."),
        ({"appointment_type_id": "'; --"}, "appointment_type_id", "Choose a type from the list."),
        ({"staff_user_id": "99999"}, "staff_user_id", "Choose a member of staff from the list."),
        ({"start": None}, "start", "Choose a time."),
        ({"start": "tomorrow"}, "start", "Choose one of the times on the page."),
        ({"start": "typed", "time": "late"}, "time", "Enter a time such as 14:30."),
        ({"start": "typed", "time": "9", "other": "2026-13-45"}, "other", "Enter a date as year-month-day"),
        ({"day": "2026-01-15"}, "start", "The time chosen is on Wed 14 Jan"),
        ({"duration": "an hour"}, "duration", "Enter the minutes as a number from 5 to 1,440."),
        ({"duration": "4"}, "duration", "Enter the minutes as a number from 5 to 1,440."),
        ({"location": "x" * 121}, "location", "Keep this to 120 characters"),
        ({"notes": "Brings the papers\x00"}, "notes", "characters that cannot be kept"),
        ({"reason": "x" * 501}, "reason", "Keep this to 500 characters"),
        ({"day": "2020-01-14", "start": "typed", "time": "9"}, "start", "more than a year ago"),
        ({"day": "2040-01-17", "start": "typed", "time": "9"}, "start", "more than five years ahead"),
        ({"how": "request", "day": "2026-01-12", "start": "typed", "time": "9"}, "start", "has not passed"),
    ],
)
def test_what_cannot_be_booked_comes_back_with_a_sentence(
    desk: FlaskClient, session: Session, world: World, fields: dict[str, Any], field: str, sentence: str
) -> None:
    answer = desk.post("/appointments/new", data=typed(world, **fields))
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "<title>Error: " in answer.text
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text
    assert "Brings the papers" in answer.text
    assert not made(session)
    assert count(session, Contact) == 1


@pytest.mark.one_engine
def test_all_that_is_wrong_is_said_at_once(desk: FlaskClient, world: World) -> None:
    fields = typed(world, contact_id="", staff_user_id="x", duration="x", start=None)
    page = desk.post("/appointments/new", data=fields).text
    for field in ("contact_id", "staff_user_id", "duration", "start"):
        assert f'href="#{field}"' in page


def test_nothing_of_another_firm_can_be_used(desk: FlaskClient, session: Session, world: World) -> None:
    other = make_world(session, "other")
    theirs = at_status(session, Status.CONFIRMED, other)
    for fields in (
        {"contact_id": other.contact.contact_id},
        {"who": "account", "account_id": other.account.account_id},
        {"who": "new", "name": "Grace", "account_id": other.account.account_id},
        {"appointment_type_id": other.kind.appointment_type_id},
        {"staff_user_id": other.staff.staff_user_id},
    ):
        answer = desk.post("/appointments/new", data=typed(world, **fields))
        assert answer.status_code == 422
        assert "Ada" not in answer.text or fields.get("contact_id") != other.contact.contact_id
    assert len(made(session)) == 1
    for query in (
        f"contact={other.contact.contact_id}",
        f"account={other.account.account_id}",
        f"again={theirs.appointment_id}",
        "again=999999",
    ):
        assert desk.get(f"/appointments/new?{query}").status_code == 404


@pytest.mark.one_engine
def test_staff_and_types_that_are_not_offered_are_refused(
    desk: FlaskClient, session: Session, world: World
) -> None:
    session.get_one(StaffUser, world.staff2.staff_user_id).deactivated_at = NOW
    session.add(
        AppointmentType(firm_id=world.firm.firm_id, name="Old", duration=30, created_at=NOW, retired_at=NOW)
    )
    session.commit()
    old = session.scalars(
        sa.select(AppointmentType.appointment_type_id).where(AppointmentType.name == "Old")
    ).one()
    for fields in (
        {"staff_user_id": world.staff2.staff_user_id},
        {"staff_user_id": world.viewer.staff_user_id},
        {"appointment_type_id": old},
    ):
        assert desk.post("/appointments/new", data=typed(world, **fields)).status_code == 422
    assert not made(session)


@pytest.mark.one_engine
def test_a_viewer_does_not_come_here(client: FlaskClient, session: Session, world: World) -> None:
    desk = sign_in(client, world.viewer)
    assert desk.get("/appointments/new").status_code == 403
    assert desk.get("/appointments/new/slots").status_code == 403
    assert desk.post("/appointments/new", data=typed(world)).status_code == 403
    assert not made(session)


def test_a_double_submit_leads_to_the_same_appointment(
    desk: FlaskClient, session: Session, world: World
) -> None:
    fields = typed(world, form_token="one-form", who="new", name="Grace Hopper")
    first, second = (desk.post("/appointments/new", data=fields) for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first.location == second.location
    assert (count(session, Appointment), count(session, Contact), count(session, OutboxEvent)) == (1, 2, 1)


def test_a_taken_time_is_409_with_everything_kept(desk: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    fields = typed(
        world, who="new", contact_id=None, name="Grace Hopper", reason="Only this week", location="Room 9"
    )
    answer = desk.post("/appointments/new", data=fields)
    assert answer.status_code == 409
    assert "Lena Fischer has another appointment at Wed 14 Jan, 10:00. Choose another time." in answer.text
    assert "Only this week" in answer.text
    assert 'value="Room 9"' in answer.text
    assert "Just taken" in answer.text
    assert "Ada" not in answer.text  # in conflicts staff are named, never another client
    assert count(session, Appointment) == 1


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
def test_staff_cannot_slip_a_double_booking_in(desk: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    fields = typed(world, double_book="y", reason="Please")
    assert desk.post("/appointments/new", data=fields).status_code == 403
    assert count(session, Appointment) == 1


def test_a_time_that_the_clock_skips_offers_the_nearest_two(
    desk: FlaskClient, session: Session, world: World
) -> None:
    skipped = typed(world, day="2026-03-29", start="typed", time="01:30")
    answer = desk.post("/appointments/new", data=skipped)
    assert answer.status_code == 422
    assert "Sun 29 Mar has no 01:30 in London: the clocks go forward." in answer.text
    assert 'name="which" id="which" value="first"' in answer.text
    assert not made(session)
    assert desk.post("/appointments/new", data=skipped | {"which": "second"}).status_code == 303
    (appointment,) = made(session)
    assert appointment.start_time == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_time_that_comes_twice_asks_and_both_can_be_booked(
    desk: FlaskClient, session: Session, world: World
) -> None:
    twice = typed(world, day="2026-10-25", start="typed", time="01:15", duration="30")
    answer = desk.post("/appointments/new", data=twice)
    assert answer.status_code == 422
    assert "Sun 25 Oct has 01:15 twice in London" in answer.text
    assert not made(session)
    for which in ("first", "second"):
        assert desk.post("/appointments/new", data=twice | {"which": which}).status_code == 303
    assert [one.start_time for one in made(session)] == [
        datetime(2026, 10, 25, 0, 15, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 15, tzinfo=UTC),
    ]


@pytest.mark.one_engine
def test_an_own_length_and_a_time_off_the_grid(desk: FlaskClient, session: Session, world: World) -> None:
    fields = typed(world, start="typed", time="7.07pm", duration="20", location="Café")
    assert desk.post("/appointments/new", data=fields).status_code == 303
    (appointment,) = made(session)
    assert appointment.start_time == datetime(2026, 1, 14, 19, 7, tzinfo=UTC)
    assert appointment.end_time - appointment.start_time == timedelta(minutes=20)
    assert appointment.location == "Café"


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


@pytest.mark.parametrize(
    ("day", "clock", "sentence", "instants"),
    [
        (
            "2026-03-29",
            "01:30",
            "Sun 29 Mar has no 01:30 in London: the clocks go forward.",
            (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ),
        (
            "2026-10-25",
            "01:30",
            "Sun 25 Oct has 01:30 twice in London: the clocks go back.",
            (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ),
    ],
)
def test_a_deadline_that_the_clock_skips_or_repeats_asks_which(
    desk: FlaskClient,
    session: Session,
    world: World,
    day: str,
    clock: str,
    sentence: str,
    instants: tuple[datetime, datetime],
) -> None:
    own = typed(world, start="2026-11-02T10:00Z", day="2026-11-02", how="propose")
    own |= {"confirm_by": day, "confirm_at": clock}
    answer = desk.post("/appointments/new", data=own)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'name="which_deadline" id="which_deadline" value="first"' in answer.text
    assert not made(session)
    for number, which in enumerate(("first", "second")):
        start = f"2026-11-02T1{number}:00Z"
        chosen = own | {"which_deadline": which, "start": start}
        assert desk.post("/appointments/new", data=chosen).status_code == 303
    assert tuple(one.confirm_by for one in made(session)) == instants
