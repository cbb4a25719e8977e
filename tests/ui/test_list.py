"""``/appointments``: all days, filtered by the address, in pages."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_contact, make_world
from tests.support.many import fill
from tests.ui.pages import assert_sound, groups, parse, rows
from webapp.models import Appointment, ContactTerm, StaffUser
from webapp.queries import appointment_list
from webapp.queries.appointment_list import Criteria, Order
from webapp.vocabulary import Status

AsUser = Callable[[StaffUser], FlaskClient]
one_engine = pytest.mark.one_engine("sqlite")  # the page is the same; the query has its tests on both


def on_day(session: Session, world: World, day: int, status: Status = Status.CONFIRMED) -> Appointment:
    """An appointment so many days after now."""
    return at_status(session, status, world, start=world.now + day * DAY)


@pytest.fixture
def three(session: Session, world: World) -> list[int]:
    """Yesterday's, tomorrow's, and the day after's, by reference."""
    made = [
        on_day(session, world, -1, Status.COMPLETED),
        on_day(session, world, 1),
        on_day(session, world, 2, Status.REQUESTED),
    ]
    return [appointment.appointment_id for appointment in made]


def test_it_lists_all_days_newest_first_under_their_days(desk: FlaskClient, three: list[int]) -> None:
    page = parse(desk.get("/appointments"))
    assert_sound(page)
    assert rows(page) == three[::-1]
    assert groups(page) == [
        "Thursday 15 January 2026",
        "Wednesday 14 January 2026",
        "Monday 12 January 2026",
    ]
    assert page.one("a", aria_current="page").text == "Appointments"


@one_engine
def test_oldest_first(desk: FlaskClient, three: list[int]) -> None:
    assert rows(parse(desk.get("/appointments?order=oldest"))) == three


@one_engine
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("from=2026-01-14", [2, 1]),
        ("to=2026-01-14", [1, 0]),
        ("from=2026-01-14&to=2026-01-14", [1]),
        ("status=completed&status=requested", [2, 0]),
        ("status=completed", [0]),
        ("status=no_show", []),
        ("staff=me", [2, 1, 0]),
        ("staff=", [2, 1, 0]),
        ("type=999", []),
        ("q=ada", [2, 1, 0]),
        ("q=ada&status=confirmed", [1]),
        ("q=nobody", []),
    ],
)
def test_filters(desk: FlaskClient, three: list[int], query: str, expected: list[int]) -> None:
    assert rows(parse(desk.get(f"/appointments?{query}"))) == [three[at] for at in expected]


@one_engine
def test_somebody_elses_appointments(desk: FlaskClient, session: Session, world: World) -> None:
    his = at_status(session, Status.CONFIRMED, world, staff_user=world.staff2)
    assert rows(parse(desk.get("/appointments?staff=me"))) == []
    assert rows(parse(desk.get(f"/appointments?staff={world.staff2.staff_user_id}"))) == [his.appointment_id]


@one_engine
def test_the_filters_are_shown_as_they_were_set(desk: FlaskClient, world: World, three: list[int]) -> None:
    kind = world.kind.appointment_type_id
    page = parse(
        desk.get(f"/appointments?from=2026-01-01&to=2026-02-01&status=confirmed&type={kind}&order=oldest")
    )
    assert page.one(id="from").attrs["value"] == "2026-01-01"
    assert page.one(id="to").attrs["value"] == "2026-02-01"
    checked = [box.attrs["value"] for box in page.one(id="filters").all("input") if "checked" in box.attrs]
    assert checked == ["confirmed"]
    assert [option.text for option in page.all("option") if "selected" in option.attrs] == [
        "Review",
        "Oldest first",
    ]


