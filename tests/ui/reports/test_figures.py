"""``/reports``: the figures of a period, and that each number leads to exactly the rows that it counts."""

import re
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_world
from tests.ui.pages import assert_sound, parse
from tests.ui.reports.conftest import JANUARY, LIVED, SignedIn, drawn, listed, numbers, one_engine, printed
from webapp.queries.analytics.classes import Fate
from webapp.queries.analytics.rates import beyond_chance
from webapp.queries.analytics.tally import Tally
from webapp.ui.reports import breakdowns
from webapp.ui.reports.forms import Filters
from webapp.vocabulary import NoShowParty, Status


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
