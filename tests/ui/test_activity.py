"""``/activity``: what was changed, by whom, why; and the same as a file."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_contact, make_world
from tests.ui.conftest import MovableClock
from tests.ui.pages import Element, assert_sound, groups, parse
from webapp.lifecycle import appointments
from webapp.models import Appointment, AppointmentStatusHistory, Contact, StaffUser
from webapp.queries import activity
from webapp.ui.activity import words
from webapp.vocabulary import Action, CancelledBy, NoShowParty, Override, Status

SignedIn = Callable[[StaffUser], FlaskClient]
one_engine = pytest.mark.one_engine("sqlite")  # the page; tests/queries/test_activity.py reads on both
HTMX = {"HX-Request": "true"}


@pytest.fixture
def story(session: Session, world: World) -> dict[Status, Appointment]:
    """One of each status, made two days before it starts or before now."""
    found = {}
    for place, status in enumerate(Status):
        start = world.now + (-DAY if status in {Status.COMPLETED, Status.NO_SHOW} else DAY)
        found[status] = at_status(session, status, world, start=start + place * timedelta(hours=1))
    return found


def changes(page: Element) -> list[tuple[str, str]]:
    """``(time, status after)`` of each row, in order."""
    return [
        (row.one("time").text, row.one(cls="badge").attrs["data-status"])
        for row in page.all("tr")
        if row.attrs.get("id", "").startswith("change-")
    ]


def row_of(page: Element, appointment: Appointment, status: Status) -> Element:
    """The change by which an appointment got a status."""
    return next(
        row
        for row in page.all("tr")
        if row.attrs.get("id", "").startswith("change-")
        and row.one("a").attrs["href"] == f"/appointments/{appointment.appointment_id}"
        and row.one(cls="badge").attrs["data-status"] == status
    )


@one_engine
def test_changes_stand_under_their_days_the_newest_first(
    desk: FlaskClient, story: dict[Status, Appointment]
) -> None:
    page = parse(desk.get("/activity"))
    assert_sound(page)
    assert page.one("h1").text == "Activity"
    assert groups(page) == [
        "Monday 12 January 2026",
        "Sunday 11 January 2026",
        "Saturday 10 January 2026",
    ]
    assert len(changes(page)) == 12
    assert page.one(cls="results__head").one("p").text == "12 changes"
    times = [time.attrs["datetime"] for time in page.one("table").all("time")]
    assert times == sorted(times, reverse=True)


@one_engine
def test_a_row_says_what_was_changed_by_whom_why_and_leads_to_the_appointment(
    desk: FlaskClient, story: dict[Status, Appointment]
) -> None:
    page = parse(desk.get("/activity"))
    cancelled = row_of(page, story[Status.CANCELLED], Status.CANCELLED)
    assert cancelled.one(cls="a-what").text == "Cancelled Was Confirmed"
    assert cancelled.one(cls="a-client").text == "Ada Byron Wed 14 Jan, 16:00–16:45, Lena Fischer"
    assert cancelled.one(cls="a-who").text == "by Lena Fischer"
    assert cancelled.one(cls="a-why").text == "Ada is ill On the client’s side"
    no_show = row_of(page, story[Status.NO_SHOW], Status.NO_SHOW)
    assert no_show.one(cls="a-why").text == "Client didn’t show"
    successor = story[Status.RESCHEDULED].rescheduled_to
    assert successor is not None
    assert row_of(page, successor, Status.CONFIRMED).one(cls="a-what").text == "Confirmed Moved here"
    requested = row_of(page, story[Status.REQUESTED], Status.REQUESTED)
    assert requested.one(cls="a-who").text == "by Ada Byron"


@one_engine
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("action=cancel", ["cancelled"]),
        ("became=cancelled", ["cancelled"]),
        ("was=confirmed&became=completed", ["completed"]),
        ("was=new&became=awaiting_confirmation", ["awaiting_confirmation"]),
        ("by=client", ["requested"]),
        ("by=system", []),
        ("by=me&action=mark_no_show", ["no_show"]),
        ("by=2", []),
        ("staff=me&action=propose", ["awaiting_confirmation"]),
        ("staff=999", []),
        ("action=book&became=cancelled", []),
        ("from=2026-01-12&to=2026-01-12&action=reschedule", ["confirmed", "rescheduled"]),
        ("from=2026-01-13", []),
        ("to=2026-01-09", []),
    ],
)
def test_filters_in_the_address(
    desk: FlaskClient, story: dict[Status, Appointment], query: str, expected: list[str]
) -> None:
    found = sorted(status for _time, status in changes(parse(desk.get(f"/activity?{query}"))))
    assert found == expected


@one_engine
def test_the_form_shows_what_is_set(desk: FlaskClient, story: dict[Status, Appointment]) -> None:
    page = parse(desk.get("/activity?from=2026-01-01&action=cancel&was=new&by=client&staff=me"))
    chosen = {
        field.attrs["name"]: option.attrs["value"]
        for field in page.one(id="filters").all("select")
        for option in field.all("option")
        if "selected" in option.attrs
    }
    assert chosen == {"action": "cancel", "was": "new", "became": "", "by": "client", "staff": "me"}
    assert page.one(id="from").attrs["value"] == "2026-01-01"
    told = page.all(cls="print-only")[1].text
    assert told == (
        "From: Thu 1 Jan 2026, Change: Cancelled, Status before: None, it was new, "
        "By: Clients, Meetings of: Me"
    )


@one_engine
@pytest.mark.parametrize(
    "query",
    [
        "from=2026-02-30",
        "to=yesterday",
        "from=2026-01-10&to=2026-01-09",
        "action=explode",
        "was=nothing",
        "became=new",
        "by=everybody",
        "by=-1",
        "staff=x",
        "staff=٣",
    ],
)
def test_a_filter_that_means_nothing_is_told_with_what_was_typed(desk: FlaskClient, query: str) -> None:
    answer = desk.get(f"/activity?{query}")
    page = parse(answer)
    assert answer.status_code == 422
    assert page.one("title").text.startswith("Error: ")
    assert page.one(cls="errors").all("a")
    fragment = desk.get(f"/activity?{query}", headers=HTMX)
    assert fragment.status_code == 422
    assert not parse(fragment).all("h1")


@one_engine
def test_htmx_gets_the_results_alone_and_the_address_that_asks_for_them(
    desk: FlaskClient, story: dict[Status, Appointment]
) -> None:
    answer = desk.get("/activity?action=cancel&was=&became=&by=&staff=&from=&to=", headers=HTMX)
    page = parse(answer)
    assert answer.headers["HX-Push-Url"] == "/activity?action=cancel"
    assert not page.all("h1")
    assert len(changes(page.one(id="results"))) == 1
    assert page.one(id="announcer").text == "1 change"


@one_engine
def test_periods_keep_the_other_filters(desk: FlaskClient) -> None:
    page = parse(desk.get("/activity?action=cancel&from=2026-01-01"))
    links = page.one(cls="activity__periods").all("a")
    assert [link.attrs["href"] for link in links] == [
        "/activity?action=cancel",
        "/activity?from=2026-01-13&action=cancel",
        "/activity?from=2026-01-07&action=cancel",
        "/activity?from=2026-01-01&action=cancel",
    ]
    assert [link.text for link in links if "aria-current" in link.attrs] == ["Since Thu 1 Jan"]


@one_engine
def test_pages_follow_without_a_gap(
    desk: FlaskClient, story: dict[Status, Appointment], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = changes(parse(desk.get("/activity")))
    monkeypatch.setattr(activity.page, "__kwdefaults__", activity.page.__kwdefaults__ | {"size": 5})
    seen, url, pages = [], "/activity", 0
    while url:
        page = parse(desk.get(url))
        seen += changes(page)
        pages += 1
        older = page.all("a", rel="next")
        url = older[0].attrs["href"] if older else ""
    assert (seen, pages) == (whole, 3)
    assert page.one(cls="pagination").one("a").attrs["href"] == "/activity"


@one_engine
@pytest.mark.parametrize("after", ["x", "1.2.3", "99999999999999999999.1", "-5.1", "999999999999999999.7"])
def test_a_page_that_was_tampered_with_is_a_page_all_the_same(desk: FlaskClient, after: str) -> None:
    assert desk.get(f"/activity?{urlencode({'after': after})}").status_code == 200


@one_engine
def test_empty_states_lead_on(desk: FlaskClient, session: Session, world: World) -> None:
    assert parse(desk.get("/activity")).one(cls="empty").one("h2").text == "Nothing has been recorded yet"
    at_status(session, Status.CONFIRMED, world)
    empty = parse(desk.get("/activity?action=decline")).one(cls="empty")
    assert empty.one("h2").text == "No change passes the filters"
    assert empty.one("a").attrs["href"] == "/activity"
    beyond = parse(desk.get("/activity?after=1.1")).one(cls="empty")
    assert beyond.one("h2").text == "There are no earlier changes"


@one_engine
def test_one_persons_changes_far_back_are_looked_for_further(
    desk: FlaskClient, story: dict[Status, Appointment], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "STRETCH", 4)
    page = parse(desk.get(f"/activity?staff={world.staff2.staff_user_id}"))
    empty = page.one(cls="empty")
    assert empty.one("h2").text.startswith("None among the changes back to Mon 12 Jan 2026, ")
    assert parse_qs(urlsplit(empty.all("a")[0].attrs["href"]).query)["staff"]


@one_engine
def test_nothing_of_another_firm_is_on_it(desk: FlaskClient, session: Session) -> None:
    other = make_world(session, "other")
    at_status(session, Status.CANCELLED, other)
    for path in (
        "/activity",
        f"/activity?staff={other.staff.staff_user_id}",
        f"/activity?by={other.staff.staff_user_id}",
        "/activity?became=cancelled",
    ):
        assert changes(parse(desk.get(path))) == []
    assert len(parsed(desk, "/activity.csv")) == 0
    assert "other" not in desk.get("/activity").get_data(as_text=True)


@one_engine
def test_a_viewer_sees_it_and_takes_no_file(
    signed_in: SignedIn, world: World, story: dict[Status, Appointment]
) -> None:
    viewer = signed_in(world.viewer)
    page = parse(viewer.get("/activity"))
    assert len(changes(page)) == 12
    assert not [link for link in page.all("a") if "activity.csv" in link.attrs.get("href", "")]
    assert viewer.get("/activity.csv").status_code == 403


def news_of(desk: FlaskClient, path: str = "/activity") -> Callable[[], tuple[int, Element]]:
    """Open the page; gives what it asks for from time to time."""
    url = parse(desk.get(path)).one(id="news").attrs["hx-get"]

    def ask() -> tuple[int, Element]:
        answer = desk.get(url, headers=HTMX)
        return answer.status_code, parse(answer)

    return ask


def cancel(session: Session, world: World, appointment: Appointment, clock: MovableClock) -> None:
    appointments.cancel(
        session,
        appointment,
        actor=world.acting(world.staff2),
        reason="Ill",
        cancelled_by=CancelledBy.CLIENT,
        now=clock.now,
    )
    session.commit()


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


def parsed(desk: FlaskClient, url: str) -> list[dict[str, str]]:
    answer = desk.get(url)
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


@one_engine
def test_the_file_has_what_the_page_has(desk: FlaskClient, story: dict[Status, Appointment]) -> None:
    page = parse(desk.get("/activity?action=cancel&from=2026-01-01"))
    link = next(a.attrs["href"] for a in page.all("a") if a.text == "Download CSV")
    assert link == "/activity.csv?from=2026-01-01&action=cancel"
    cancelled = story[Status.CANCELLED]
    assert parsed(desk, link) == [
        {
            "Recorded": "2026-01-12T10:00:00+00:00",
            "Happened": "2026-01-12T10:00:00+00:00",
            "Change": "cancel",
            "Status before": "confirmed",
            "Status after": "cancelled",
            "Reference": str(cancelled.appointment_id),
            "Client": "Ada Byron",
            "Start": "2026-01-14T16:00:00+00:00",
            "End": "2026-01-14T16:45:00+00:00",
            "Staff": "Lena Fischer",
            "By": "Lena Fischer",
            "Kind of actor": "staff",
            "Reason": "Ada is ill",
            "No-show party": "",
            "Cancelled by": "client",
            "Past limits": "",
        }
    ]
    assert len(parsed(desk, "/activity.csv")) == 12
    name = desk.get(link).headers["Content-Disposition"]
    assert name == 'attachment; filename="marlow-activity-from-2026-01-01.csv"'


@one_engine
def test_no_text_of_the_file_is_taken_for_a_formula(
    desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.CONFIRMED, world)
    session.execute(sa.update(Contact).values(name="=1+1"))
    session.commit()
    assert parsed(desk, "/activity.csv")[0]["Client"] == "'=1+1"


@one_engine
def test_filters_gone_wrong_are_explained_by_the_page(desk: FlaskClient) -> None:
    answer = desk.get("/activity.csv?from=2026-02-30")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/activity?from=2026-02-30")


@one_engine
def test_any_name_is_printed_as_it_is(desk: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    name = "<b>王芳</b> عمر & Co"
    make_contact(session, world.firm, "Zoë")
    session.execute(sa.update(Contact).values(name=name))
    session.commit()
    assert name in parse(desk.get("/activity")).one("table").text


@one_engine
def test_every_action_override_and_party_has_words(world: World) -> None:
    assert set(words.ACTIONS) == set(Action)
    assert set(words.OVERRIDES) == set(Override)
    plain = activity.Change(
        history_id=1,
        changed_at=world.now,
        occurred_at=world.now - DAY,
        action=Action.MARK_NO_SHOW,
        from_status=Status.CONFIRMED,
        to_status=Status.NO_SHOW,
        reason=None,
        no_show_party=NoShowParty.BOTH,
        cancelled_by=None,
        overridden="cancel_notice,double_booking",
        actor_kind=AppointmentStatusHistory.actor_kind.type.python_type("system"),
        actor_label="the system",
        appointment_id=7,
        start_time=world.now,
        end_time=world.now,
        client="Ada",
        staff_name="Lena",
    )
    shown = words.present(plain, world.local, world.now.date())
    assert shown.who == "The system"
    assert shown.notes == [
        "Both didn’t show",
        "Past the notice for cancelling",
        "A deliberate double booking",
        "Happened Mon 12 Jan, 10:00",
    ]


@one_engine
def test_the_page_is_a_pdf_file_with_its_rows_and_filters(
    desk: FlaskClient, story: dict[Status, Appointment]
) -> None:
    def text(url: str) -> str:
        answer = desk.get(url)
        assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
        pages = PdfReader(io.BytesIO(answer.data)).pages
        return " ".join(" ".join(sheet.extract_text() for sheet in pages).split())

    page = parse(desk.get("/activity?became=cancelled"))
    link = next(a.attrs["href"] for a in page.one(cls="results__head").all("a") if "PDF" in a.text)
    assert link == "/activity.pdf?became=cancelled"
    found = text(link)
    assert "Status after: Cancelled, 1 change, the newest first" in found
    assert "Ada is ill" in found
    assert f"reference {story[Status.CANCELLED].appointment_id}" in found
    assert f"reference {story[Status.COMPLETED].appointment_id}" not in found
    assert "No change passes the filters." in text("/activity.pdf?from=2020-01-01&to=2020-01-02")
    assert desk.get("/activity.pdf?action=x").headers["Location"] == "/activity?action=x"


@one_engine
def test_the_pdf_file_of_a_later_page_has_that_page(
    desk: FlaskClient, story: dict[Status, Appointment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity.page, "__kwdefaults__", (activity.page.__kwdefaults__ or {}) | {"size": 4})
    later = parse(desk.get(parse(desk.get("/activity")).one(rel="next").attrs["href"]))
    link = next(a.attrs["href"] for a in later.one(cls="results__head").all("a") if "PDF" in a.text)
    text = " ".join(
        " ".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(desk.get(link).data)).pages).split()
    )
    for row in later.all("th", cls="a-client", scope="row"):
        assert f"reference {row.one('a').attrs['href'].rpartition('/')[2]}" in text
    assert text.count("reference") == 4