@one_engine
@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ("from=2026-02-30", "from", "Enter a date as year-month-day, such as 2026-01-13."),
        ("from=tomorrow", "from", "Enter a date as year-month-day, such as 2026-01-13."),
        ("to=1026-01-01", "to", "Enter a date between 1990 and 2100."),
        ("from=9999-12-31", "from", "Enter a date between 1990 and 2100."),
        ("from=2026-01-14&to=2026-01-13", "to", "The last day lies before the first. Enter a later day."),
        ("staff=lena", "staff", "Choose somebody from the list, or everybody."),
        ("type=x", "type", "Choose a type from the list, or all types."),
        ("order=random", "order", "Choose newest or oldest first."),
        (f"q={'x' * 101}", "q", "Search for at most 100 characters."),
    ],
)
def test_a_filter_that_means_nothing_is_422_and_keeps_the_typing(
    desk: FlaskClient, three: list[int], query: str, field: str, sentence: str
) -> None:
    answer = desk.get(f"/appointments?{query}")
    page = parse(answer)
    assert answer.status_code == 422
    assert page.one("title").text.startswith("Error: ")
    link = page.one(cls="errors").one("a")
    assert (link.text, link.attrs["href"]) == (sentence, f"#{field}")
    assert len(page.all(id=field)) == 1
    assert rows(page) == []
    for name, value in parse_qs(query).items():
        if name in ("from", "to", "q"):
            assert page.one(id=name).attrs["value"] == value[0]


@one_engine
def test_the_last_date_that_can_be_typed_is_a_range_too(desk: FlaskClient, three: list[int]) -> None:
    assert rows(parse(desk.get("/appointments?from=1990-01-01&to=2100-12-31"))) == three[::-1]


@one_engine
def test_htmx_gets_the_results_alone_and_the_address_for_the_browser(
    desk: FlaskClient, three: list[int]
) -> None:
    url = "/appointments?from=&to=&status=confirmed&staff=&type=&q=&order=newest"
    answer = desk.get(url, headers={"HX-Request": "true"})
    page = parse(answer)
    assert not page.all("h1")
    assert rows(page.one(id="results")) == [three[1]]
    assert answer.headers["HX-Push-Url"] == "/appointments?status=confirmed"
    assert page.one(id="announcer").text == "1 appointment"


