"""The prints: day sheet, week, monthly and no-show report, dossier; each as a page, a PDF and a table."""

import csv
import io
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import DAY, World, at_status, draft, make_contact, make_world
from tests.support.statements import captured
from tests.ui.conftest import MovableClock
from tests.ui.pages import assert_sound, parse
from webapp import printing
from webapp.extensions import db
from webapp.lifecycle import appointments, booking, details
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.appointments import NewSlot
from webapp.models import Appointment, AppointmentType, StaffUser
from webapp.ui.prints import lists, period, views
from webapp.vocabulary import CancelledBy, NoShowParty, Status

pytestmark = pytest.mark.one_engine(
    "sqlite"
)  # what is counted and replayed is tested on both, below the pages
SignedIn = Callable[[StaffUser], FlaskClient]
REPORTS = ["/reports/day-sheet", "/reports/week", "/reports/month", "/reports/no-shows"]
JANUARY = "from=2026-01-01&to=2026-01-31"
MADE = "Made by moving the booking before"
NAMES = ("محمد الهاشمي", "Ελένη Παπαδοπούλου", "=HYPERLINK(1)", "<b>Robert</b>", "Дмитро Шевченко")


def table(answer: TestResponse) -> list[dict[str, str]]:
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def read(answer: TestResponse) -> PdfReader:
    assert answer.status_code == 200, answer.text[:200]
    assert answer.mimetype == "application/pdf"
    return PdfReader(io.BytesIO(answer.data))


def text(answer: TestResponse) -> str:
    return " ".join(" ".join(page.extract_text() for page in read(answer).pages).split())


@pytest.fixture
def paths(session: Session, world: World) -> list[str]:
    """Every print, over a firm with an appointment of each status."""
    for place, status in enumerate(Status):
        made = at_status(session, status, world, start=world.now + (place - 3) * timedelta(hours=1))
    return [*REPORTS, f"/appointments/{made.appointment_id}/dossier"]


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


def test_the_dossier_tells_every_entry_of_the_whole_chain_but_not_what_notes_say(
    desk: FlaskClient, session: Session, world: World
) -> None:
    first = at_status(session, Status.CONFIRMED, world, start=world.now + DAY)
    first.notes = "a secret of the firm"
    session.commit()
    slot = NewSlot(start_time=world.now + 2 * DAY, end_time=world.now + 2 * DAY + timedelta(minutes=45))
    appointments.reschedule(
        session, first, actor=world.acting(), slot=slot, reason="Ada is away", now=world.now
    )
    session.commit()
    second = session.get_one(Appointment, first.appointment_id).rescheduled_to
    for reference in (first.appointment_id, second.appointment_id):
        told = text(desk.get(f"/appointments/{reference}/dossier.pdf"))
        for words in (
            "First booking",
            "Second booking",
            "Moved to another time",
            "Reason: Ada is away",
            MADE,
        ):
            assert words in told
        assert "All 3 entries" in told
        assert "secret" not in told
        rows = table(desk.get(f"/appointments/{reference}/dossier.csv"))
        assert [row["Entry"] for row in rows] == ["1", "2", "3"]


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


@pytest.mark.parametrize("as_of", ["", "&as_of=2026-01-13T10:00"])
def test_more_than_a_page_or_a_pdf_should_hold_is_refused_with_the_form_to_narrow_it(
    desk: FlaskClient, session: Session, world: World, monkeypatch: pytest.MonkeyPatch, as_of: str
) -> None:
    for place in range(3):
        person = world.staff2 if place == 2 else world.staff
        start = world.now - timedelta(hours=place + 1)
        at_status(session, Status.NO_SHOW, world, start=start, staff_user=person)
    for limit, path, way in (
        ("PDF_ROWS", "/reports/day-sheet.pdf", "Choose somebody or a type, print the page, or have"),
        ("PAGE_ROWS", "/reports/week", "Choose somebody or a type, or take the CSV file, or have"),
    ):
        monkeypatch.setattr(views, limit, 2)
        answer = desk.get(f"{path}?date=2026-01-13{as_of}")
        assert answer.status_code == 422
        page = parse(answer)
        assert_sound(page)
        assert page.one(cls="errors").all("a", href="#staff")
        assert "More than 2 appointments are too many" in answer.text
        assert way in answer.text
        narrower = f"{path}?date=2026-01-13&staff={world.staff.staff_user_id}{as_of}"
        assert desk.get(narrower).status_code == 200
        monkeypatch.setattr(views, limit, 3)
        assert desk.get(f"{path}?date=2026-01-13{as_of}").status_code == 200
    monkeypatch.setattr(views, "PAGE_ROWS", 2)
    assert len(table(desk.get(f"/reports/day-sheet.csv?date=2026-01-13{as_of}"))) == 3


