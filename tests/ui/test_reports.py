"""``/reports``: the figures of a period, and that each number leads to exactly the rows that it counts."""

import csv
import io
import random
import re
from collections.abc import Callable
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import DAY, World, at_status, make_world
from tests.queries.analytics import stories
from tests.ui.conftest import MovableClock
from tests.ui.pages import Element, assert_sound, parse
from webapp.models import Account, AppointmentType, Contact, StaffUser
from webapp.queries.analytics import tallies
from webapp.queries.analytics.classes import Fate
from webapp.queries.analytics.rates import beyond_chance
from webapp.queries.analytics.tally import Tally
from webapp.ui.reports import breakdowns
from webapp.ui.reports.forms import Filters
from webapp.vocabulary import NoShowParty, Status

SignedIn = Callable[[StaffUser], FlaskClient]
one_engine = pytest.mark.one_engine("sqlite")  # what is counted is tested on both, in tests/queries/analytics
LIVED = "from=2026-03-23&to=2026-04-05"
JANUARY = "from=2026-01-01&to=2026-01-31"


@pytest.fixture
def lived(signed_in: SignedIn, session: Session, world: World, moved_clock: MovableClock) -> FlaskClient:
    """Ninety appointments of every kind in four weeks; the clock stands after most of them."""
    stories.live(session, world, random.Random(11), 90)
    moved_clock.now = stories.FIRST + 40 * DAY
    return signed_in(world.staff)


def numbers(page: Element) -> dict[str, int]:
    """The address behind each number of the page, and the number; shapes of the charts are numbers too.

    The same address says the same.
    """
    found: dict[str, int] = {}
    for url, count in [*printed(page), *drawn(page)]:
        assert found.setdefault(url, count) == count, url
    return found


def printed(page: Element) -> list[tuple[str, int]]:
    return [
        (link.attrs["href"], int(re.sub(r"\D.*", "", link.text.replace(",", ""))))
        for link in page.all("a", cls="n")
    ]


def drawn(page: Element) -> list[tuple[str, int]]:
    found = []
    for shape in (link for chart in page.all("svg", cls="chart") for link in chart.all("a")):
        told = re.search(r": ([\d,]+)(?: of \d+)?$", shape.one("title").text)
        assert told
        found.append((shape.attrs["href"], int(told[1].replace(",", ""))))
    return found


def listed(browser: FlaskClient, url: str) -> tuple[int, list[str]]:
    """How many a list says it has, and the addresses of all its rows, page after page."""
    page = parse(browser.get(url))
    told = int(page.one(cls="pagehead__sub").text.split()[0].replace(",", ""))
    rows: list[str] = []
    while True:
        rows += [row.one("a").attrs["href"] for row in page.all("th", role="rowheader")]
        following = page.all("a", rel="next")
        if not following:
            return told, rows
        page = parse(browser.get(following[0].attrs["href"]))


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-03-16&to=2026-04-30&channel=unreported",
        f"{LIVED}&as_of=2026-03-31T12:00:00Z",
        f"{LIVED}&staff={{lena}}&sort=-client-no-show",
    ],
)
def test_every_number_leads_to_exactly_the_rows_that_it_counts(
    lived: FlaskClient, world: World, query: str
) -> None:
    page = parse(lived.get(f"/reports?{query.format(lena=world.staff.staff_user_id)}"))
    assert_sound(page)
    found = numbers(page)
    assert len(found) > 20
    for url, count in found.items():
        told, rows = listed(lived, url)
        assert told == count, url
        assert len(rows) == len(set(rows)) == count, url


@one_engine
def test_the_shapes_of_the_charts_lead_to_the_same_rows_as_their_tables(lived: FlaskClient) -> None:
    page = parse(lived.get(f"/reports?{LIVED}"))
    known = dict(printed(page))
    shapes = dict(drawn(page))
    assert len(shapes) > 20
    beyond = {url: count for url, count in shapes.items() if count and url not in known}
    assert {parse_qs(urlsplit(url).query)["figure"][0] for url in beyond} == {"not-completed"}
    for url, count in beyond.items():
        assert listed(lived, url)[0] == count


def test_a_person_is_compared_with_the_others_and_not_with_all() -> None:
    found = {
        1: Tally({Fate.NO_SHOW_CLIENT: 12, Fate.COMPLETED: 12}),
        2: Tally({Fate.NO_SHOW_CLIENT: 5, Fate.COMPLETED: 19}),
    }
    total = found[1] + found[2]
    assert beyond_chance(found[1].client_alone, total.client_alone) == 0
    filters = Filters(date(2026, 1, 1), date(2026, 1, 31))
    table = breakdowns.table("staff", "By staff", found, total, {1: "Ada", 2: "Bo"}, filters, "name")
    assert [(row.name, row.beyond) for row in table.rows] == [("Ada", 1), ("Bo", -1)]


