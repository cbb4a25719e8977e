"""``/activity``: what is recorded while the page is open."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World, at_status, make_world
from tests.ui.activity.conftest import HTMX, cancel, one_engine
from tests.ui.conftest import MovableClock
from tests.ui.pages import Element, parse
from webapp.models import Appointment
from webapp.vocabulary import Status


def news_of(desk: FlaskClient, path: str = "/activity") -> Callable[[], tuple[int, Element]]:
    """Open the page; gives what it asks for from time to time."""
    url = parse(desk.get(path)).one(id="news").attrs["hx-get"]

    def ask() -> tuple[int, Element]:
        answer = desk.get(url, headers=HTMX)
        return answer.status_code, parse(answer)

    return ask


def test_what_is_recorded_meanwhile_is_told(
    desk: FlaskClient,
    session: Session,
    world: World,
    story: dict[Status, Appointment],
    moved_clock: MovableClock,
) -> None:
    ask = news_of(desk)
    assert ask()[0] == 204
    moved_clock.pass_(seconds=30)
    cancel(session, world, story[Status.CONFIRMED], moved_clock)
    code, page = ask()
    assert code == 200
    assert page.one("h2").text == "1 new change"
    assert page.one("li").text == "Tomas Novak cancelled it: Ada Byron, Wed 14 Jan, 12:00"
    assert page.one("a").attrs["href"] == "/activity"
    again = page.one(id="news").attrs["hx-get"]
    assert desk.get(again, headers=HTMX).status_code == 204


def test_a_change_that_was_dated_before_the_page_and_committed_after_it_is_told(
    desk: FlaskClient,
    session: Session,
    world: World,
    story: dict[Status, Appointment],
    moved_clock: MovableClock,
) -> None:
    moved_clock.pass_(seconds=30)
    late = MovableClock(moved_clock.now)
    moved_clock.pass_(seconds=5)
    ask = news_of(desk)
    cancel(session, world, story[Status.CONFIRMED], late)
    assert ask()[0] == 200


@one_engine
def test_what_the_filters_leave_out_is_no_news(
    desk: FlaskClient,
    session: Session,
    world: World,
    story: dict[Status, Appointment],
    moved_clock: MovableClock,
) -> None:
    asks = {
        query: news_of(desk, f"/activity?{query}")
        for query in (
            "action=cancel",
            "action=book",
            "by=client",
            "staff=me",
            f"by={world.staff2.staff_user_id}",
        )
    }
    other = make_world(session, "other")
    moved_clock.pass_(seconds=30)
    cancel(session, world, story[Status.CONFIRMED], moved_clock)
    at_status(session, Status.CANCELLED, other)
    assert {query: ask()[0] for query, ask in asks.items()} == {
        "action=cancel": 200,
        "action=book": 204,
        "by=client": 204,
        "staff=me": 200,
        f"by={world.staff2.staff_user_id}": 200,
    }


@one_engine
@pytest.mark.parametrize("path", ["/activity?to=2026-01-12", "/activity?after=1768298400000000.1"])
def test_a_page_of_the_past_asks_for_no_news(
    desk: FlaskClient, story: dict[Status, Appointment], path: str
) -> None:
    assert not parse(desk.get(path)).all(id="news")


@one_engine
@pytest.mark.parametrize("query", ["since=x&shown=y", "since=9999-12-31T23:59-14:00&shown=-1", "by=nobody"])
def test_broken_marks_are_answered_all_the_same(desk: FlaskClient, query: str) -> None:
    assert desk.get(f"/activity/news?{query}", headers=HTMX).status_code in {200, 204}
