"""The client moves the appointment behind the personal link."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, at_status
from tests.ui.client_page.conftest import Made, choose, last, link_to, rows, rule, successor
from tests.ui.conftest import MovableClock, fresh
from webapp.models import (
    Contact,
    StaffUser,
)
from webapp.queries import invariants
from webapp.ui.when import value_of
from webapp.vocabulary import Status

pytestmark = pytest.mark.one_engine(
    "sqlite"
)  # what it does is tested on both in tests/lifecycle/test_limits.py


def test_the_client_moves_it_and_the_link_leads_on(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    appointment, token = booked
    start = world.at("2026-01-15 14:00")
    answer = client.post(f"/c/{token}/rescheduling", data=choose(client, token, start))
    assert (answer.status_code, answer.location) == (303, f"/c/{token}")
    new = successor(session, appointment)
    assert (new.start_time, new.end_time - new.start_time) == (start, LENGTH)
    assert new.staff_user_id == appointment.staff_user_id
    assert [row.actor_kind for row in rows(session, new.appointment_id)] == ["client"]
    assert last(session, appointment).actor_label == "Ada Byron"
    text = client.get(f"/c/{token}").text
    assert "Moved to Thu 15 Jan, 14:00" in text
    assert "Thu 15 Jan 2026" in text
    assert "It was moved; this is the new time" in text
    assert not list(invariants.check(session))


def test_the_link_lives_as_long_as_the_new_time_asks(
    client: FlaskClient, session: Session, world: World, moved_clock: MovableClock
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    token = link_to(session, world, appointment)
    start = world.at("2026-02-03 14:00")
    sent = choose(client, token, start)
    assert client.post(f"/c/{token}/rescheduling", data=sent).status_code == 303
    moved_clock.now = start + 29 * DAY
    assert client.get(f"/c/{token}").status_code == 200
    moved_clock.now = start + 31 * DAY
    assert client.get(f"/c/{token}").status_code == 404


@pytest.mark.parametrize(
    "wall", ["2026-01-15 14:07", "2026-01-15 05:00", "2026-01-17 10:00", "2026-01-13 09:00"]
)
def test_only_what_is_offered_can_be_chosen(
    client: FlaskClient, booked: Made, session: Session, world: World, wall: str
) -> None:
    """Not on the grid, before the day begins, on a day off, in the past."""
    appointment, token = booked
    answer = client.post(f"/c/{token}/rescheduling", data=choose(client, token, world.at(wall)))
    assert answer.status_code == 422
    assert "Choose" in answer.text
    fresh(session, appointment)
    assert appointment.status is Status.CONFIRMED


def test_a_typed_time_is_not_listened_to(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    appointment, token = booked
    assert 'name="time"' not in client.get(f"/c/{token}/rescheduling").text
    sent = choose(client, token, world.at("2026-01-15 14:00")) | {"start": "typed", "time": "06:00"}
    assert client.post(f"/c/{token}/rescheduling", data=sent).status_code == 422
    fresh(session, appointment)
    assert appointment.status is Status.CONFIRMED


def test_a_time_that_was_just_taken_is_said_so_and_what_was_typed_stays(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    _appointment, token = booked
    start = world.at("2026-01-15 14:00")
    sent = choose(client, token, start) | {"reason": "A train strike"}
    at_status(session, Status.CONFIRMED, world, start=start)
    answer = client.post(f"/c/{token}/rescheduling", data=sent)
    assert answer.status_code == 409
    assert "Just taken" in answer.text
    assert "A train strike" in answer.text


def test_times_are_chosen_by_the_clients_own_calendar(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    """Honolulu is ten hours behind London: Friday 09:00 there is Thursday 23:00 here."""
    appointment, token = booked
    session.execute(sa.update(Contact).values(timezone="Pacific/Honolulu"))
    session.commit()
    start = world.at("2026-01-16 09:00")
    page = client.get(f"/c/{token}/slots?day=2026-01-15").text
    assert f'value="{value_of(start)}"' in page
    assert "<b>23:00</b><span>09:00<" in page
    sent = choose(client, token, start) | {"day": "2026-01-15"}
    assert client.post(f"/c/{token}/rescheduling", data=sent).status_code == 303
    assert successor(session, appointment).start_time == start


@pytest.mark.parametrize(("day", "first"), [("2026-03-27", "09:00"), ("2026-03-30", "08:00")])
def test_the_hours_of_the_firm_hold_on_both_sides_of_a_change_of_clocks(
    client: FlaskClient, booked: Made, day: str, first: str
) -> None:
    """London's clocks go forward on 29 March 2026: its 09:00 is 09:00 UTC before, 08:00 UTC after."""
    page = client.get(f"/c/{booked[1]}/slots?other={day}").text
    assert f'value="{day}T{first}Z"' in page
    assert f'value="{day}T07:45Z"' not in page


def test_it_is_moved_up_to_the_limit_and_not_further(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    rule(session, world, reschedule_limit=2)
    appointment, token = booked
    assert "You can move it here 2 more times" in client.get(f"/c/{token}").text
    for hour in (11, 12):
        start = world.at(f"2026-01-15 {hour}:00")
        assert client.post(f"/c/{token}/rescheduling", data=choose(client, token, start)).status_code == 303
    text = client.get(f"/c/{token}").text
    assert "It was moved 2 times; the limit is 2." in text
    assert "lena@marlow.example" in text
    assert f"/c/{token}/rescheduling" not in text
    assert client.get(f"/c/{token}/rescheduling").status_code == 303
    end = successor(session, successor(session, appointment))
    sent = {
        "version": end.version,
        "booking": end.appointment_id,
        "start": value_of(world.at("2026-01-15 15:00")),
        "form_token": "anew",
    }
    answer = client.post(f"/c/{token}/rescheduling", data=sent)
    assert answer.status_code == 409
    assert "the limit is 2" in answer.text
    assert len(rows(session, end.appointment_id)) == 1


@pytest.mark.parametrize(
    ("rule_name", "step"), [("reschedule_notice", "rescheduling"), ("cancel_notice", "cancellation")]
)
def test_a_notice_is_said_in_advance_and_binds(
    client: FlaskClient,
    booked: Made,
    session: Session,
    world: World,
    moved_clock: MovableClock,
    rule_name: str,
    step: str,
) -> None:
    rule(session, world, **{rule_name: 120})
    appointment, token = booked
    assert "until Wed 14 Jan 2026, 08:00" in client.get(f"/c/{token}").text
    sent = choose(client, token, world.at("2026-01-15 14:00")) | {"reason": "Ill"}
    moved_clock.now = appointment.start_time - timedelta(minutes=119)
    text = client.get(f"/c/{token}").text
    assert "needs 2 h notice." in text
    assert "lena@marlow.example" in text
    assert f"/c/{token}/{step}" not in text
    answer = client.post(f"/c/{token}/{step}", data=sent)
    assert answer.status_code == 409
    assert "Call the firm instead" in answer.text
    fresh(session, appointment)
    assert appointment.status is Status.CONFIRMED


def test_staff_who_take_no_appointments_offer_no_times(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    session.execute(sa.update(StaffUser).where(StaffUser.name == "Lena Fischer").values(bookable=False))
    session.commit()
    assert "Lena Fischer offers no times" in client.get(f"/c/{booked[1]}").text
