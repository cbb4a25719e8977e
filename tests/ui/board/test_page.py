"""``/day/…`` and ``/week/…``: what stands on the board, by filters, days and roles."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, at_status, draft, make_contact, make_world
from tests.ui.board.conftest import HTMX, STATUSES, TODAY, one_engine
from tests.ui.pages import Element, assert_sound, groups, parse, rows
from webapp.lifecycle import booking
from webapp.localtime import Local
from webapp.models import Appointment, StaffUser
from webapp.ui.board.spans import Span
from webapp.vocabulary import Status

SignedIn = Callable[[StaffUser], FlaskClient]


def counts(page: Element) -> dict[str, int]:
    return {status: int(page.one(id=f"count-{status}").text) for status in (*STATUSES, "all")}


def checked(page: Element, name: str) -> list[str]:
    return [box.attrs["value"] for box in page.all("input", name=name) if "checked" in box.attrs]


def test_a_day_in_the_order_of_its_hours(desk: FlaskClient, every: dict[Status, Appointment]) -> None:
    page = parse(desk.get(TODAY))
    assert_sound(page)
    assert page.one("h1").text == "Tuesday 13 January"
    assert rows(page) == [every[status].appointment_id for status in STATUSES]
    assert groups(page) == [f"{hour:02d}:00" for hour in range(5, 12)]
    shown = [row.one(cls="badge").attrs["data-status"] for row in page.all("tr", cls="row")]
    assert shown == list(STATUSES)


def test_counts_are_of_the_whole_day_whatever_the_filters(
    desk: FlaskClient, every: dict[Status, Appointment], world: World
) -> None:
    everything = dict.fromkeys(STATUSES, 1) | {"all": 7}
    for query in ("", "?status=confirmed", "?q=nobody", "?hide_closed=on", "?staff=999"):
        page = parse(desk.get(TODAY + query))
        assert counts(page) == everything
        staff = {row.one("span").text: row.one("b").text for row in page.one(id="side").all("label")[:4]}
        assert staff == {"Daniel Osei": "0", "Lena Fischer": "7", "Olga Marlow": "0", "Tomas Novak": "0"}


@one_engine
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=confirmed", {Status.CONFIRMED}),
        ("status=confirmed&status=no_show", {Status.CONFIRMED, Status.NO_SHOW}),
        ("hide_closed=on", {Status.REQUESTED, Status.AWAITING_CONFIRMATION, Status.CONFIRMED}),
        ("hide_closed=on&status=completed", set()),
        ("status=nonsense", set(STATUSES)),
        ("staff=x&staff=-1&staff=99999999999999999999", set(STATUSES)),
        ("q=%00", set(STATUSES)),
    ],
)
def test_filters_in_the_address(
    desk: FlaskClient, every: dict[Status, Appointment], query: str, expected: set[Status]
) -> None:
    found = parse(desk.get(f"{TODAY}?{query}")).all("tr", cls="row")
    assert {row.one(cls="badge").attrs["data-status"] for row in found} == expected


@one_engine
def test_chips_and_boxes_show_what_is_set(
    desk: FlaskClient, every: dict[Status, Appointment], world: World
) -> None:
    lena = str(world.staff.staff_user_id)
    page = parse(desk.get(f"{TODAY}?status=confirmed&status=completed&staff={lena}&hide_closed=on&q=ada"))
    assert checked(page, "status") == ["confirmed", "completed"]
    assert checked(page, "staff") == [lena]
    assert "checked" in page.one("input", name="hide_closed", type="checkbox").attrs
    assert page.one(id="q").attrs["value"] == "ada"
    assert "aria-current" not in page.one(cls="chip--all").attrs
    assert page.one(cls="chip--all").attrs["href"] == TODAY
    assert all(box.attrs["form"] == "filters" for box in page.all("input", name="staff", type="checkbox"))


@one_engine
def test_a_chip_without_appointments_stays_in_its_place(
    desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.CONFIRMED, world, start=world.now)
    chips = parse(desk.get(TODAY)).one(id="filters").all("label", cls="chip")
    assert [chip.attrs["data-status"] for chip in chips] == list(STATUSES)
    assert [("chip--zero" in chip.attrs["class"]) for chip in chips] == [
        status is not Status.CONFIRMED for status in STATUSES
    ]


def test_one_persons_day(desk: FlaskClient, session: Session, world: World) -> None:
    hers = at_status(session, Status.CONFIRMED, world, start=world.now)
    his = at_status(session, Status.CONFIRMED, world, start=world.now, staff_user=world.staff2)
    assert rows(parse(desk.get(f"{TODAY}?staff={world.staff2.staff_user_id}"))) == [his.appointment_id]
    both = f"?staff={world.staff2.staff_user_id}&staff={world.staff.staff_user_id}"
    assert rows(parse(desk.get(TODAY + both))) == [hers.appointment_id, his.appointment_id]


def test_search_on_a_day(desk: FlaskClient, session: Session, world: World) -> None:
    ada = at_status(session, Status.CONFIRMED, world, start=world.now)
    other = make_contact(session, world.firm, "Zoë Ångström")
    zoe = booked_for(session, world, other.contact_id, world.now + timedelta(hours=2))
    assert rows(parse(desk.get(f"{TODAY}?q=zoe+ang"))) == [zoe]
    assert rows(parse(desk.get(f"{TODAY}?q=BYRON"))) == [ada.appointment_id]
    assert rows(parse(desk.get(f"{TODAY}?q={ada.appointment_id}"))) == [ada.appointment_id]


def booked_for(session: Session, world: World, contact_id: int, start: datetime) -> int:
    plan = replace(draft(world, start=start), contact_id=contact_id)
    made = booking.book(session, actor=world.acting(), draft=plan, now=world.now)
    session.commit()
    return made.appointment_id


@one_engine
def test_no_match_repeats_the_search_and_leads_on(
    desk: FlaskClient, every: dict[Status, Appointment]
) -> None:
    empty = parse(desk.get(f"{TODAY}?q=O'Neill+%26+Co&status=confirmed")).one(cls="empty")
    assert empty.one("h2").text == "Nothing on this day matches “O'Neill & Co”"
    everywhere, clear = empty.all("a")
    assert everywhere.attrs["href"] == "/appointments?q=O%27Neill%20%26%20Co"
    assert clear.attrs["href"] == f"{TODAY}?status=confirmed"


@one_engine
def test_filters_without_a_match_can_be_cleared(desk: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world, start=world.now)
    empty = parse(desk.get(f"{TODAY}?status=no_show")).one(cls="empty")
    assert empty.one("h2").text == "No appointment on this day passes the filters"
    assert empty.one("a").attrs["href"] == TODAY


def test_an_empty_day_says_when_the_next_appointment_is(
    desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.CANCELLED, world, start=world.now + DAY)
    at_status(session, Status.CONFIRMED, world, start=world.now + 3 * DAY)
    empty = parse(desk.get(TODAY)).one(cls="empty")
    assert empty.one("h2").text == "No appointments on Tuesday 13 January"
    assert empty.all("p")[0].text == "The next one is Fri 16 Jan, 10:00, Ada Byron with Lena Fischer."
    assert empty.all("a")[0].attrs["href"] == "/day/2026-01-16"


@one_engine
def test_an_empty_day_at_the_end_of_all_bookings(desk: FlaskClient) -> None:
    empty = parse(desk.get(TODAY)).one(cls="empty")
    assert empty.all("p")[0].text == "Nothing is booked after that either."


@one_engine
def test_the_line_of_the_present_time_stands_before_the_next_row(
    desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.CONFIRMED, world, start=world.now - timedelta(minutes=30))
    later = at_status(session, Status.CONFIRMED, world, start=world.now + timedelta(minutes=30))
    lines = parse(desk.get(TODAY)).all("tr")
    at = next(place for place, line in enumerate(lines) if line.attrs.get("class") == "now")
    assert lines[at].text == "Now 10:00"
    assert lines[at + 1].attrs["id"] == f"appt-{later.appointment_id}"
    assert not parse(desk.get("/day/2026-01-14")).all("tr", cls="now")


@one_engine
def test_due_running_and_closed_rows_look_it(
    desk: FlaskClient, every: dict[Status, Appointment], session: Session, world: World
) -> None:
    running = at_status(
        session, Status.CONFIRMED, world, start=world.now - timedelta(minutes=5), staff_user=world.staff2
    )
    page = parse(desk.get(TODAY))

    def look(appointment: Appointment) -> str:
        return page.one(id=f"appt-{appointment.appointment_id}").attrs["class"].removeprefix("row").strip()

    assert look(every[Status.REQUESTED]) == "is-due"
    assert look(every[Status.CONFIRMED]) == "is-due"
    assert look(running) == "is-running"
    assert look(every[Status.CANCELLED]) == "is-closed"
    assert look(every[Status.AWAITING_CONFIRMATION]) == ""


def test_a_week_under_its_days(desk: FlaskClient, session: Session, world: World) -> None:
    made = [
        at_status(session, Status.CONFIRMED, world, start=world.now + day * DAY).appointment_id
        for day in (-1, 1, 5, 6)
    ]
    page = parse(desk.get("/week/2026-01-14"))
    assert_sound(page)
    assert page.one("h1").text == "Mon 12 Jan to Sun 18 Jan"
    assert rows(page) == made[:3]
    assert groups(page) == ["Monday 12 January", "Wednesday 14 January", "Sunday 18 January"]
    assert page.one(rel="next").attrs["href"] == "/week/2026-01-19"


@one_engine
def test_the_neighbours_keep_the_filters(desk: FlaskClient) -> None:
    page = parse(desk.get(f"{TODAY}?status=confirmed"))
    assert page.one(rel="prev").attrs["href"] == "/day/2026-01-12?status=confirmed"
    assert page.one(rel="next").attrs["href"] == "/day/2026-01-14?status=confirmed"


@pytest.mark.parametrize(
    ("day", "hours", "first_hour"), [("2026-03-29", 23, "00:00"), ("2026-10-25", 25, "00:00")]
)
def test_a_day_on_which_the_clocks_change_has_all_its_hours(
    desk: FlaskClient, session: Session, world: World, day: str, hours: int, first_hour: str
) -> None:
    span = Span.of("day", datetime.fromisoformat(day).date(), Local.named("Europe/London"))
    start, end = span.bounds
    assert (end - start) == timedelta(hours=hours)
    first = at_status(session, Status.CONFIRMED, world, start=start)
    last = at_status(session, Status.CONFIRMED, world, start=end - LENGTH)
    at_status(session, Status.CONFIRMED, world, start=end)
    at_status(session, Status.CONFIRMED, world, start=start - LENGTH)
    page = parse(desk.get(f"/day/{day}"))
    assert rows(page) == [first.appointment_id, last.appointment_id]
    assert groups(page) == [first_hour, "23:00"]


@one_engine
def test_an_hour_that_comes_twice_has_two_headings(desk: FlaskClient, session: Session, world: World) -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    at_status(session, Status.CONFIRMED, world, start=first)
    at_status(session, Status.CONFIRMED, world, start=first + timedelta(hours=1))
    assert groups(parse(desk.get("/day/2026-10-25"))) == ["01:00", "01:00"]


@one_engine
@pytest.mark.parametrize(
    "path",
    [
        "/day/2026-02-30",
        "/day/2026-1-1",
        "/day/today",
        "/day/1026-01-01",
        "/day/9999-12-31",
        "/week/x",
        "/month/2026-01-01",
        "/day/2026-02-30/changes",
        "/day/\u0661\u0662\u0663\u0664-01-01",
    ],
)
def test_a_date_that_is_none_is_not_there(desk: FlaskClient, path: str) -> None:
    assert desk.get(path).status_code == 404


@one_engine
@pytest.mark.parametrize("day", ["1990-01-01", "2100-12-31"])
@pytest.mark.parametrize("kind", ["day", "week"])
def test_the_first_and_the_last_day_are_there(desk: FlaskClient, kind: str, day: str) -> None:
    assert desk.get(f"/{kind}/{day}").status_code == 200


@one_engine
def test_today_is_the_firms_today(signed_in: SignedIn, session: Session, moved_clock: Any) -> None:
    auckland = make_world(session, "kiwi", "Pacific/Auckland")
    moved_clock.pass_(hours=2)
    answer = signed_in(auckland.staff).get("/day?q=ada")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/day/2026-01-14?q=ada")


@one_engine
def test_nothing_of_another_firm_is_on_it(desk: FlaskClient, session: Session) -> None:
    other = make_world(session, "other")
    theirs = at_status(session, Status.CONFIRMED, other, start=other.now)
    page = parse(desk.get(TODAY))
    assert rows(page) == []
    assert counts(page)["all"] == 0
    assert rows(parse(desk.get(f"{TODAY}?q={theirs.appointment_id}"))) == []
    assert rows(parse(desk.get(f"{TODAY}?staff={other.staff.staff_user_id}"))) == []


@one_engine
def test_a_viewer_sees_no_steps(signed_in: SignedIn, world: World, every: dict[Status, Appointment]) -> None:
    page = parse(signed_in(world.viewer).get(TODAY))
    assert len(rows(page)) == 7
    assert not page.all(id="bulk")
    assert not [button for button in page.one(id="board").all("button") if "form" in button.attrs]
    assert not [link for link in page.one(id="board").all("a") if "hx-get" in link.attrs]
    assert not [link for link in page.all("a") if link.attrs.get("href", "").startswith("/appointments/new")]


@one_engine
def test_htmx_gets_the_list_alone(desk: FlaskClient, every: dict[Status, Appointment]) -> None:
    answer = desk.get(f"{TODAY}?status=confirmed", headers=HTMX)
    page = parse(answer)
    assert not page.all("h1")
    assert rows(page.one(id="board")) == [every[Status.CONFIRMED].appointment_id]
    assert "HX-Request" in answer.headers["Vary"]


@one_engine
def test_what_waits_stands_above_the_list(desk: FlaskClient, every: dict[Status, Appointment]) -> None:
    strip = parse(desk.get(TODAY)).one(id="attention")
    assert [link.attrs["href"] for link in strip.all("a")] == [
        "/requests",
        "/needs-outcome",
        "/appointments?status=awaiting_confirmation&order=oldest",
    ]
    assert [number.text for number in strip.all(cls="attn__n")] == ["1", "1", "1"]


@one_engine
def test_nothing_waits(desk: FlaskClient) -> None:
    assert parse(desk.get(TODAY)).one(id="attention").text == "Nothing needs attention."