@one_engine
def test_the_tables_call_the_rate_with_staff_present_by_its_name_and_give_intervals(
    lived: FlaskClient,
) -> None:
    by_staff = parse(lived.get(f"/reports?{LIVED}")).one(id="by-staff")
    heads = [head.text for head in by_staff.all("th", scope="col")]
    assert heads[7] == "Client no-show, staff present"
    assert "Client no-show rate" not in heads
    total = by_staff.one("tbody").all("tr")[-1].all("td")
    rates = [place - 1 for place, head in enumerate(heads) if "rate" in head or place == 7]
    assert len(rates) == 4
    for place in rates:
        assert re.search(r"95 % interval: [\d.]+ to [\d.]+ %$", total[place].text)


@one_engine
def test_a_row_leads_to_its_appointment_and_the_page_back_to_the_same_report(lived: FlaskClient) -> None:
    query = f"{LIVED}&channel=unreported"
    url = next(iter(numbers(parse(lived.get(f"/reports?{query}")))))
    page = parse(lived.get(url))
    assert page.one(cls="crumb").one("a").attrs["href"] == f"/reports?{query}"
    row = page.all("th", role="rowheader")[0].one("a").attrs["href"]
    assert lived.get(row).status_code == 200


@one_engine
def test_the_office_manager_reads_off_who_loses_most_and_whether_it_is_chance(
    desk: FlaskClient, session: Session, world: World
) -> None:
    hour = timedelta(hours=1)
    for place in range(12):
        start = world.now - 9 * DAY + place * hour
        status = Status.NO_SHOW if place < 10 else Status.COMPLETED
        at_status(session, status, world, start=start, staff_user=world.staff2)
        status = Status.COMPLETED if place else Status.NO_SHOW
        at_status(session, status, world, start=start, staff_user=world.staff)
    page = parse(desk.get("/reports"))
    answer = page.one(cls="answer").text
    assert answer.startswith("Most meetings lost to clients who didn’t show: Tomas Novak , 10 of 12 (83.3")
    assert "Higher than the others by more than chance: Tomas Novak ." in answer
    count = page.one(cls="answer").all("a")[0]
    told, rows = listed(desk, count.attrs["href"])
    assert (told, len(rows)) == (10, 10)
    heads = {row.one("th").text for row in page.one(id="by-staff").one("tbody").all("tr")}
    assert heads == {"Tomas Novak more client no-shows than chance explains", *_below("Lena Fischer"), "All"}


def _below(name: str) -> set[str]:
    return {f"{name} fewer client no-shows than chance explains"}


@one_engine
def test_a_difference_that_chance_explains_is_not_marked(
    desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.NO_SHOW, world)
    at_status(session, Status.COMPLETED, world, staff_user=world.staff2)
    answer = parse(desk.get("/reports?from=2026-01-10&to=2026-01-13")).one(cls="answer").text
    assert "Nobody’s rate is higher than the others’ by more than chance." in answer


@one_engine
def test_both_missing_counts_for_both_sides(desk: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.NO_SHOW, world, party=NoShowParty.BOTH)
    page = parse(desk.get(f"/reports?{JANUARY}"))
    tiles = {tile.one("h2").text: tile.text for tile in page.all("li", cls="tile")}
    for name in ("No-show rate, any", "Client no-show rate", "Staff no-show rate"):
        assert "1 of 1" in tiles[name]
        assert "few" in tiles[name]
    assert "0 of 1" in tiles["Attendance"]


@one_engine
def test_the_period_before_stands_beside_it(desk: FlaskClient, session: Session, world: World) -> None:
    for days in (3, 4, 9):
        at_status(session, Status.COMPLETED, world, start=world.now - days * DAY)
    page = parse(desk.get("/reports?from=2026-01-08&to=2026-01-12"))
    assert "8 Jan 2026 to 12 Jan 2026, compared with 3 Jan 2026 to 7 Jan 2026" in page.text
    due = page.all("li", cls="tile")[0]
    assert due.text == "Appointments due 2 up 1 before: 1"
    assert listed(desk, due.all("a")[1].attrs["href"])[0] == 1


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


@one_engine
def test_a_firm_with_one_appointment(desk: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.COMPLETED, world)
    page = parse(desk.get(f"/reports?{JANUARY}"))
    assert_sound(page)
    assert page.all("li", cls="tile")[1].text == (
        "Completion rate 100.0 % nothing to compare with 1 of 1 due few 95 % : 20.7 to 100.0 %"
    )
    assert page.one(id="by-staff").text.count("few") == 8