@one_engine
def test_htmx_gets_the_error_with_422(desk: FlaskClient) -> None:
    answer = desk.get("/appointments?from=x", headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert parse(answer).one(id="results").one(cls="errors")


@one_engine
def test_an_exact_reference_stands_first(
    desk: FlaskClient, three: list[int], session: Session, world: World
) -> None:
    firm_id, contact_id = world.firm.firm_id, world.contact.contact_id
    session.add(ContactTerm(firm_id=firm_id, term=str(three[0]), contact_id=contact_id))  # as of a phone
    session.commit()
    page = parse(desk.get(f"/appointments?q={three[0]}"))
    assert rows(page) == [three[0], three[2], three[1]]
    assert groups(page)[0] == f"Reference {three[0]}"


@one_engine
def test_another_firms_reference_is_not_found(desk: FlaskClient, session: Session) -> None:
    theirs = at_status(session, Status.CONFIRMED, make_world(session, "other"))
    page = parse(desk.get(f"/appointments?q={theirs.appointment_id}"))
    assert rows(page) == []
    assert f"Nothing matches “{theirs.appointment_id}”" in page.text


@one_engine
def test_nothing_of_another_firm_is_listed(desk: FlaskClient, session: Session) -> None:
    other = make_world(session, "other")
    at_status(session, Status.CONFIRMED, other)
    assert rows(parse(desk.get("/appointments"))) == []
    assert rows(parse(desk.get(f"/appointments?staff={other.staff.staff_user_id}"))) == []


@one_engine
def test_an_empty_list_says_so_and_leads_on(desk: FlaskClient) -> None:
    page = parse(desk.get("/appointments"))
    assert_sound(page)
    assert page.one(cls="empty").one("h2").text == "No appointments yet"
    page = parse(desk.get("/appointments?status=no_show"))
    assert page.one(cls="empty").one("a").attrs["href"] == "/appointments"


@one_engine
def test_a_viewer_sees_the_list_without_steps_and_without_the_export(
    signed_in: AsUser, world: World, three: list[int]
) -> None:
    page = parse(signed_in(world.viewer).get("/appointments"))
    assert rows(page) == three[::-1]
    assert not page.all(id="bulk")
    assert not page.all("a", cls="btn", download="")


def test_pages_follow_each_other_and_lead_back(desk: FlaskClient, engine: Engine, world: World) -> None:
    fill(engine, world, 200)
    seen: list[int] = []
    url = "/appointments?order=oldest"
    pages = []
    while url:
        page = parse(desk.get(url))
        pages.append(rows(page))
        seen += rows(page)
        following = page.all("a", rel="next")
        url = following[0].attrs["href"] if following else ""
        assert not url or parse_qs(urlsplit(url).query)["order"] == ["oldest"]
    assert [len(shown) for shown in pages] == [50, 50, 50, 50]
    assert len(set(seen)) == 200
    assert "50 of 200 appointments" in page.text
    back = parse(desk.get(page.one("a", rel="prev").attrs["href"]))
    assert rows(back) == pages[-2]


@one_engine
@pytest.mark.parametrize("cursor", ["x", "1.2.3", "99999999999999999999.1", "9" * 18 + ".1", "-1.1", "."])
def test_a_page_that_nobody_linked_to_is_the_first(desk: FlaskClient, three: list[int], cursor: str) -> None:
    assert rows(parse(desk.get(f"/appointments?after={cursor}"))) == three[::-1]


def test_no_count_goes_above_a_thousand(session: Session, engine: Engine, world: World) -> None:
    fill(engine, world, 1500)
    page = appointment_list.page(session, firm_id=world.firm.firm_id, criteria=Criteria(), order=Order.NEWEST)
    assert page.count == appointment_list.CAP + 1


def test_several_statuses_page_like_one(session: Session, engine: Engine, world: World) -> None:
    fill(engine, world, 400)
    statuses = frozenset({Status.COMPLETED, Status.CANCELLED, Status.CONFIRMED, Status.NO_SHOW})
    for order in (Order.NEWEST, Order.OLDEST):
        everything = walk(session, world, Criteria(statuses=statuses), order, size=500)
        assert everything == walk(session, world, Criteria(statuses=statuses), order, size=7)
        assert len(everything) == len(set(everything)) > 300


def walk(session: Session, world: World, criteria: Criteria, order: Order, *, size: int) -> list[int]:
    found: list[int] = []
    after = None
    while True:
        page = appointment_list.page(
            session, firm_id=world.firm.firm_id, criteria=criteria, order=order, after=after, size=size
        )
        found += [row.appointment_id for row in page.rows]
        after = page.following
        if after is None:
            return found


def test_two_at_the_same_instant_are_on_one_page_each(session: Session, world: World) -> None:
    start = world.now + DAY
    first = at_status(session, Status.CONFIRMED, world, start=start)
    second = at_status(session, Status.CONFIRMED, world, start=start, staff_user=world.staff2)
    third = at_status(session, Status.CONFIRMED, world, start=start + timedelta(hours=1))
    expected = [appointment.appointment_id for appointment in (first, second, third)]
    assert walk(session, world, Criteria(), Order.OLDEST, size=1) == expected
    assert walk(session, world, Criteria(), Order.NEWEST, size=1) == expected[::-1]


def test_searching_with_dates_stays_within_them(session: Session, world: World) -> None:
    make_contact(session, world.firm, "Ben Other")
    mine = [on_day(session, world, day).appointment_id for day in (1, 2, 3)]
    found = walk(
        session,
        world,
        Criteria(q="ada", since=world.now + 2 * DAY, before=world.now + 3 * DAY),
        Order.OLDEST,
        size=5,
    )
    assert found == [mine[1]]


def test_an_imported_appointment_is_found_by_its_old_reference(
    desk: FlaskClient, session: Session, three: list[int]
) -> None:
    session.get_one(Appointment, three[1]).external_ref = "V-5639907"
    session.commit()
    for old in ("V-5639907", " V-5639907 "):
        assert rows(parse(desk.get("/appointments", query_string={"q": old}))) == [three[1]]
        assert rows(parse(desk.get("/day/2026-01-14", query_string={"q": old}))) == [three[1]]
    assert rows(parse(desk.get("/appointments", query_string={"q": "V-563990"}))) == []
