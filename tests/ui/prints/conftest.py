"""What the tests of the prints share: a page of each kind, read as a table, a PDF or its text."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import World, at_status
from webapp.models import StaffUser
from webapp.vocabulary import Status

SignedIn = Callable[[StaffUser], FlaskClient]


REPORTS = ["/reports/day-sheet", "/reports/week", "/reports/month", "/reports/no-shows"]


JANUARY = "from=2026-01-01&to=2026-01-31"


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