def test_a_record_too_long_for_a_pdf_is_refused_and_its_page_is_not(
    desk: FlaskClient, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/appointments/{at_status(session, Status.NO_SHOW, world).appointment_id}/dossier"
    monkeypatch.setattr(views, "PDF_ROWS", 1)
    answer = desk.get(f"{path}.pdf")
    assert answer.status_code == 422
    assert "This record has 2 entries, too many for one PDF file. Print the page" in answer.text
    assert desk.get(path).status_code == 200


def test_where_one_pdf_is_made_and_one_waits_the_next_is_told_to_come_back(desk: FlaskClient) -> None:
    with printing.ROOM, printing.ROOM:
        answer = desk.get("/reports/day-sheet.pdf?date=2026-01-13")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "30"
        assert "Other PDF files are being made just now." in answer.text
        assert parse(answer).all("a", href="/reports/day-sheet.pdf?date=2026-01-13")
        assert desk.get("/reports/day-sheet").status_code == 200
    assert read(desk.get("/reports/day-sheet.pdf")).pages


def test_a_pdf_waits_for_the_one_before_and_not_for_ever(
    desk: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    printing.PRESS.acquire()
    ready = threading.Timer(0.2, printing.PRESS.release)
    ready.start()
    assert read(desk.get("/reports/day-sheet.pdf")).pages
    ready.join()
    monkeypatch.setattr(printing, "WAIT", 0.01)
    with printing.PRESS:
        assert desk.get("/reports/day-sheet.pdf").status_code == 503
    assert read(desk.get("/reports/day-sheet.pdf")).pages


def test_the_dossier_tells_who_did_not_show_before_and_after_a_correction_and_that_it_is_complete(
    desk: FlaskClient, session: Session, world: World
) -> None:
    made = at_status(session, Status.NO_SHOW, world, party=NoShowParty.STAFF)
    for to, party in ((Status.NO_SHOW, NoShowParty.CLIENT), (Status.COMPLETED, None)):
        manager = world.acting(world.manager)
        appointments.correct(
            session, made, actor=manager, to=to, party=party, reason="The wrong line", now=world.now
        )
        session.commit()
    told = text(desk.get(f"/appointments/{made.appointment_id}/dossier.pdf"))
    for words in (
        "No-show: staff didn’t show, was Confirmed",
        "No-show: client didn’t show, was No-show: staff didn’t show",
        "Completed, was No-show: client didn’t show",
        "Reason: The wrong line",
        "Daniel Osei staff",
        "All 4 entries in the record of this appointment, complete as of Tue 13 Jan 2026, 10:00.",
        "End of the record: 4 entries.",
        "Times are those of the clock in Europe/London",
        f"Reference {made.appointment_id}",
    ):
        assert words in told, words
    rows = table(desk.get(f"/appointments/{made.appointment_id}/dossier.csv"))
    assert [row["Who didn’t show"] for row in rows] == ["", "Staff didn’t show", "Client didn’t show", ""]
    assert rows[3]["Who didn’t show before"] == "Client didn’t show"
    assert {row["Acting as"] for row in rows} == {"staff"}


def test_the_dossier_says_on_whose_side_it_was_called_off_and_does_not_say_that_all_agreed(
    desk: FlaskClient, session: Session, world: World
) -> None:
    made = at_status(session, Status.AWAITING_CONFIRMATION, world)
    appointments.confirm(session, made, actor=world.acting(), now=world.now)
    session.commit()
    appointments.cancel(
        session,
        made,
        actor=world.acting(),
        reason="Ada is ill",
        cancelled_by=CancelledBy.CLIENT,
        now=world.now,
    )
    session.commit()
    rows = table(desk.get(f"/appointments/{made.appointment_id}/dossier.csv"))
    assert [row["What"] for row in rows] == ["Proposed", "Confirmed", "Cancelled"]
    assert rows[2]["Details"] == "Reason: Ada is ill; On the client’s side"


def test_a_browser_repeats_whose_paper_it_is_and_a_file_has_it_in_its_margin(
    desk: FlaskClient, session: Session, world: World
) -> None:
    made = at_status(session, Status.NO_SHOW, world, start=world.now - timedelta(hours=2))
    for path in (f"/reports/no-shows?{JANUARY}", f"/appointments/{made.appointment_id}/dossier"):
        head, _, query = path.partition("?")
        assert "Marlow, " in parse(desk.get(path)).one(cls="p-again").text
        margin = read(desk.get(f"{head}.pdf?{query}")).pages[-1].extract_text()
        assert "Confidential. Marlow, " in " ".join(margin.split())


def test_the_way_back_of_a_report_leads_to_the_same_figures(desk: FlaskClient) -> None:
    page = parse(desk.get(f"/reports/month?{JANUARY}&staff=me&as_of=2026-01-13T09:00"))
    back = page.one(cls="crumb").one("a").attrs["href"]
    assert back.startswith(f"/reports?{JANUARY}&staff=")
    assert back.endswith("&as_of=2026-01-13T09%3A00%3A00Z")
    assert desk.get(back).status_code == 200


def test_without_days_a_report_is_of_last_month_and_a_sheet_of_today(desk: FlaskClient) -> None:
    assert "December 2025" in parse(desk.get("/reports/month")).one("h1").text
    assert "November 2025" in parse(desk.get("/reports/no-shows?date=2025-11")).one("h1").text
    assert "13 Jan 2026" in parse(desk.get("/reports/day-sheet")).one("h1").text
    assert "Mon 12 Jan 2026 to Sun 18 Jan 2026" in parse(desk.get("/reports/week")).one("h1").text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("date=tomorrow", "date"),
        ("date=2026-02-30", "date"),
        ("date=1800-01-01", "date"),
        ("date=2026-13", "date"),
        ("staff=everyone", "staff"),
        ("staff=987654", "staff"),
        ("type=4x", "type"),
        ("type=987654", "type"),
        ("as_of=noon", "as_of"),
        ("as_of=2026-01-13T10:01", "as_of"),
        ("as_of=2025-03-30T01:30", "as_of"),
        ("from=2026-02-01&to=2026-01-01", "to"),
        ("from=1990-01-01&to=2026-01-01", "to"),
        ("account=987654", "account"),
        ("date=2026-10&from=2026-11-10", "from"),
        ("date=2026-10&to=2026-09-10", "to"),
        ("date=2026-10&from=1990-01-01", "from"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(desk: FlaskClient, query: str, field: str) -> None:
    periodic = field in ("from", "to", "account")
    for report, ending in product(
        ("month", "no-shows") if periodic else ("day-sheet",), ("", ".pdf", ".csv")
    ):
        answer = desk.get(f"/reports/{report}{ending}?{query}")
        assert answer.status_code == 422, ending
        page = parse(answer)
        assert_sound(page)
        assert page.one(cls="errors").all("a", href=f"#{field}"), query


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-01-10",
        "to=2026-01-10",
        "from=2100-12-31&to=2100-12-31",
        "from=1990-01-01&to=1990-01-01",
        "date=2100-12",
        "from=2016-02-01&to=2026-01-31",
        "staff=me",
        "as_of=2026-01-13T10:00:00Z",
        "date=&staff=",
    ],
)
def test_odd_periods_are_correct_pages(desk: FlaskClient, query: str) -> None:
    for path in REPORTS:
        assert_sound(parse(desk.get(f"{path}?{query}")))


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


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_script_stays_itself_on_paper_and_harmless_in_a_table(
    desk: FlaskClient, session: Session, world: World, name: str
) -> None:
    world.contact.name = name
    session.commit()
    made = at_status(session, Status.NO_SHOW, world, start=world.now - timedelta(hours=2))
    for path in [*REPORTS, f"/appointments/{made.appointment_id}/dossier"]:
        page = desk.get(f"{path}?{JANUARY}&date=2026-01-13")
        assert page.status_code == 200
        assert name in parse(page).one("article").text
        assert "<b>Robert</b>" not in page.text
    assert table(desk.get("/reports/day-sheet.csv"))[0]["Client"] == (f"'{name}" if name[0] == "=" else name)
    assert read(desk.get("/reports/day-sheet.pdf")).pages


def test_a_change_of_client_is_told_without_the_other_ones_name(
    desk: FlaskClient, session: Session, world: World
) -> None:
    made = at_status(session, Status.CONFIRMED, world)
    other = make_contact(session, world.firm, "Grace Hopper")
    session.commit()
    details.edit(
        session,
        made,
        actor=world.acting(),
        location="Room 9",
        notes="",
        contact_id=other.contact_id,
        now=world.now,
        expected_version=made.version,
    )
    session.commit()
    told = desk.get(f"/appointments/{made.appointment_id}/dossier").text
    assert "Client changed" in told
    assert ", then Room 9" in told
    assert "Ada Byron" not in told


def test_the_dossier_names_no_former_client_as_the_one_who_did_something(
    desk: FlaskClient, session: Session, world: World
) -> None:
    made = booking.request(
        session,
        actor=world.client,
        draft=draft(world, reason="It hurts"),
        now=world.now - DAY,
    )
    session.commit()
    path = f"/appointments/{made.appointment_id}/dossier"
    for ending in ("", ".csv"):
        assert "Reason: It hurts" in desk.get(f"{path}{ending}").text
        assert "the client at the time" not in desk.get(f"{path}{ending}").text
    other = make_contact(session, world.firm, "Grace Hopper")
    session.commit()
    details.edit(
        session,
        made,
        actor=world.acting(),
        location=made.location,
        notes="",
        contact_id=other.contact_id,
        now=world.now - DAY / 2,
        expected_version=made.version,
    )
    appointments.approve(session, made, actor=world.acting(), now=world.now - DAY / 3)
    session.commit()
    grace = Actor.of_client(world.firm.firm_id, "Grace Hopper")
    slot = NewSlot(start_time=made.start_time + DAY, end_time=made.end_time + DAY)
    appointments.reschedule(session, made, actor=grace, slot=slot, reason="A later train", now=world.now)
    session.commit()
    second = session.get_one(Appointment, made.appointment_id).rescheduled_to
    for reference in (made.appointment_id, second.appointment_id):
        path = f"/appointments/{reference}/dossier"
        for told in (desk.get(path).text, text(desk.get(f"{path}.pdf")), desk.get(f"{path}.csv").text):
            assert "Ada" not in told
            assert "hurts" not in told
            assert "the client at the time" in told
            assert "Reason left out" in told
            assert "A later train" in told
        rows = table(desk.get(f"{path}.csv"))
        told_by = [row["By"] for row in rows]
        assert told_by[:2] == ["the client at the time", "Lena Fischer"]
        assert told_by[-1] == "Grace Hopper"
        assert "Booked by the client at the time" in text(desk.get(f"{path}.pdf"))


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


def test_the_no_show_report_answers_who_loses_most_and_lists_their_meetings_first(
    desk: FlaskClient, session: Session, world: World
) -> None:
    for place in range(12):
        status = Status.NO_SHOW if place < 10 else Status.COMPLETED
        at_status(session, status, world, start=world.now - (place + 1) * timedelta(hours=6))
        other = Status.NO_SHOW if place == 11 else Status.COMPLETED
        start = world.now - (place + 1) * timedelta(hours=6)
        at_status(session, other, world, start=start, staff_user=world.staff2)
    page = parse(desk.get(f"/reports/no-shows?{JANUARY}"))
    told = " ".join(page.one(cls="rep__a").text.split()).replace(" ,", ",").replace(" .", ".")
    assert "to clients who didn’t show: Lena Fischer, 10 of 12 (83.3" in told
    assert "Higher than the others by more than chance: Lena Fischer." in told
    assert "begins with this person’s meetings." in told
    paper = text(desk.get(f"/reports/no-shows.pdf?{JANUARY}"))
    assert "Higher than the others by more than chance: Lena Fischer." in paper
    groups = [row.text.strip() for row in page.all("tr", cls="sheet__day")]
    assert groups == [
        "Lena Fischer: 10 no-shows, 10 of them the client’s with staff present",
        "Tomas Novak: 1 no-show, 1 of them the client’s with staff present",
    ]
    by_staff = [row.all("th")[0].text for row in page.all(cls="table--by")[0].all("tr")[1:]]
    assert [name[:4] for name in by_staff] == ["Lena", "Toma", "All"]
    assert "55.2 to 95.3" in page.all(cls="table--by")[0].text


def test_the_no_show_report_keeps_people_of_one_name_apart(
    desk: FlaskClient, session: Session, world: World
) -> None:
    world.staff2.name = world.staff.name
    for place in range(3):
        start = world.now - (place + 1) * timedelta(hours=6)
        at_status(session, Status.NO_SHOW, world, start=start)
        if not place:
            at_status(session, Status.NO_SHOW, world, start=start, staff_user=world.staff2)
    page = parse(desk.get(f"/reports/no-shows?{JANUARY}"))
    assert [row.text.strip() for row in page.all("tr", cls="sheet__day")] == [
        "Lena Fischer: 3 no-shows, 3 of them the client’s with staff present",
        "Lena Fischer: 1 no-show, 1 of them the client’s with staff present",
    ]


def test_without_no_shows_or_others_the_answer_is_left_out_or_says_so(
    desk: FlaskClient, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_status(session, Status.COMPLETED, world)
    assert not parse(desk.get(f"/reports/no-shows?{JANUARY}")).all(cls="rep__a")
    for place in range(3):
        at_status(session, Status.NO_SHOW, world, start=world.now - DAY * (place + 1) - timedelta(hours=2))
    monkeypatch.setattr(lists, "MOST", 2)
    told = parse(desk.get(f"/reports/no-shows?{JANUARY}")).one("article").text
    assert "There is nobody to compare with in this report." in " ".join(told.split())
    assert "Lena Fischer: 3 no-shows" in told
    assert "The first 2 of 3" in told


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


def test_the_board_the_reports_and_the_appointment_lead_to_the_prints(
    desk: FlaskClient, session: Session, world: World
) -> None:
    made = at_status(session, Status.NO_SHOW, world, start=world.now - timedelta(hours=2))
    for page, target in (
        ("/day/2026-01-13", "/reports/day-sheet?date=2026-01-13"),
        (
            "/day/2026-01-13?as_of=2026-01-13T09:00",
            "/reports/day-sheet?date=2026-01-13&as_of=2026-01-13T09%3A00",
        ),
        ("/week/2026-01-13", "/reports/week?date=2026-01-12"),
        (f"/reports?{JANUARY}", f"/reports/month?{JANUARY}"),
        (f"/reports?{JANUARY}", f"/reports/no-shows?{JANUARY}"),
        ("/reports", "/reports/day-sheet"),
        (f"/appointments/{made.appointment_id}", f"/appointments/{made.appointment_id}/dossier"),
    ):
        assert parse(desk.get(page)).all("a", href=target), (page, target)
        assert desk.get(target).status_code == 200


def test_other_firms_are_not_there(signed_in: SignedIn, session: Session, world: World) -> None:
    other = make_world(session, "alder")
    made = at_status(session, Status.CONFIRMED, other, start=world.now + timedelta(hours=1))
    browser = signed_in(world.staff)
    for ending in ("", ".pdf", ".csv"):
        assert browser.get(f"/appointments/{made.appointment_id}/dossier{ending}").status_code == 404
        assert browser.get(f"/reports/day-sheet{ending}?staff={other.staff.staff_user_id}").status_code == 422
    assert table(browser.get("/reports/week.csv")) == []


def test_a_viewer_sees_and_prints_but_takes_no_table_along(
    signed_in: SignedIn, world: World, paths: list[str]
) -> None:
    viewer = signed_in(world.viewer)
    for path in paths:
        page = viewer.get(path)
        assert page.status_code == 200
        assert f"{path}.csv" not in page.text
        assert viewer.get(f"{path}.csv").status_code == 403
    assert read(viewer.get(f"{paths[0]}.pdf")).pages


@pytest.mark.parametrize(("path", "most"), [*zip(REPORTS, (5, 5, 13, 6), strict=True), ("dossier", 8)])
def test_it_costs_as_many_statements_for_much_as_for_little(
    app: Flask, desk: FlaskClient, session: Session, world: World, path: str, most: int
) -> None:
    made = at_status(session, Status.NO_SHOW, world, start=world.now - timedelta(hours=2))
    path = f"/appointments/{made.appointment_id}/dossier" if path == "dossier" else f"{path}?date=2026-01-13"
    counts = []
    for _ in range(2):
        with app.app_context():
            engine = db.engine
        with captured(engine) as seen:
            assert desk.get(path).status_code == 200
        counts.append(len(seen))
        for place in range(6):
            at_status(session, Status.NO_SHOW, world, start=world.now - timedelta(hours=place + 3))
    assert counts[0] == counts[1] <= most


def test_without_the_package_the_pdf_is_refused_with_a_sentence(
    desk: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    answer = desk.get("/reports/day-sheet.pdf")
    assert answer.status_code == 501
    told = parse(answer).one(cls="errorpage").text
    assert "Print the page instead" in told
    assert "Ask whoever runs Daybook to install what is missing." in told
    assert "Try again" not in told


@pytest.mark.parametrize(
    "url",
    [
        "http://daybook.invalid/static/../app.py",
        "http://daybook.invalid/static/%2e%2e/app.py",
        "http://daybook.invalid/static/app.js",
        "http://daybook.invalid/static/css",
        "http://daybook.invalid/reports",
        "http://example.com/static/css/print.css",
        "https://daybook.invalid/static/css/print.css",
        "file:///etc/passwd",
        "data:text/css,p{}",
    ],
)
def test_paper_is_made_of_our_own_files_alone(url: str) -> None:
    with pytest.raises(ValueError, match="Not one of our static files"):
        printing.static_file(url)


def test_our_own_style_sheets_are_found() -> None:
    assert printing.static_file("http://daybook.invalid/static/css/pages/sheet.css?v=1").is_file()


def test_nothing_outside_is_fetched_for_a_pdf(caplog: pytest.LogCaptureFixture) -> None:
    html = '<p>Hello</p><img src="http://127.0.0.1:9/x.png"><img src="file:///etc/hostname">'
    made = printing.pdf(html)
    assert len(PdfReader(io.BytesIO(made)).pages) == 1
    refused = [
        record.getMessage()
        for record in caplog.records
        if "Not one of our static files" in record.getMessage()
    ]
    assert len(refused) == 2


def test_paper_has_the_size_of_the_country(desk: FlaskClient, session: Session, world: World) -> None:
    assert float(read(desk.get("/reports/day-sheet.pdf")).pages[0].mediabox.width) == pytest.approx(
        595.3, abs=1
    )
    world.firm.month_first = True
    session.commit()
    assert float(read(desk.get("/reports/day-sheet.pdf")).pages[0].mediabox.width) == pytest.approx(
        612, abs=1
    )
