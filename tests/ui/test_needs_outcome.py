"""``/needs-outcome``: confirmed meetings that have ended and say nothing of how they went."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, at_status, make_world
from tests.lifecycle.due_rows import join
from tests.support.many import fill
from tests.ui.pages import assert_sound, groups, parse, rows
from webapp.lifecycle.sweeps import sweep
from webapp.models import StaffUser
from webapp.vocabulary import AttendanceSide, Status

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
def test_with_nothing_of_ones_own_it_leads_to_everybodys(
    desk: FlaskClient, session: Session, world: World
) -> None:
    ended(session, world, 1, world.staff2)
    empty = parse(desk.get("/needs-outcome?staff=me")).one(cls="empty")
    assert empty.one("h2").text == "Every outcome of yours is recorded."
    assert (empty.one("a").text, empty.one("a").attrs["href"]) == ("See everybody’s, 1", "/needs-outcome")


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


def listed(client: FlaskClient, address: str) -> str:
    """How many meetings and late joins a list shows, as the navigation prints it."""
    page = parse(client.get(address))
    late = page.all(cls="late")
    return str(len(rows(page)) + (len(late[0].all("tr")) - 1 if late else 0))


def test_the_number_in_the_navigation_is_that_of_the_list(
    signed_in: SignedIn, session: Session, world: World
) -> None:
    late = at_status(session, Status.CONFIRMED, world, start=world.now - DAY)
    late.tracked = True
    session.commit()
    decided = late.start_time + timedelta(minutes=31)
    sweep(session, firm_id=world.firm.firm_id, now=decided)
    for side in AttendanceSide:  # both were missing, and both came
        join(session, world, late.appointment_id, side, decided + timedelta(minutes=9))
    session.commit()
    ended(session, world, 1)
    ended(session, world, 48, world.staff2)
    for user, address, number in (
        (world.staff, "/needs-outcome?staff=me", "3"),
        (world.staff2, "/needs-outcome?staff=me", "1"),
        (world.viewer, "/needs-outcome", "4"),  # who takes no appointments sees everybody's
    ):
        client = signed_in(user)
        [entry] = [link for link in parse(client.get("/contacts")).all("a") if link.all(id="nav-outcomes")]
        assert (entry.attrs["href"], entry.text) == (address, f"Needs outcome {number} without an outcome")
        assert listed(client, address) == number


def test_a_number_of_nothing_is_not_told(desk: FlaskClient) -> None:
    assert parse(desk.get("/contacts")).one(id="nav-outcomes").text == ""
