"""``/requests``: everybody who waits for an answer, over all days."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_world
from tests.support.many import fill
from tests.ui.pages import assert_sound, groups, parse, rows
from webapp.models import Appointment, StaffUser
from webapp.vocabulary import Status

SignedIn = Callable[[StaffUser], FlaskClient]
one_engine = pytest.mark.one_engine("sqlite")


def asked(session: Session, world: World, *, day: int, hours_ago: int) -> int:
    """A request for a day after now, made so long ago."""
    made = at_status(session, Status.REQUESTED, world, start=world.now + day * DAY)
    created = world.now - timedelta(hours=hours_ago)
    session.execute(
        sa.update(Appointment)
        .where(Appointment.appointment_id == made.appointment_id)
        .values(created_at=created)
    )
    session.commit()
    return made.appointment_id


def test_the_one_who_has_waited_longest_stands_first(
    desk: FlaskClient, session: Session, world: World
) -> None:
    later = asked(session, world, day=1, hours_ago=1)
    first = asked(session, world, day=9, hours_ago=30)
    second = asked(session, world, day=2, hours_ago=5)
    at_status(session, Status.CONFIRMED, world, start=world.now + 4 * DAY)
    page = parse(desk.get("/requests"))
    assert_sound(page)
    assert rows(page) == [first, second, later]
    assert groups(page) == [
        "Thursday 22 January 2026",
        "Thursday 15 January 2026",
        "Wednesday 14 January 2026",
    ]
    assert page.one("a", aria_current="page").text.startswith("Requests")
    assert "waiting 1 day 6 h" in page.all("tr", cls="row")[0].text


@one_engine
def test_the_rows_offer_the_steps_of_a_request(desk: FlaskClient, session: Session, world: World) -> None:
    number = asked(session, world, day=1, hours_ago=1)
    row = parse(desk.get("/requests")).one(id=f"appt-{number}")
    assert [button.text.split()[0] for button in row.all("button") + row.all("a", cls="btn")] == [
        "Approve",
        "Decline…",
    ]


@one_engine
def test_nobody_waits(desk: FlaskClient) -> None:
    page = parse(desk.get("/requests"))
    assert_sound(page)
    assert page.one(cls="empty").one("h2").text == "Nothing waits for an answer."


@one_engine
def test_a_search_that_finds_no_request_leads_to_all_days(desk: FlaskClient) -> None:
    everywhere, clear = parse(desk.get("/requests?q=zoe")).one(cls="empty").all("a")
    assert (everywhere.attrs["href"], clear.attrs["href"]) == ("/appointments?q=zoe", "/requests")


@one_engine
def test_another_firms_requests_are_not_there(desk: FlaskClient, session: Session) -> None:
    at_status(session, Status.REQUESTED, make_world(session, "other"))
    assert rows(parse(desk.get("/requests"))) == []


@one_engine
def test_requests_to_one_person(desk: FlaskClient, session: Session, world: World) -> None:
    mine = asked(session, world, day=1, hours_ago=1)
    at_status(session, Status.REQUESTED, world, staff_user=world.staff2)
    assert rows(parse(desk.get("/requests?staff=me"))) == [mine]


@one_engine
def test_a_viewer_sees_them_without_steps(signed_in: SignedIn, session: Session, world: World) -> None:
    number = asked(session, world, day=1, hours_ago=1)
    page = parse(signed_in(world.viewer).get("/requests"))
    assert rows(page) == [number]
    assert not page.one(id=f"appt-{number}").all("button")


@one_engine
def test_the_address_does_not_choose_the_status(desk: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    assert rows(parse(desk.get("/requests?status=confirmed"))) == []


def test_pages_of_waiting_people_do_not_repeat_anybody(
    desk: FlaskClient, session: Session, engine: Engine, world: World
) -> None:
    fill(engine, world, 2000)
    total = session.scalar(sa.select(sa.func.count()).where(Appointment.status == Status.REQUESTED))
    page = parse(desk.get("/requests"))
    seen = rows(page)
    while following := page.all("a", rel="next"):
        page = parse(desk.get(following[0].attrs["href"]))
        seen += rows(page)
    assert len(seen) == len(set(seen)) == total
