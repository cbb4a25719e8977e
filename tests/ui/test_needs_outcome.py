"""``/needs-outcome``: confirmed meetings that have ended and say nothing of how they went."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, at_status, make_world
from tests.support.many import fill
from tests.ui.pages import assert_sound, groups, parse, rows
from webapp.models import StaffUser
from webapp.vocabulary import Status

SignedIn = Callable[[StaffUser], FlaskClient]
one_engine = pytest.mark.one_engine("sqlite")


def ended(session: Session, world: World, hours: float, staff_user: StaffUser | None = None) -> int:
    """A confirmed meeting that ended so many hours ago."""
    start = world.now - timedelta(hours=hours) - LENGTH
    return at_status(session, Status.CONFIRMED, world, start=start, staff_user=staff_user).appointment_id


def test_the_oldest_stands_first(desk: FlaskClient, session: Session, world: World) -> None:
    today, older, yesterday = (ended(session, world, hours) for hours in (1, 50, 24))
    page = parse(desk.get("/needs-outcome"))
    assert_sound(page)
    assert rows(page) == [older, yesterday, today]
    assert groups(page) == ["Sunday 11 January 2026", "Monday 12 January 2026", "Tuesday 13 January 2026"]
    assert page.one("a", aria_current="page").attrs["href"] == "/needs-outcome?staff=me"


@one_engine
def test_only_what_has_ended_and_is_confirmed(desk: FlaskClient, session: Session, world: World) -> None:
    just = ended(session, world, 0)
    at_status(session, Status.CONFIRMED, world, start=world.now - LENGTH / 2, staff_user=world.staff2)
    at_status(session, Status.CONFIRMED, world)
    at_status(session, Status.COMPLETED, world)
    at_status(session, Status.NO_SHOW, world, start=world.now - 2 * DAY)
    assert rows(parse(desk.get("/needs-outcome"))) == [just]


@one_engine
def test_mine_and_those_of_somebody(desk: FlaskClient, session: Session, world: World) -> None:
    mine = ended(session, world, 1)
    his = ended(session, world, 1, world.staff2)
    assert rows(parse(desk.get("/needs-outcome?staff=me"))) == [mine]
    assert rows(parse(desk.get(f"/needs-outcome?staff={world.staff2.staff_user_id}"))) == [his]
    assert len(rows(parse(desk.get("/needs-outcome")))) == 2


@one_engine
def test_a_person_that_cannot_be_is_422(desk: FlaskClient) -> None:
    answer = desk.get("/needs-outcome?staff=x")
    assert answer.status_code == 422
    assert parse(answer).one(cls="errors").one("a").attrs["href"] == "#staff"


@one_engine
def test_every_outcome_is_recorded(desk: FlaskClient) -> None:
    page = parse(desk.get("/needs-outcome"))
    assert page.one(cls="empty").one("h2").text == "Every outcome is recorded."


@one_engine
def test_another_firms_meetings_are_not_there(desk: FlaskClient, session: Session) -> None:
    other = make_world(session, "other")
    ended(session, other, 1)
    assert rows(parse(desk.get("/needs-outcome"))) == []


@one_engine
def test_completing_all_of_a_page_leaves_the_next(desk: FlaskClient, session: Session, world: World) -> None:
    first, second = ended(session, world, 30), ended(session, world, 3)
    page = parse(desk.get("/needs-outcome"))
    form = page.one(id="bulk")
    token = form.one("input", name="form_token").attrs["value"]
    answer = desk.post(
        "/bulk/completion", data={"ref": f"{first}.1", "form_token": token, "back": "/needs-outcome"}
    )
    assert answer.headers["Location"] == "/needs-outcome"
    assert rows(parse(desk.get("/needs-outcome"))) == [second]


def test_it_is_paged(desk: FlaskClient, engine: Engine, session: Session, world: World) -> None:
    fill(engine, world, 3000)
    for hours in range(60):
        ended(session, world, 24 * 200 + 2 * hours, world.staff2)
    page = parse(desk.get("/needs-outcome"))
    seen = rows(page)
    assert len(seen) == 50
    while following := page.all("a", rel="next"):
        page = parse(desk.get(following[0].attrs["href"]))
        seen += rows(page)
    assert len(seen) == len(set(seen)) > 60
