"""Paper itself: one PDF at a time, its size, its margins, any script, nothing fetched."""

import io
import sys
import threading
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy.orm import Session

from tests.factories import World, at_status
from tests.ui.pages import parse
from tests.ui.prints.conftest import JANUARY, REPORTS, read, table
from webapp import printing
from webapp.vocabulary import Status

pytestmark = pytest.mark.one_engine(
    "sqlite"
)  # what is counted and replayed is tested on both, below the pages


NAMES = ("محمد الهاشمي", "Ελένη Παπαδοπούλου", "=HYPERLINK(1)", "<b>Robert</b>", "Дмитро Шевченко")


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


def test_a_browser_repeats_whose_paper_it_is_and_a_file_has_it_in_its_margin(
    desk: FlaskClient, session: Session, world: World
) -> None:
    made = at_status(session, Status.NO_SHOW, world, start=world.now - timedelta(hours=2))
    for path in (f"/reports/no-shows?{JANUARY}", f"/appointments/{made.appointment_id}/dossier"):
        head, _, query = path.partition("?")
        assert "Marlow, " in parse(desk.get(path)).one(cls="p-again").text
        margin = read(desk.get(f"{head}.pdf?{query}")).pages[-1].extract_text()
        assert "Confidential. Marlow, " in " ".join(margin.split())


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
