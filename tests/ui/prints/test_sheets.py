"""Day sheet, week and month on paper: what stands on them, of now and of an earlier moment."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_world
from tests.ui.conftest import MovableClock
from tests.ui.pages import assert_sound, parse
from tests.ui.prints.conftest import JANUARY, SignedIn, read, table, text
from webapp.models import AppointmentType
from webapp.ui.prints import period
from webapp.vocabulary import NoShowParty, Status

pytestmark = pytest.mark.one_engine(
    "sqlite"
)  # what is counted and replayed is tested on both, below the pages


def test_each_print_is_a_page_a_pdf_and_a_table_that_say_whose_and_when(
    desk: FlaskClient, paths: list[str]
) -> None:
    for path in paths:
        page = parse(desk.get(path))
        assert_sound(page)
        assert page.one(cls="crumb").all("a"), path
        paper = page.one("article").text
        told = text(desk.get(f"{path}.pdf"))
        for words in ("Marlow", "Printed Tue 13 Jan 2026, 10:00 by Lena Fischer."):
            assert words in " ".join(paper.split()), path
            assert words in told, path
        assert "Page 1 of " in told
        assert table(desk.get(f"{path}.csv")) is not None


def test_a_day_sheet_has_a_page_for_each_of_staff_or_one_list(
    desk: FlaskClient, session: Session, world: World
) -> None:
    for person, hour in ((world.staff, 1), (world.staff2, 1), (world.staff, 2)):
        start = world.now + timedelta(hours=hour)
        at_status(session, Status.CONFIRMED, world, start=start, staff_user=person)
    assert len(read(desk.get("/reports/day-sheet.pdf")).pages) == 2
    assert len(read(desk.get("/reports/day-sheet.pdf?pages=one")).pages) == 1
    alone = text(desk.get(f"/reports/day-sheet.pdf?staff={world.staff2.staff_user_id}"))
    assert "Tomas Novak" in alone
    assert "Lena Fischer day sheet" not in alone
    assert alone.count("Done") == 1
    assert len(table(desk.get("/reports/day-sheet.csv?staff=me"))) == 2


def test_a_status_is_a_word_beside_its_icon_also_in_a_pdf(
    desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.NO_SHOW, world, start=world.now - timedelta(hours=2), party=NoShowParty.BOTH)
    told = text(desk.get("/reports/day-sheet.pdf"))
    assert "No-show" in told
    assert "Both didn’t show" in told


def test_what_does_not_take_place_is_told_at_the_end_with_its_reason(
    desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.CANCELLED, world, start=world.now + timedelta(hours=1))
    at_status(session, Status.RESCHEDULED, world, start=world.now + timedelta(hours=3))
    off = parse(desk.get("/reports/day-sheet")).one(cls="sheet__off").text
    assert "cancelled: Ada is ill" in off
    assert "moved to Wed 14 Jan, 13:00" in off


def test_as_of_an_earlier_moment_a_sheet_shows_what_was_known_then(
    desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.COMPLETED, world, start=world.now - timedelta(hours=2))
    assert "Took place" in text(desk.get("/reports/day-sheet.pdf"))
    then = text(desk.get("/reports/day-sheet.pdf?as_of=2026-01-13T08:30"))
    assert "Confirmed" in then
    assert "Took place" not in then
    assert "as it stood Tue 13 Jan 2026, 08:30" in then
    assert table(desk.get("/reports/day-sheet.csv?as_of=2026-01-13T08:30"))[0]["Status"] == "confirmed"


def test_a_long_table_repeats_its_head_on_each_page(
    desk: FlaskClient, session: Session, world: World
) -> None:
    for place in range(40):
        at_status(session, Status.CANCELLED, world, start=world.now + place * timedelta(minutes=1))
        start = world.now + timedelta(days=1) + place * timedelta(minutes=15)
        person = (world.staff, world.staff2, world.owner, world.manager)[place % 4]
        at_status(session, Status.CONFIRMED, world, start=start, staff_user=person)
    pages = read(desk.get("/reports/day-sheet.pdf?date=2026-01-14&pages=one")).pages
    assert len(pages) > 1
    for number, page in enumerate(pages, 1):
        told = " ".join(page.extract_text().split())
        assert "Wednesday 14 January 2026" in told
        assert "Time Client Type" in told
        assert f"Page {number} of {len(pages)}" in told


def test_the_month_counts_what_the_reports_page_counts_and_lists_the_rows(
    desk: FlaskClient, session: Session, world: World
) -> None:
    for place in range(5):
        at_status(
            session,
            Status.NO_SHOW if place < 2 else Status.COMPLETED,
            world,
            start=world.now - DAY * (place + 1),
        )
    told = text(desk.get(f"/reports/month.pdf?{JANUARY}"))
    assert "January 2026, compared with December 2025" in told
    assert "2 of 5 completed or no-show" in told
    assert "No-shows, 2" in told
    assert "40.0" in told
    total = table(desk.get(f"/reports/month.csv?{JANUARY}"))[0]
    assert (total["Due"], total["No-shows"], total["No-show rate"]) == ("5", "2", "0.4000")
    assert len(table(desk.get(f"/reports/no-shows.csv?{JANUARY}"))) == 2
    assert table(desk.get("/reports/no-shows.csv?from=2026-01-13&to=2026-01-13")) == []


def test_a_list_that_is_cut_says_how_many_there_are(
    desk: FlaskClient, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(3):
        at_status(session, Status.NO_SHOW, world, start=world.now - DAY * (place + 1))
    monkeypatch.setattr(period, "SHORT", 2)
    told = text(desk.get(f"/reports/month.pdf?{JANUARY}"))
    assert "No-shows, 3" in told
    assert "The first 2 of 3" in told
    assert len(table(desk.get(f"/reports/no-shows.csv?{JANUARY}"))) == 3


def test_a_day_without_midnight_is_printed_whole(
    signed_in: SignedIn, session: Session, moved_clock: MovableClock
) -> None:
    santiago = make_world(session, "andes", "America/Santiago")
    midnight = santiago.now.replace(year=2025, month=9, day=7, hour=0, tzinfo=ZoneInfo("America/Santiago"))
    browser = signed_in(santiago.staff)
    at_status(
        session, Status.COMPLETED, santiago, start=midnight.replace(hour=1).astimezone(santiago.now.tzinfo)
    )
    assert len(table(browser.get("/reports/day-sheet.csv?date=2025-09-07"))) == 1
    assert table(browser.get("/reports/day-sheet.csv?date=2025-09-06")) == []


def test_the_week_counts_what_does_not_take_place_and_keeps_the_order_of_time(
    desk: FlaskClient, session: Session, world: World
) -> None:
    for hours, status in ((1, Status.CANCELLED), (2, Status.CONFIRMED), (3, Status.RESCHEDULED)):
        at_status(session, status, world, start=world.now + timedelta(hours=hours))
    page = parse(desk.get("/reports/week"))
    assert "2 appointments, 1 moved, 1 cancelled, times in" in page.one("article").text
    days = [row.text.strip() for row in page.all("tr", cls="sheet__day")]
    assert days[0] == "Tuesday 13 January, 1 appointment, 1 moved, 1 cancelled"
    assert days[1] == "Wednesday 14 January, 1 appointment"
    starts = [row["Start"] for row in table(desk.get("/reports/week.csv"))]
    assert starts == sorted(starts)
    cells = [
        " ".join(cell.text.split()).replace(" –", "–")
        for row in page.one("article").all("tr")
        for cell in row.all("td")[:1]
    ]
    assert cells == [f"{h}:00–{h}:45 Tue 13 Jan" for h in (11, 12, 13)] + ["13:00–13:45 Wed 14 Jan"]
    assert "1 appointment, 1 moved, 1 cancelled" in parse(desk.get("/reports/day-sheet")).one("article").text


def test_a_table_of_the_past_or_of_some_says_so_in_its_name_and_in_each_row(
    desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.NO_SHOW, world, start=world.now - timedelta(hours=2))
    lena, kind = world.staff.staff_user_id, world.kind.appointment_type_id
    for report, stem in (
        ("day-sheet", "day-sheet-2026-01-13"),
        ("week", "week-2026-01-12"),
        ("month", "report-from-2026-01-01-to-2026-01-31"),
        ("no-shows", "no-shows-from-2026-01-01-to-2026-01-31"),
    ):
        days = "date=2026-01-13" if report in ("day-sheet", "week") else JANUARY
        for query, apart, as_of, only in (
            ("", "", "2026-01-13T10:00:00+00:00", ""),
            (
                f"&staff={lena}&type={kind}&as_of=2026-01-13T09:30",
                f"-staff-{lena}-type-{kind}-as-of-2026-01-13-093000",
                "2026-01-13T09:30:00+00:00",
                "Lena Fischer, type Review",
            ),
        ):
            answer = desk.get(f"/reports/{report}.csv?{days}{query}")
            assert answer.headers["Content-Disposition"].endswith(f'"marlow-{stem}{apart}.csv"')
            rows = table(answer)
            assert rows
            assert {(row["As of"], row["Only"]) for row in rows} == {(as_of, only)}


def test_tables_are_split_over_pages_with_their_head_on_each(
    desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.NO_SHOW, world, start=world.now - timedelta(hours=2))
    for path in ("month", "no-shows"):
        page = parse(desk.get(f"/reports/{path}?{JANUARY}"))
        sections = [one for one in page.all("section") if one.all(cls="table--by")]
        assert len(sections) == 2
        assert all("rep__s--long" in one.attrs["class"] for one in sections)


def test_filters_hold_for_rows_and_figures_and_are_named(
    desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.NO_SHOW, world, start=world.now - timedelta(hours=2))
    tax = AppointmentType(
        firm_id=world.firm.firm_id, name="=Tax", duration=45, location="Room 1", created_at=world.now
    )
    session.add(tax)
    session.commit()
    for key, count in ((tax.appointment_type_id, 0), (world.kind.appointment_type_id, 1)):
        for report in ("day-sheet", "week", "no-shows"):
            query = f"{JANUARY}&date=2026-01-13&type={key}"
            assert len(table(desk.get(f"/reports/{report}.csv?{query}"))) == count, report
        assert table(desk.get(f"/reports/month.csv?{JANUARY}&type={key}"))[0]["Due"] == str(count)
    told = text(desk.get(f"/reports/month.pdf?{JANUARY}&type={tax.appointment_type_id}&channel=unreported"))
    assert "all staff, type =Tax, attendance not reported" in told
    lena = f"{JANUARY}&staff={world.staff2.staff_user_id}&account={world.account.account_id}"
    assert "Tomas Novak, account Byron Ltd" in text(desk.get(f"/reports/no-shows.pdf?{lena}"))
    assert table(desk.get(f"/reports/no-shows.csv?{lena}")) == []
