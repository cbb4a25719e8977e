"""``/reports``: periods, moments and orders that can be asked for, and what cannot be meant."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_world
from tests.ui.pages import Element, assert_sound, parse
from tests.ui.reports.conftest import JANUARY, LIVED, SignedIn, one_engine, table_rows
from webapp.vocabulary import Status


@one_engine
@pytest.mark.parametrize(
    ("query", "shown", "period"),
    [
        ("", "12 weeks", "20 Oct 2025 to 11 Jan 2026"),
        ("from=2025-12-15&to=2026-01-11", "4 weeks", "15 Dec 2025 to 11 Jan 2026"),
        ("from=2025-01-13&to=2026-01-11", "Year", "13 Jan 2025 to 11 Jan 2026"),
        ("from=2025-12-24", "Custom…", "24 Dec 2025 to 17 Mar 2026"),
        ("to=2026-01-13", "Custom…", "22 Oct 2025 to 13 Jan 2026"),
        ("from=2100-12-30", "Custom…", "30 Dec 2100 to 31 Dec 2100"),
        ("to=1990-01-02", "Custom…", "1 Jan 1990 to 2 Jan 1990"),
    ],
)
def test_periods(desk: FlaskClient, query: str, shown: str, period: str) -> None:
    page = parse(desk.get(f"/reports?{query}"))
    assert page.one("nav", aria_label="Period").one("a", aria_current="true").text == shown
    assert page.one(cls="pagehead__sub").text.startswith(period)
    for link in page.one("nav", aria_label="Period").all("a")[:3]:
        assert desk.get(link.attrs["href"]).status_code == 200


@one_engine
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=2026-02-01&to=2026-01-31", "The last day lies before the first. Enter a later day."),
        ("from=2001-01-01&to=2026-01-31", "The period is longer than ten years. Enter a shorter one."),
        ("from=2026-02-30", "Enter a date as year-month-day, such as 2026-01-13."),
        ("from=0001-01-01&to=9999-12-31", "Enter a date between 1990 and 2100."),
        ("to=yesterday%00", "Enter a date as year-month-day, such as 2026-01-13."),
        ("staff=x", "Choose somebody from the list, or everybody."),
        ("staff=9223372036854775808", "Choose somebody from the list, or everybody."),
        ("staff=987654", "This person is not in the list. Choose somebody else."),
        ("type=987654", "This type is not in the list. Choose another one."),
        ("type=1%27", "Choose a type from the list, or all types."),
        ("account=987654", "There is no such account. Enter how another name begins."),
        ("account=-1", "There is no such account. Enter how another name begins."),
        ("channel=fax", "Choose whether attendance is reported, or all meetings."),
        ("as_of=noon", "Enter a day and time such as 2026-01-13 10:00."),
        ("as_of=9999-12-31T23:59:59-14:00", "Enter a moment between 1990 and 2100."),
        (
            "as_of=2026-01-14T10:00",
            "This lies ahead. Enter a moment that has passed, or leave it empty.",
        ),
        (
            "as_of=2025-03-30T01:30",
            "Sun 30 Mar 2025 has no 01:30 in London: the clocks go forward. Enter 00:59 or 02:00.",
        ),
        (
            "as_of=2025-10-26T01:30",
            "Sun 26 Oct 2025 has 01:30 twice in London: the clocks go back. Write the offset "
            "behind the time, 01:30+01:00 or 01:30+00:00.",
        ),
    ],
)
def test_what_cannot_be_meant_gets_a_sentence_and_stays_typed(
    desk: FlaskClient, query: str, sentence: str
) -> None:
    answer = desk.get(f"/reports?{query}")
    assert answer.status_code == 422
    page = parse(answer)
    assert_sound(page)
    assert sentence in page.one(cls="errors").text
    assert page.one("title").text.startswith("Error: ")
    name, typed = query.partition("=")[::2]
    typed = typed.partition("&")[0]
    if name in {"from", "to", "as_of"}:
        assert page.one(id=name).attrs["value"] == typed.replace("%00", "")
    for path in ("/reports.csv", "/reports/appointments", "/reports/appointments.csv"):
        if "987654" in query and path != "/reports.csv":
            assert desk.get(f"{path}?{query}").status_code == 200  # nothing of it is there
            continue
        sent = desk.get(f"{path}?{query}")
        assert (sent.status_code, urlsplit(sent.headers["Location"]).path) == (303, "/reports")


@one_engine
@pytest.mark.parametrize(
    "query",
    ["figure=x", "figure=", "weekday=7", "hour=-1", "lead=9", "chain=-3", "row=staff", "row=x.1", "first=x"],
)
def test_an_address_that_no_page_wrote_is_not_there(desk: FlaskClient, query: str) -> None:
    assert desk.get(f"/reports/appointments?{query}").status_code == 404
    assert desk.get(f"/reports/appointments.csv?{query}").status_code == 404


@one_engine
def test_a_cursor_that_was_tampered_with_gives_the_first_page(lived: FlaskClient) -> None:
    page = parse(lived.get(f"/reports/appointments?{LIVED}&after=1.x"))
    assert page.all("th", role="rowheader")


@one_engine
@pytest.mark.parametrize(
    ("zone", "day"), [("America/Santiago", "2025-09-07"), ("Africa/Cairo", "2025-04-25")]
)
def test_a_day_without_a_midnight(signed_in: SignedIn, session: Session, zone: str, day: str) -> None:
    firm = make_world(session, "far", zone)
    at_status(session, Status.COMPLETED, firm, start=firm.at(f"{day} 01:00"))
    at_status(session, Status.COMPLETED, firm, start=firm.at(f"{day} 01:00") - timedelta(hours=1))
    page = parse(signed_in(firm.staff).get(f"/reports?from={day}&to={day}"))
    assert page.all("li", cls="tile")[0].text.startswith("Appointments due 1 ")
    assert page.one(cls="pagehead__sub").text.endswith(f"in {zone.split('/')[1]}")


@one_engine
def test_an_empty_period_is_a_page(desk: FlaskClient) -> None:
    page = parse(desk.get("/reports?from=2020-01-01&to=2020-01-31"))
    assert_sound(page)
    assert "No appointment starts in this period" in page.text
    assert [tile.one(cls="tile__v").text for tile in page.all("li", cls="tile")] == ["0", *["—"] * 7]
    assert not page.all("a", cls="n")


@pytest.mark.parametrize("as_of", ["2026-01-12T10:00", "2026-01-12T10:00:00Z", "2026-01-12T11:00:00+01:00"])
def test_it_can_be_read_as_it_stood(desk: FlaskClient, session: Session, world: World, as_of: str) -> None:
    at_status(session, Status.COMPLETED, world, start=world.now - 5 * DAY)
    at_status(session, Status.COMPLETED, world, start=world.now - DAY + timedelta(hours=1))
    page = parse(desk.get(f"/reports?{JANUARY}&as_of={as_of}"))
    assert page.one(cls="notice--info").one("h2").text == "As it stood on Mon 12 Jan 2026, 10:00"
    assert page.one(id="as_of").attrs["value"] == "2026-01-12T10:00"
    completed = page.all("ul", cls="legend")[0]
    assert completed.all("li")[0].text == "Completed 1"
    link = completed.all("a")[0].attrs["href"]
    assert parse_qs(urlsplit(link).query)["as_of"] == ["2026-01-12T10:00:00Z"]
    listing_page = parse(desk.get(link))
    assert listing_page.one(cls="notice--info").one("h2").text.startswith("As it stood on")
    now = page.one("main").one(cls="notice__a").one("a").attrs["href"]
    assert parse(desk.get(now)).all("ul", cls="legend")[0].all("li")[0].text == "Completed 2"


@one_engine
def test_an_hour_that_exists_twice_can_be_named_with_its_offset(desk: FlaskClient) -> None:
    page = parse(desk.get("/reports?as_of=2025-10-26T01:30:00%2B01:00"))
    assert page.one(id="as_of").attrs["value"] == "2025-10-26T01:30+01:00"
    assert page.one(id="as_of").attrs.get("type") != "datetime-local"
    assert desk.get("/reports?as_of=2025-10-26T01:30:00+01:00").status_code == 200


@one_engine
def test_tables_are_sorted_by_links(lived: FlaskClient) -> None:
    page = parse(lived.get(f"/reports?{LIVED}"))
    heads = page.one(id="by-staff").all("th", scope="col")
    assert [head.attrs.get("aria-sort") for head in heads[:2]] == [None, "descending"]
    for head in heads:
        url = head.one("a").attrs["href"]
        assert url.endswith("#by-staff")
        again = parse(lived.get(url.partition("#")[0])).one(id="by-staff")
        place = heads.index(head)
        assert again.all("th", scope="col")[place].attrs["aria-sort"] in {"ascending", "descending"}
        cells = [row.all()[0].text if not place else _value(row, place) for row in table_rows(again)]
        assert cells == sorted(cells, reverse="-" in parse_qs(urlsplit(url).query)["sort"][0][:1])
    assert lived.get(f"/reports?{LIVED}&sort=nonsense").status_code == 200


def _value(row: Element, place: int) -> float:
    return float(row.all("td")[place - 1].text.split()[0].replace(",", "").replace("%", ""))
