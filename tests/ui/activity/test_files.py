"""``/activity`` as a file and on paper."""

import io

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy.orm import Session

from tests.factories import World, at_status, make_contact
from tests.ui.activity.conftest import one_engine, parsed
from tests.ui.pages import parse
from webapp.models import Appointment, Contact
from webapp.queries import activity
from webapp.vocabulary import Status


@one_engine
def test_the_file_has_what_the_page_has(desk: FlaskClient, story: dict[Status, Appointment]) -> None:
    page = parse(desk.get("/activity?action=cancel&from=2026-01-01"))
    link = next(a.attrs["href"] for a in page.all("a") if a.text == "Download CSV")
    assert link == "/activity.csv?from=2026-01-01&action=cancel"
    cancelled = story[Status.CANCELLED]
    assert parsed(desk, link) == [
        {
            "Recorded": "2026-01-12T10:00:00+00:00",
            "Happened": "2026-01-12T10:00:00+00:00",
            "Change": "cancel",
            "Status before": "confirmed",
            "Status after": "cancelled",
            "Reference": str(cancelled.appointment_id),
            "Client": "Ada Byron",
            "Start": "2026-01-14T16:00:00+00:00",
            "End": "2026-01-14T16:45:00+00:00",
            "Staff": "Lena Fischer",
            "By": "Lena Fischer",
            "Kind of actor": "staff",
            "Reason": "Ada is ill",
            "No-show party": "",
            "Cancelled by": "client",
            "Past limits": "",
        }
    ]
    assert len(parsed(desk, "/activity.csv")) == 12
    name = desk.get(link).headers["Content-Disposition"]
    assert name == 'attachment; filename="marlow-activity-from-2026-01-01.csv"'


@one_engine
def test_no_text_of_the_file_is_taken_for_a_formula(
    desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.CONFIRMED, world)
    session.execute(sa.update(Contact).values(name="=1+1"))
    session.commit()
    assert parsed(desk, "/activity.csv")[0]["Client"] == "'=1+1"


@one_engine
def test_filters_gone_wrong_are_explained_by_the_page(desk: FlaskClient) -> None:
    answer = desk.get("/activity.csv?from=2026-02-30")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/activity?from=2026-02-30")


@one_engine
def test_any_name_is_printed_as_it_is(desk: FlaskClient, session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    name = "<b>王芳</b> عمر & Co"
    make_contact(session, world.firm, "Zoë")
    session.execute(sa.update(Contact).values(name=name))
    session.commit()
    assert name in parse(desk.get("/activity")).one("table").text


@one_engine
def test_the_page_is_a_pdf_file_with_its_rows_and_filters(
    desk: FlaskClient, story: dict[Status, Appointment]
) -> None:
    def text(url: str) -> str:
        answer = desk.get(url)
        assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
        pages = PdfReader(io.BytesIO(answer.data)).pages
        return " ".join(" ".join(sheet.extract_text() for sheet in pages).split())

    page = parse(desk.get("/activity?became=cancelled"))
    link = next(a.attrs["href"] for a in page.one(cls="results__head").all("a") if "PDF" in a.text)
    assert link == "/activity.pdf?became=cancelled"
    found = text(link)
    assert "Status after: Cancelled, 1 change, the newest first" in found
    assert "Ada is ill" in found
    assert f"reference {story[Status.CANCELLED].appointment_id}" in found
    assert f"reference {story[Status.COMPLETED].appointment_id}" not in found
    assert "No change passes the filters." in text("/activity.pdf?from=2020-01-01&to=2020-01-02")
    assert desk.get("/activity.pdf?action=x").headers["Location"] == "/activity?action=x"


@one_engine
def test_the_pdf_file_of_a_later_page_has_that_page(
    desk: FlaskClient, story: dict[Status, Appointment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity.page, "__kwdefaults__", (activity.page.__kwdefaults__ or {}) | {"size": 4})
    later = parse(desk.get(parse(desk.get("/activity")).one(rel="next").attrs["href"]))
    link = next(a.attrs["href"] for a in later.one(cls="results__head").all("a") if "PDF" in a.text)
    text = " ".join(
        " ".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(desk.get(link).data)).pages).split()
    )
    for row in later.all("th", cls="a-client", scope="row"):
        assert f"reference {row.one('a').attrs['href'].rpartition('/')[2]}" in text
    assert text.count("reference") == 4