@one_engine
def test_missing_outcomes_are_warned_of(desk: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.COMPLETED, world, start=world.now - 3 * DAY)
    at_status(session, Status.CONFIRMED, world, start=world.now - 2 * DAY)
    page = parse(desk.get(f"/reports?{JANUARY}"))
    notice = page.one(cls="notice--warning")
    assert notice.one("h2").text == "50.0 % of the meetings that have ended have an outcome"
    assert listed(desk, notice.one("a", cls="n").attrs["href"])[0] == 1


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
        cells = [row.all()[0].text if not place else _value(row, place) for row in _rows(again)]
        assert cells == sorted(cells, reverse="-" in parse_qs(urlsplit(url).query)["sort"][0][:1])
    assert lived.get(f"/reports?{LIVED}&sort=nonsense").status_code == 200


def _rows(table: Element) -> list[Element]:
    return [row for row in table.one("tbody").all("tr") if "tot" not in row.attrs.get("class", "")]


def _value(row: Element, place: int) -> float:
    return float(row.all("td")[place - 1].text.split()[0].replace(",", "").replace("%", ""))


@one_engine
def test_nothing_of_another_firm_is_counted(
    desk: FlaskClient, session: Session, world: World, signed_in: SignedIn
) -> None:
    other = make_world(session, "other")
    at_status(session, Status.COMPLETED, other)
    key = other.staff.staff_user_id
    page = parse(desk.get(f"/reports?{JANUARY}"))
    assert "No appointment starts in this period" in page.text
    for name, foreign in (
        ("staff", key),
        ("type", other.kind.appointment_type_id),
        ("account", other.account.account_id),
    ):
        refused = desk.get(f"/reports?{JANUARY}&{name}={foreign}")
        assert refused.status_code == 422
        row = desk.get(f"/reports/appointments?{JANUARY}&row={name}.{foreign}")
        assert "0 appointments" in row.get_data(as_text=True)
        assert other.firm.name not in row.get_data(as_text=True)


@one_engine
def test_who_may_see_and_who_may_take_away(
    app_client: FlaskClient, signed_in: SignedIn, world: World
) -> None:
    paths = ["/reports", f"/reports/appointments?{JANUARY}"]
    files = ["/reports.csv", "/reports/appointments.csv"]
    viewer = signed_in(world.viewer)
    for path in paths:
        assert viewer.get(path).status_code == 200
        assert "CSV" not in viewer.get(path).get_data(as_text=True)
        assert app_client.get(path).status_code == 303
    for path in files:
        assert viewer.get(path).status_code == 403
        assert signed_in(world.staff).get(path).status_code == 200


@pytest.fixture
def app_client(app: object) -> FlaskClient:
    """Nobody signed in."""
    return app.test_client()  # type: ignore[attr-defined]


def parsed(answer: TestResponse) -> list[dict[str, str]]:
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


def test_the_file_of_a_number_has_its_rows(lived: FlaskClient) -> None:
    found = numbers(parse(lived.get(f"/reports?{LIVED}")))
    for url, count in [(url, count) for url, count in found.items() if count][::9]:
        page = parse(lived.get(url))
        link = page.one(cls="pagehead__r").one("a").attrs["href"]
        rows = parsed(lived.get(link))
        assert len(rows) == count
        assert [f"/appointments/{row['Reference']}" for row in rows] == listed(lived, url)[1]


@one_engine
def test_the_file_of_the_report_has_its_tables(lived: FlaskClient, world: World) -> None:
    page = parse(lived.get(f"/reports?{LIVED}"))
    answer = lived.get(f"/reports.csv?{LIVED}")
    name = 'attachment; filename="marlow-report-from-2026-03-23-to-2026-04-05.csv"'
    assert answer.headers["Content-Disposition"] == name
    rows = parsed(answer)
    whole = rows[0]
    assert (whole["Table"], whole["From"], whole["To"]) == ("All", "2026-03-23", "2026-04-05")
    assert whole["Due"] == page.all("li", cls="tile")[0].one(cls="tile__v").text
    for table in ("Staff", "Type", "Day", "Weekday and hour", "Booked ahead"):
        assert sum(int(row["Due"]) for row in rows if row["Table"] == table) == int(whole["Due"])
    chains = [row for row in rows if row["Table"] == "Last of a chain"]
    assert [row["Row"] for row in chains][:2] == ["1 booking", "2 bookings"]
    sides = ("the client", "staff", "the system")
    assert sum(int(whole[f"Cancelled by {side}"]) for side in sides) == int(whole["Cancelled"])
    more = {row["Row"]: row for row in rows if row["Table"] == "More figures"}
    moved = more["Chains moved, of those ever confirmed"]
    tile = next(tile for tile in page.all("li", cls="tile") if tile.one("h2").text == "Reschedule rate")
    assert f"{moved['Value']} of {moved['Of']} confirmed" in tile.text
    declined = more["Requests made in the period, declined"]
    assert float(declined["Share"]) == pytest.approx(int(declined["Value"]) / int(declined["Of"]), abs=1e-4)
    assert {row["Due"] for row in more.values()} == {""}
    assert "Client no-show, staff present, from" in whole
    assert not [row for row in rows if row["Table"] == "Accounts left out"]
    share = float(whole["Completion rate"])
    assert float(whole["Completion rate, from"]) < share < float(whole["Completion rate, to"])
    assert share == pytest.approx(int(whole["Completed"]) / int(whole["Due"]), abs=1e-4)


