"""A new appointment that cannot be, and how the page says so."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import NOW, World, at_status, make_world
from tests.support.signed_in import sign_in
from tests.ui.new_appointment.conftest import count, made, typed
from webapp.models import (
    Appointment,
    AppointmentType,
    Contact,
    StaffUser,
)
from webapp.vocabulary import Status


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


def test_a_refused_booking_adds_nobody(desk: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    answer = desk.post(
        "/appointments/new", data=typed(world, who="new", name="Grace Hopper", reason="Urgent")
    )
    assert answer.status_code == 409
    assert count(session, Contact) == 1
    assert 'value="Grace Hopper"' in answer.text


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
