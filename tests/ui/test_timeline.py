"""``/appointments/<id>/timeline``: the whole story of an appointment, in order."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, at_status, draft, make_world
from tests.support.statements import captured
from tests.ui.conftest import MovableClock
from tests.ui.pages import Element, assert_sound, parse
from webapp.extensions import db
from webapp.lifecycle import appointments, booking, details
from webapp.lifecycle.appointments import NewSlot
from webapp.models import Appointment, StaffUser
from webapp.ui import papers
from webapp.vocabulary import Status

SignedIn = Callable[[StaffUser], FlaskClient]
one_engine = pytest.mark.one_engine("sqlite")  # the page; the statements are those of the appointment's page


@pytest.fixture
def chain(session: Session, world: World) -> list[Appointment]:
    """Booked, moved twice, and completed; its place was changed before the first move."""
    made = world.now - 10 * DAY
    one = booking.book(session, actor=world.acting(), draft=draft(world, start=world.now - 3 * DAY), now=made)
    details.edit(
        session,
        one,
        actor=world.acting(world.staff2),
        location="Room 9",
        notes="",
        contact_id=one.contact_id,
        now=made + timedelta(hours=1),
        expected_version=one.version,
    )
    members = [one]
    for day in (1, 2):
        start = one.start_time + DAY
        slot = NewSlot(start_time=start, end_time=start + LENGTH)
        reason = f"Move {day}"
        one = appointments.reschedule(
            session, one, actor=world.acting(), slot=slot, reason=reason, now=made + day * DAY
        )
        members.append(one)
    appointments.complete(session, one, actor=world.system, now=one.end_time + timedelta(hours=1))
    session.commit()
    return members


def told(page: Element) -> list[list[str]]:
    """Of each booking its heading, then the first line of each event."""
    return [
        [panel.one("h2").text, *(event.one(cls="event__line").one("b").text for event in panel.all("li"))]
        for panel in page.all("section", cls="story")
    ]


STORY = [
    ["First booking, Sat 10 Jan 2026, 10:00–10:45", "Confirmed", "Details changed", "Rescheduled"],
    ["Second booking, Sun 11 Jan 2026, 10:00–10:45", "Confirmed", "Rescheduled"],
    ["Third booking, Mon 12 Jan 2026, 10:00–10:45", "Confirmed", "Completed"],
]


def test_the_whole_chain_in_order_whichever_booking_is_asked_for(
    desk: FlaskClient, chain: list[Appointment]
) -> None:
    for member in chain:
        page = parse(desk.get(f"/appointments/{member.appointment_id}/timeline"))
        assert_sound(page)
        assert page.one("h1").text == "Timeline of Ada Byron"
        assert told(page) == STORY
        back = page.one(cls="crumb").one("a")
        assert back.attrs["href"] == f"/appointments/{member.appointment_id}"
    links = [panel.one("header").one("a").attrs["href"] for panel in page.all("section", cls="story")]
    assert links == [f"/appointments/{member.appointment_id}" for member in chain]


@one_engine
def test_events_say_by_whom_why_and_from_where(desk: FlaskClient, chain: list[Appointment]) -> None:
    page = parse(desk.get(f"/appointments/{chain[0].appointment_id}/timeline"))
    second = page.all("section", cls="story")[1].all("li")
    assert second[0].one(cls="event__who").text == "by Lena Fischer, rescheduled from Sat 10 Jan, 10:00"
    assert second[0].one(cls="event__why").text == "Reason: Move 1"
    assert "→ Room 9" in page.text
    badges = [panel.one("header").one(cls="badge").text for panel in page.all("section", cls="story")]
    assert badges == ["Rescheduled", "Rescheduled", "Completed"]


@one_engine
def test_a_single_booking_is_not_numbered(desk: FlaskClient, session: Session, world: World) -> None:
    one = at_status(session, Status.CONFIRMED, world)
    page = parse(desk.get(f"/appointments/{one.appointment_id}/timeline"))
    assert told(page) == [["Wed 14 Jan 2026, 10:00–10:45", "Confirmed"]]


@one_engine
def test_the_appointments_page_leads_there(desk: FlaskClient, chain: list[Appointment]) -> None:
    number = chain[1].appointment_id
    page = parse(desk.get(f"/appointments/{number}"))
    link = page.one(id="history").all("a")[0]
    assert (link.text, link.attrs["href"]) == ("Timeline as a page", f"/appointments/{number}/timeline")


@one_engine
def test_a_viewer_reads_it_and_another_firm_does_not(
    signed_in: SignedIn, session: Session, world: World, chain: list[Appointment]
) -> None:
    other = make_world(session, "other")
    path = f"/appointments/{chain[0].appointment_id}/timeline"
    assert signed_in(world.viewer).get(path).status_code == 200
    assert signed_in(other.owner).get(path).status_code == 404
    assert signed_in(world.owner).get("/appointments/999999/timeline").status_code == 404


def test_a_long_chain_takes_as_many_statements_as_one_booking(
    desk: FlaskClient, session: Session, world: World, chain: list[Appointment], moved_clock: MovableClock
) -> None:
    single = at_status(session, Status.CONFIRMED, world, start=world.now + 5 * DAY)

    def asked(appointment: Appointment) -> int:
        with desk.application.app_context():
            engine = db.engine
        with captured(engine) as found:
            assert desk.get(f"/appointments/{appointment.appointment_id}/timeline").status_code == 200
        return len(found)

    assert asked(single) == asked(chain[0]) <= 6


def test_it_is_a_table_too(desk: FlaskClient, chain: list[Appointment]) -> None:
    answer = desk.get(f"/appointments/{chain[1].appointment_id}/timeline.csv")
    assert answer.status_code == 200
    name = f'attachment; filename="marlow-timeline-{chain[1].appointment_id}.csv"'
    assert answer.headers["Content-Disposition"] == name
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))
    assert [(row["Booking"], row["What"]) for row in rows] == [
        (str(place), what) for place, booking in enumerate(STORY, 1) for what in booking[1:]
    ]
    moved = next(row for row in rows if row["What"] == "Rescheduled")
    assert (moved["Status"], moved["Status before"], moved["Reason"]) == (
        "rescheduled",
        "confirmed",
        "Move 1",
    )
    assert rows[1]["Details"] == "Place: none, then Room 9"


@one_engine
def test_it_is_a_pdf_file_with_the_same_events(desk: FlaskClient, chain: list[Appointment]) -> None:
    number = chain[1].appointment_id
    page = parse(desk.get(f"/appointments/{number}/timeline"))
    links = [link.attrs["href"] for link in page.one(cls="pagehead__r").all("a")]
    assert links == [f"/appointments/{number}/timeline.csv", f"/appointments/{number}/timeline.pdf"]
    answer = desk.get(links[1])
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    pages = PdfReader(io.BytesIO(answer.data)).pages
    text = " ".join(" ".join(sheet.extract_text() for sheet in pages).split())
    for words in (
        "Timeline of Ada Byron",
        "Booking 3",
        "Move 1",
        "Place: none, then Room 9",
        "End of the timeline",
    ):
        assert words in text, words
    assert "End of the timeline: 7 events." in text


@one_engine
def test_its_files_are_for_those_who_may_have_them(
    signed_in: SignedIn, session: Session, world: World, chain: list[Appointment]
) -> None:
    other = make_world(session, "other")
    path = f"/appointments/{chain[0].appointment_id}/timeline"
    assert signed_in(world.viewer).get(f"{path}.csv").status_code == 403
    assert not parse(signed_in(world.viewer).get(path)).one(cls="pagehead__r").all("a", href=f"{path}.csv")
    elsewhere = signed_in(other.owner)
    assert {elsewhere.get(f"{path}{ending}").status_code for ending in (".csv", ".pdf")} == {404}


@one_engine
def test_a_timeline_without_end_is_not_made_into_a_pdf_file(
    desk: FlaskClient, chain: list[Appointment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(papers, "PDF_ROWS", 6)
    answer = desk.get(f"/appointments/{chain[0].appointment_id}/timeline.pdf")
    assert answer.status_code == 422
    assert "This timeline has 7 events, too many for one PDF file." in parse(answer).text