@one_engine
def test_the_file_says_how_many_accounts_it_leaves_out(
    desk: FlaskClient, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Account(firm_id=world.firm.firm_id, name="Other", sort_name="other", created_at=world.now)
    session.add(other)
    session.flush()
    at_status(session, Status.COMPLETED, world)
    at_status(session, Status.COMPLETED, world, staff_user=world.staff2).account_id = other.account_id
    session.commit()
    monkeypatch.setattr(tallies, "ACCOUNTS", 1)
    rows = parsed(desk.get(f"/reports.csv?{JANUARY}"))
    assert len([row for row in rows if row["Table"] == "Account"]) == 1
    (missing,) = [row for row in rows if row["Table"] == "Accounts left out"]
    assert missing["Value"] == "1"


@one_engine
@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "\uff1d1", "-2", "<b>&amp;", "محمد الهاشمي", "王芳 😀"])
def test_any_name_is_printed_as_text_and_never_taken_for_a_formula(
    desk: FlaskClient, session: Session, world: World, name: str
) -> None:
    at_status(session, Status.COMPLETED, world)
    for table in (Contact, StaffUser, AppointmentType):
        session.execute(sa.update(table).values(name=name))
    session.commit()
    page = parse(desk.get(f"/reports?{JANUARY}"))
    assert_sound(page)
    assert _rows(page.one(id="by-staff"))[0].one("th").one("a").text == name
    safe = f"'{name}" if name[0] in "=@-\uff1d" else name
    assert {row["Row"] for row in parsed(desk.get(f"/reports.csv?{JANUARY}")) if row["Table"] == "Staff"} == {
        safe
    }
    row = parsed(desk.get(f"/reports/appointments.csv?{JANUARY}"))[0]
    assert {row["Client"], row["Staff"], row["Type"]} == {safe}


@one_engine
def test_times_of_the_file_carry_the_firms_offset(signed_in: SignedIn, session: Session) -> None:
    madrid = make_world(session, "madrid", "Europe/Madrid")
    at_status(session, Status.COMPLETED, madrid)
    row = parsed(signed_in(madrid.staff).get(f"/reports/appointments.csv?{JANUARY}"))[0]
    assert row["Start"] == "2026-01-12T11:00:00+01:00"
    assert (row["Status"], row["What became of it"]) == ("completed", "Took place")


@one_engine
@pytest.mark.parametrize(
    ("query", "unit", "bars"),
    [
        ("from=2026-01-01&to=2026-01-31", "day", 31),
        ("from=2026-01-01&to=2026-02-01", "week", 5),
        ("from=2025-01-13&to=2026-01-11", "month", 13),
        ("from=2016-02-01&to=2026-01-31", "month", 120),
    ],
)
def test_the_bars_are_days_weeks_or_months(desk: FlaskClient, query: str, unit: str, bars: int) -> None:
    page = parse(desk.get(f"/reports?{query}"))
    assert page.one(id="time-h").text == f"Outcomes by {unit}"
    table = page.one(aria_label=f"Outcomes by {unit} as a table")
    assert len(table.one("tbody").all("tr")) == bars


@one_engine
def test_there_is_a_way_to_it_from_every_page(desk: FlaskClient) -> None:
    link = parse(desk.get("/contacts")).one("nav", aria_label="Main").one("a", href="/reports")
    assert link.attrs["data-go"] == "a"
    assert "Reports" in desk.get("/shortcuts").get_data(as_text=True)
    current = parse(desk.get("/reports")).one("nav", aria_label="Main").one("a", aria_current="page")
    assert current.text == "Reports"
