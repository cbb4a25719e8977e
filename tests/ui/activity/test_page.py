"""``/activity``: what was changed, by whom and why; filters and pages."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_world
from tests.ui.activity.conftest import HTMX, one_engine, parsed
from tests.ui.pages import Element, assert_sound, groups, parse
from webapp.models import Appointment, AppointmentStatusHistory, StaffUser
from webapp.queries import activity
from webapp.ui.activity import words
from webapp.vocabulary import Action, NoShowParty, Override, Status

SignedIn = Callable[[StaffUser], FlaskClient]


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
