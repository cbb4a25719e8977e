"""``/day/…?as_of=``: a day as it stood at an instant."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_world
from tests.ui.pages import Element, assert_sound, groups, parse, rows
from webapp.models import Appointment, StaffUser
from webapp.vocabulary import Status

SignedIn = Callable[[StaffUser], FlaskClient]
pytestmark = pytest.mark.one_engine("sqlite")  # the page; tests/queries/test_board_past.py reads on both
TODAY = "/day/2026-01-13"
HTMX = {"HX-Request": "true"}
HINT = "Enter a day and time such as 2026-01-13 10:00."
RANGE = "Enter a moment between 1990 and 2100."
AHEAD = "This lies ahead. Enter a moment that has passed, or leave it empty."


@pytest.fixture
def every(session: Session, world: World) -> dict[Status, Appointment]:
    """One of each status today, an hour apart from 05:00 on, made on the 11th, called off on the 12th.

    Completed and no-show were recorded today by 09:45.
    """
    midnight = world.now.replace(hour=0)
    return {
        status: at_status(session, status, world, start=midnight + timedelta(hours=5 + place))
        for place, status in enumerate(Status)
    }


def shown(page: Element) -> dict[int, str]:
    return {
        int(row.attrs["id"].removeprefix("appt-")): row.one(cls="badge").attrs["data-status"]
        for row in page.all("tr", cls="row")
    }


def chips(page: Element) -> dict[str, int]:
    found = {status.value: int(page.one(id=f"count-{status}").text) for status in Status}
    return {status: count for status, count in found.items() if count}


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2026-01-10T00:00", {}),
        ("2026-01-11T12:00", {"confirmed": 5, "requested": 1, "awaiting_confirmation": 1}),
        (
            "2026-01-13T04:00",
            {"confirmed": 3, "requested": 1, "awaiting_confirmation": 1, "cancelled": 1, "rescheduled": 1},
        ),
    ],
)
def test_statuses_and_counts_are_those_of_then(
    desk: FlaskClient, every: dict[Status, Appointment], as_of: str, expected: dict[str, int]
) -> None:
    page = parse(desk.get(f"{TODAY}?as_of={as_of}"))
    assert_sound(page)
    assert chips(page) == expected
    found = shown(page)
    assert {status: list(found.values()).count(status) for status in expected} == expected
    assert int(page.one(id="count-all").text) == len(found) == sum(expected.values())


def test_it_is_marked_and_leads_back_to_now(desk: FlaskClient, every: dict[Status, Appointment]) -> None:
    page = parse(desk.get(f"{TODAY}?as_of=2026-01-12T12:00&status=confirmed"))
    notice = page.one(id="past")
    assert notice.one("h2").text == "As it stood Mon 12 Jan 2026, 12:00"
    assert notice.one("a").attrs["href"] == f"{TODAY}?status=confirmed"
    assert "as it stood Mon 12 Jan 2026, 12:00" in page.one("title").text
    assert not parse(desk.get(TODAY)).all(id="past")


def test_nothing_can_be_done_there(
    signed_in: SignedIn, world: World, every: dict[Status, Appointment]
) -> None:
    page = parse(signed_in(world.manager).get(f"{TODAY}?as_of=2026-01-13T04:00"))
    assert len(rows(page)) == 7
    for gone in ("bulk", "act", "changes", "attention", "select-all"):
        assert not page.all(id=gone), gone
    board = page.one(id="board")
    assert not board.all("button")
    assert not board.all("input")
    assert not [element for element in board.all() if "hx-get" in element.attrs or "hx-post" in element.attrs]
    posts = [form for form in page.one("main").all("form") if form.attrs.get("method") == "post"]
    assert not posts
    assert not [a for a in page.all("a") if a.attrs.get("href", "").startswith("/appointments/new")]


def test_rows_say_what_was_unusual_then(desk: FlaskClient, every: dict[Status, Appointment]) -> None:
    page = parse(desk.get(f"{TODAY}?as_of=2026-01-13T09:59"))
    assert page.one(id=f"appt-{every[Status.CANCELLED].appointment_id}").one(cls="flag").text == "Ada is ill"
    before = parse(desk.get(f"{TODAY}?as_of=2026-01-11T23:00"))
    cancelled = before.one(id=f"appt-{every[Status.CANCELLED].appointment_id}")
    assert cancelled.one(cls="badge").text == "Confirmed"
    assert not cancelled.all(cls="flag")
    completed = parse(desk.get(f"{TODAY}?as_of=2026-01-13T08:30"))
    running = completed.one(id=f"appt-{every[Status.COMPLETED].appointment_id}")
    assert running.one(cls="flag").text == "In progress, ends 08:45"
    line = next(row for row in completed.all("tr") if row.attrs.get("class") == "now")
    assert line.text == "Then 08:30"


def test_a_week_and_its_neighbours_stay_in_the_past(
    desk: FlaskClient, every: dict[Status, Appointment]
) -> None:
    page = parse(desk.get("/week/2026-01-13?as_of=2026-01-12T12:00&hide_closed=on"))
    assert groups(page) == ["Tuesday 13 January", "Wednesday 14 January"]
    kept = "?hide_closed=on&as_of=2026-01-12T12%3A00"
    assert page.one(rel="next").attrs["href"] == f"/week/2026-01-19{kept}"
    assert page.one(cls="segmented--view").all("a")[0].attrs["href"] == f"/day/2026-01-12{kept}"
    assert page.one(cls="chip--all").attrs["href"] == "/week/2026-01-12?as_of=2026-01-12T12%3A00"
    assert page.one(id="filters").one("input", name="as_of").attrs["value"] == "2026-01-12T12:00"


def test_htmx_gets_the_list_of_then(desk: FlaskClient, every: dict[Status, Appointment]) -> None:
    answer = desk.get(f"{TODAY}?as_of=2026-01-11T12:00&status=confirmed&q=ada", headers=HTMX)
    page = parse(answer)
    assert not page.all("h1")
    assert set(shown(page).values()) == {"confirmed"}
    assert len(shown(page)) == 5
    assert not page.all(id="bulk")


def test_the_form_goes_there_and_keeps_the_filters(
    desk: FlaskClient, every: dict[Status, Appointment]
) -> None:
    form = parse(desk.get(f"{TODAY}?status=confirmed&q=ada")).one(cls="asof")
    fields = {box.attrs["name"]: box.attrs.get("value", "") for box in form.all("input")}
    assert fields == {"status": "confirmed", "q": "ada", "as_of": "2026-01-13", "as_of_time": ""}
    answer = desk.get(form.attrs["action"], query_string=fields | {"as_of_time": "9.30"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{TODAY}?status=confirmed&q=ada&as_of=2026-01-13T09%3A30"
    page = parse(desk.get(answer.headers["Location"]))
    filled = {box.attrs["name"]: box.attrs.get("value", "") for box in page.one(cls="asof").all("input")}
    assert (filled["as_of"], filled["as_of_time"]) == ("2026-01-13", "09:30")


@pytest.mark.parametrize(
    "as_of",
    [
        "2026-01-12T12:00",
        "2026-01-12 12:00",
        "2026-01-12T12:00:00Z",
        "2026-01-12T13:00:00+01:00",
        "2026-01-12T13:00:00%2B01:00",
        "2026-01-12T12:00:00.000000%2B00:00",
    ],
)
def test_an_instant_in_whatever_way_it_is_written(desk: FlaskClient, as_of: str) -> None:
    notice = parse(desk.get(f"{TODAY}?as_of={as_of}")).one(id="past")
    assert notice.one("h2").text == "As it stood Mon 12 Jan 2026, 12:00"


def test_a_time_alone_is_on_the_day_shown(desk: FlaskClient) -> None:
    def stood(path: str) -> str:
        return parse(desk.get(path)).one(id="past").one("h2").text

    assert stood("/day/2026-01-09?as_of=10:00") == "As it stood Fri 9 Jan 2026, 10:00"
    assert stood("/day/2026-02-09?as_of=09:00") == "As it stood Tue 13 Jan 2026, 09:00"
    assert stood("/week/2026-01-13?as_of=09:00") == "As it stood Tue 13 Jan 2026, 09:00"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("as_of=x", HINT),
        ("as_of=2026-02-30T10:00", HINT),
        ("as_of=2026-02-30", HINT),
        ("as_of=%00", HINT),
        ("as_of=99:99", "Enter a time such as 14:30."),
        ("as_of=2026-01-13&as_of_time=", "Enter a time such as 10:00."),
        ("as_of=2026-01-13&as_of_time=noon", "Enter a time such as 14:30."),
        ("as_of=2026-01-13&as_of_time=10:00:99", "Enter a time such as 14:30."),
        ("as_of=&as_of_time=10:01", AHEAD),
        ("as_of=13.1.&as_of_time=10:00", "Enter a date as year-month-day, such as 2026-01-13."),
        ("as_of=2026-01-13T10:01", AHEAD),
        ("as_of=2026-01-14", AHEAD),
        ("as_of=1026-01-13T10:00", RANGE),
        ("as_of=1989-12-31", RANGE),
        ("as_of=0001-01-01T00:00%2B14:00", RANGE),
        ("as_of=0001-01-01T00:00Z", RANGE),
        ("as_of=9999-12-31T23:59Z", RANGE),
        (
            "as_of=2025-03-30T01:30",
            "Sun 30 Mar 2025 has no 01:30 in London: the clocks go forward. Enter 00:59 or 02:00.",
        ),
        (
            "as_of=2025-10-26&as_of_time=01:30",
            "Sun 26 Oct 2025 has 01:30 twice in London: the clocks go back. Write the offset behind the "
            "time, 01:30+01:00 or 01:30+00:00.",
        ),
    ],
)
def test_what_is_no_moment_of_the_past_is_a_sentence(desk: FlaskClient, query: str, sentence: str) -> None:
    answer = desk.get(f"{TODAY}?{query}")
    page = parse(answer)
    assert answer.status_code == 422
    assert_sound(page)
    assert page.one("title").text.startswith("Error: ")
    assert page.one(cls="errors").one("a").text == sentence
    assert page.one(cls="crumb").one("a").attrs["href"] == TODAY
    assert not page.all(id="board")
    assert desk.get(f"{TODAY}?{query}", headers=HTMX).headers["HX-Redirect"]
    assert desk.get(f"{TODAY}.csv?{query}").status_code == 303


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "Europe/London"])
@pytest.mark.parametrize("as_of", ["0001-01-01T00:00Z", "9999-12-31T23:59Z", "9999-12-31T23:59:59-14:00"])
def test_the_ends_of_the_calendar_are_refused_in_every_zone(
    signed_in: SignedIn, session: Session, zone: str, as_of: str
) -> None:
    browser = signed_in(make_world(session, "far", zone).owner)
    for path in (TODAY, "/week/2026-01-12", "/reports", "/reports/day-sheet"):
        answer = browser.get(f"{path}?as_of={as_of}")
        assert answer.status_code == 422, path
        assert RANGE in parse(answer).one(cls="errors").text
    assert browser.get(f"{TODAY}.csv?as_of={as_of}").status_code == 303


def test_a_day_alone_means_its_end_and_today_this_moment(desk: FlaskClient) -> None:
    def stood(as_of: str) -> str:
        page = parse(desk.get(f"{TODAY}?as_of={as_of}"))
        clock = page.one(cls="asof").one(id="as_of_time").attrs["value"]
        return f"{page.one(id='past').one('h2').text}; {clock}"

    assert stood("2026-01-12") == "As it stood Mon 12 Jan 2026, 23:59; 23:59:59.999999"
    assert stood("2026-01-13") == "As it stood Tue 13 Jan 2026, 10:00; 10:00"
    reported = parse(desk.get("/reports?as_of=2026-01-12")).one(cls="notice--info").one("h2").text
    assert reported == "As it stood on Mon 12 Jan 2026, 23:59"


@pytest.mark.parametrize("clock", ["08:30", "08:30:15", "08:30:15.250000"])
def test_the_form_holds_the_instant_exactly(desk: FlaskClient, clock: str) -> None:
    form = parse(desk.get(f"{TODAY}?as_of=2026-01-12T{clock}")).one(cls="asof")
    fields = {box.attrs["name"]: box.attrs.get("value", "") for box in form.all("input")}
    assert fields == {"as_of": "2026-01-12", "as_of_time": clock}
    answer = desk.get(TODAY, query_string=fields)
    assert answer.headers["Location"] == f"{TODAY}?as_of=2026-01-12T{clock.replace(':', '%3A')}"


@pytest.mark.parametrize(("offset", "hour"), [("+01:00", 0), ("+00:00", 1)])
def test_an_hour_that_came_twice_is_told_apart_by_its_offset(
    desk: FlaskClient, offset: str, hour: int
) -> None:
    asked = {"as_of": "2025-10-26", "as_of_time": f"01:30{offset}"}
    answer = desk.get(TODAY, query_string=asked)
    kept = offset.replace("+", "%2B").replace(":", "%3A")
    assert answer.headers["Location"] == f"{TODAY}?as_of=2025-10-26T01%3A30{kept}"
    page = parse(desk.get(answer.headers["Location"]))
    assert page.one(id="past").one("h2").text == "As it stood Sun 26 Oct 2025, 01:30"
    assert page.one(cls="asof").one(id="as_of_time").attrs["value"] == f"01:30{offset}"
    file = desk.get(f"{TODAY}.csv?as_of=2025-10-26T01:30{offset.replace('+', '%2B')}")
    assert file.status_code == 200


def parsed(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


def test_the_file_follows_the_page(desk: FlaskClient, every: dict[Status, Appointment], world: World) -> None:
    page = parse(desk.get(f"{TODAY}?as_of=2026-01-12T12:00&status=cancelled"))
    link = next(a.attrs["href"] for a in page.all("a") if a.text == "Download CSV")
    assert link == f"{TODAY}.csv?status=cancelled&as_of=2026-01-12T12%3A00"
    answer = desk.get(link)
    (row,) = parsed(answer)
    assert (row["Status"], row["Reason"], row["Cancelled by"]) == ("cancelled", "Ada is ill", "client")
    assert row["As of"] == "2026-01-12T12:00:00+00:00"
    assert re.search("marlow-day-2026-01-13-as-of-2026-01-12-1200.csv", answer.headers["Content-Disposition"])
    assert len(parsed(desk.get(f"{TODAY}.csv"))) == 7
    assert parsed(desk.get(f"{TODAY}.csv"))[0]["As of"] == "2026-01-13T10:00:00+00:00"


def test_a_viewer_looks_back_and_takes_no_file(
    signed_in: SignedIn, world: World, every: dict[Status, Appointment]
) -> None:
    viewer = signed_in(world.viewer)
    page = parse(viewer.get(f"{TODAY}?as_of=2026-01-12T12:00"))
    assert len(rows(page)) == 7
    assert not [a for a in page.all("a") if ".csv" in a.attrs.get("href", "")]
    assert viewer.get(f"{TODAY}.csv").status_code == 403


def test_nothing_of_another_firm_is_on_it(desk: FlaskClient, session: Session) -> None:
    other = make_world(session, "other")
    theirs = at_status(session, Status.CONFIRMED, other, start=other.now)
    page = parse(desk.get(f"{TODAY}?as_of=2026-01-13T09:59"))
    assert rows(page) == []
    assert chips(page) == {}
    assert page.one(cls="empty").one("h2").text == "No appointments on Tuesday 13 January were known then"
    assert rows(parse(desk.get(f"{TODAY}?as_of=2026-01-13T09:59&q={theirs.appointment_id}"))) == []


def test_what_was_booked_later_is_not_there(desk: FlaskClient, session: Session, world: World) -> None:
    early = at_status(session, Status.CONFIRMED, world, start=world.now - timedelta(hours=1))
    moved = at_status(session, Status.RESCHEDULED, world, start=world.now - DAY)
    page = parse(desk.get(f"{TODAY}?as_of=2026-01-10T12:00"))
    assert moved.rescheduled_to is not None
    assert moved.rescheduled_to.appointment_id not in rows(page)
    later = rows(parse(desk.get(f"{TODAY}?as_of=2026-01-13T09:59")))
    assert later == [early.appointment_id, moved.rescheduled_to.appointment_id]
