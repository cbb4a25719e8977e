"""The transitions' URLs: who may, what is refused and how, one effect per form."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, NOW, World, at_status, make_world
from tests.support.signed_in import sign_in
from webapp.models import Appointment, AppointmentStatusHistory, OutboxEvent
from webapp.vocabulary import NoShowParty, Status

STEPS = ("approval", "confirmation", "completion", "decline", "cancellation", "no-show", "rescheduling")
FACTS = {
    "approval": {},
    "confirmation": {},
    "completion": {},
    "decline": {"reason": "Full"},
    "cancellation": {"reason": "Ada is ill", "cancelled_by": "client"},
    "no-show": {"party": "both", "note": "Nobody came", "at": ""},
    "correction": {"outcome": "client", "reason": "Seen on camera"},
    "rescheduling": {"start": "2026-01-20T09:00Z", "reason": "Adviser away", "staff_user_id": "0"},
}
FROM = {
    "approval": Status.REQUESTED,
    "confirmation": Status.AWAITING_CONFIRMATION,
    "completion": Status.CONFIRMED,
    "decline": Status.REQUESTED,
    "cancellation": Status.CONFIRMED,
    "no-show": Status.CONFIRMED,
    "correction": Status.COMPLETED,
    "rescheduling": Status.CONFIRMED,
}
TO = {
    "approval": Status.CONFIRMED,
    "confirmation": Status.CONFIRMED,
    "completion": Status.COMPLETED,
    "decline": Status.CANCELLED,
    "cancellation": Status.CANCELLED,
    "no-show": Status.NO_SHOW,
    "correction": Status.NO_SHOW,
    "rescheduling": Status.RESCHEDULED,
}
ALL = tuple(FACTS)


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def at(session: Session, world: World, step: str) -> Appointment:
    """An appointment from which the step is possible now."""
    begun = step in {"completion", "no-show"}
    start = NOW - timedelta(minutes=30) if begun else None
    return at_status(session, FROM[step], world, start=start)


def facts(world: World, step: str, **more: str) -> dict[str, str]:
    found = dict(FACTS[step], form_token=f"token-{step}", **more)
    if "staff_user_id" in found:
        found["staff_user_id"] = str(world.staff.staff_user_id)
    return found


def state(session: Session, appointment: Appointment) -> tuple[Status, int, int, int]:
    """Status, version, history rows and outbox rows, as the database has them now."""
    session.rollback()
    session.expire_all()
    fresh = session.get_one(Appointment, appointment.appointment_id)
    count = [
        session.scalar(sa.select(sa.func.count()).where(table.appointment_id == appointment.appointment_id))
        for table in (AppointmentStatusHistory, OutboxEvent)
    ]
    return fresh.status, fresh.version, count[0] or 0, count[1] or 0


@pytest.mark.parametrize("step", ALL)
def test_each_step_is_done_once_however_often_its_form_arrives(
    session: Session, world: World, client: FlaskClient, step: str
) -> None:
    appointment = at(session, world, step)
    _status, version, rows, events = state(session, appointment)
    sign_in(client, world.manager)
    url = f"/appointments/{appointment.appointment_id}/{step}"
    first = client.post(url, data=facts(world, step, version=str(version)))
    again = client.post(url, data=facts(world, step, version=str(version)))
    assert (first.status_code, again.status_code) == (303, 303)
    assert first.location == again.location
    assert state(session, appointment) == (TO[step], version + 1, rows + 1, events + 1)


@pytest.mark.parametrize("step", ALL)
def test_a_viewer_may_not(session: Session, world: World, client: FlaskClient, step: str) -> None:
    appointment = at(session, world, step)
    before = state(session, appointment)
    sign_in(client, world.viewer)
    url = f"/appointments/{appointment.appointment_id}/{step}"
    assert client.get(url).status_code == 403
    assert client.post(url, data=facts(world, step)).status_code == 403
    assert state(session, appointment) == before


def test_staff_may_not_correct(session: Session, world: World, client: FlaskClient) -> None:
    appointment = at(session, world, "correction")
    sign_in(client, world.staff)
    url = f"/appointments/{appointment.appointment_id}/correction"
    assert client.post(url, data=facts(world, "correction")).status_code == 403


@pytest.mark.parametrize("step", ALL)
def test_a_stale_form_gets_409_with_who_was_first(
    session: Session, world: World, client: FlaskClient, step: str
) -> None:
    appointment = at(session, world, step)
    before = state(session, appointment)
    sign_in(client, world.manager)
    url = f"/appointments/{appointment.appointment_id}/{step}"
    answer = client.post(url, data=facts(world, step, version="99"))
    assert answer.status_code == 409
    assert "Not saved" in answer.text
    assert state(session, appointment) == before


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_is_not_possible_is_not_offered_either(
    session: Session, world: World, client: FlaskClient, step: str
) -> None:
    appointment = at_status(session, Status.CANCELLED, world)
    before = state(session, appointment)
    sign_in(client, world.manager)
    url = f"/appointments/{appointment.appointment_id}/{step}"
    for answer in (client.get(url), client.post(url, data=facts(world, step))):
        assert answer.status_code == 409
        assert "Lena Fischer cancelled it" in answer.text
        assert "Book again instead." in answer.text
    assert state(session, appointment) == before


def test_an_outcome_before_the_start_says_when_it_opens(
    session: Session, world: World, client: FlaskClient
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world, start=NOW + timedelta(hours=2))
    sign_in(client, world.staff)
    answer = client.post(f"/appointments/{appointment.appointment_id}/completion", data={})
    assert answer.status_code == 409
    assert "Complete opens 12:00, when it starts." in answer.text


@pytest.mark.parametrize(
    ("step", "changed", "sentence"),
    [
        ("decline", {"reason": "  "}, "Give a reason for declining"),
        ("cancellation", {"reason": ""}, "Give a reason for cancelling"),
        ("cancellation", {"cancelled_by": ""}, "Select who cancels"),
        ("cancellation", {"cancelled_by": "nobody"}, "Not a valid choice"),
        ("cancellation", {"reason": "x" * 501}, "500 characters"),
        ("cancellation", {"reason": "a\x00b"}, "characters that cannot be kept"),
        ("no-show", {"party": ""}, "Select who didn’t show"),
        ("no-show", {"at": "25:00"}, "Enter a time such as 14:30."),
        ("no-show", {"at": "08:00"}, "Enter a time between the start, 09:30, and now, 10:00."),
        ("no-show", {"at": "11:00"}, "Enter a time between the start"),
        ("no-show", {"note": "a\ufffdb"}, "characters that cannot be kept"),
        ("correction", {"outcome": "completed"}, "That is what is recorded now"),
        ("correction", {"reason": ""}, "Give a reason for the correction"),
        ("rescheduling", {"start": ""}, "Choose a time."),
        ("rescheduling", {"start": "yesterday"}, "Choose one of the times on the page."),
        ("rescheduling", {"start": "9999-12-31T23:59Z"}, "Choose one of the times on the page."),
        ("rescheduling", {"start": "0001-01-01T00:00Z"}, "Choose one of the times on the page."),
        ("rescheduling", {"start": "2026-01-12T09:00Z"}, "Choose a time that has not passed."),
        ("rescheduling", {"start": "2099-01-12T09:00Z"}, "more than five years ahead"),
        ("rescheduling", {"staff_user_id": "777"}, "Not a valid choice"),
    ],
)
def test_what_cannot_be_accepted_gets_422_a_sentence_and_the_typing_back(
    session: Session, world: World, client: FlaskClient, step: str, changed: dict[str, str], sentence: str
) -> None:
    appointment = at(session, world, step)
    before = state(session, appointment)
    sign_in(client, world.manager)
    typed = dict(facts(world, step), **changed)
    answer = client.post(f"/appointments/{appointment.appointment_id}/{step}", data=typed)
    assert answer.status_code == 422
    assert sentence in answer.text.replace("&#39;", "’")
    assert "<title>Error: " in answer.text
    kept = typed.get("reason") or typed.get("note") or ""
    assert kept.strip("\x00")[:1] in answer.text
    assert state(session, appointment) == before


def test_the_time_of_a_no_show_is_its_stamp(session: Session, world: World, client: FlaskClient) -> None:
    appointment = at(session, world, "no-show")
    sign_in(client, world.staff)
    client.post(
        f"/appointments/{appointment.appointment_id}/no-show",
        data=dict(facts(world, "no-show"), at="9:45", party="staff"),
    )
    session.expire_all()
    session.rollback()
    found = session.get_one(Appointment, appointment.appointment_id)
    assert found.no_show_party is NoShowParty.STAFF
    assert found.no_show_at == NOW - timedelta(minutes=15)


def test_a_move_past_a_limit_asks_for_a_reason_and_says_which_limit(
    session: Session, world: World, client: FlaskClient
) -> None:
    world.firm.reschedule_limit = 0
    session.commit()
    appointment = at(session, world, "rescheduling")
    sign_in(client, world.staff)
    url = f"/appointments/{appointment.appointment_id}/rescheduling"
    assert "limit does not allow rescheduling" in client.get(url).text
    answer = client.post(url, data=dict(facts(world, "rescheduling"), reason=""))
    assert answer.status_code == 422
    assert "Give a reason to go past it." in answer.text
    assert client.post(url, data=facts(world, "rescheduling")).status_code == 303
    page = client.get(f"/appointments/{appointment.appointment_id}").text
    assert "past the limit of moves" in page


def test_a_correction_after_the_window_is_neither_offered_nor_done(
    session: Session, world: World, client: FlaskClient
) -> None:
    appointment = at_status(session, Status.COMPLETED, world, start=NOW - 9 * DAY)
    sign_in(client, world.manager)
    url = f"/appointments/{appointment.appointment_id}"
    assert "Correct outcome" not in client.get(url).text
    answer = client.post(f"{url}/correction", data=facts(world, "correction"))
    assert answer.status_code == 409
    assert "for 7 days after it was recorded" in answer.text


def test_only_a_manager_is_offered_a_double_booking_and_it_needs_a_reason(
    session: Session, world: World, client: FlaskClient
) -> None:
    at_status(session, Status.CONFIRMED, world, start=world.at("2026-01-20 09:00"))
    appointment = at(session, world, "rescheduling")
    url = f"/appointments/{appointment.appointment_id}/rescheduling"
    sign_in(client, world.staff)
    refused = client.post(url, data=facts(world, "rescheduling"))
    assert refused.status_code == 409
    assert "Double-book" not in refused.text
    assert client.post(url, data=facts(world, "rescheduling", double_book="y")).status_code == 403
    sign_in(client, world.manager)
    assert "Double-book" in client.post(url, data=facts(world, "rescheduling")).text
    without = dict(facts(world, "rescheduling", double_book="y"), reason="")
    assert client.post(url, data=without).status_code == 422
    assert client.post(url, data=facts(world, "rescheduling", double_book="y")).status_code == 303


def test_a_time_that_the_clock_shows_twice_is_the_one_after_the_start(
    session: Session, world: World, client: FlaskClient
) -> None:
    start = datetime(2025, 10, 26, 1, 15, tzinfo=UTC)  # 01:15 in London for the second time
    appointment = at_status(session, Status.CONFIRMED, world, start=start)
    with time_machine.travel(start + timedelta(minutes=25), tick=False):
        sign_in(client, world.staff)
        url = f"/appointments/{appointment.appointment_id}/no-show"
        assert 'value="01:40"' in client.get(url).text
        answer = client.post(url, data=dict(facts(world, "no-show"), at="01:40"))
    assert answer.status_code == 303
    session.rollback()
    session.expire_all()
    found = session.get_one(Appointment, appointment.appointment_id)
    assert found.no_show_at == start + timedelta(minutes=25)


def test_rescheduling_opens_on_the_day_that_is_booked(
    session: Session, world: World, client: FlaskClient
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world, start=world.at("2026-01-28 14:00"))
    sign_in(client, world.staff)
    page = client.get(f"/appointments/{appointment.appointment_id}/rescheduling").text
    assert "Free times for Lena Fischer, Wed 28 Jan" in page.replace("\n", "")
    assert 'value="2026-01-28" checked' in page
