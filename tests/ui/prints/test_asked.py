"""What prints are asked for: periods, refusals, who may, the way there, and what it costs."""

from datetime import timedelta
from itertools import product

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World, at_status, make_world
from tests.support.statements import captured
from tests.ui.pages import assert_sound, parse
from tests.ui.prints.conftest import JANUARY, REPORTS, SignedIn, read, table
from webapp.extensions import db
from webapp.ui.prints import views
from webapp.vocabulary import Status

pytestmark = pytest.mark.one_engine(
    "sqlite"
)  # what is counted and replayed is tested on both, below the pages


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
