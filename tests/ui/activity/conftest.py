"""What the tests of the activity page share: a story, and the changes as the page lists them."""

import csv
import io
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status
from tests.ui.conftest import MovableClock
from webapp.lifecycle import appointments
from webapp.models import Appointment
from webapp.vocabulary import CancelledBy, Status

one_engine = pytest.mark.one_engine("sqlite")  # the page; tests/queries/test_activity.py reads on both


HTMX = {"HX-Request": "true"}


@pytest.fixture
def story(session: Session, world: World) -> dict[Status, Appointment]:
    """One of each status, made two days before it starts or before now."""
    found = {}
    for place, status in enumerate(Status):
        start = world.now + (-DAY if status in {Status.COMPLETED, Status.NO_SHOW} else DAY)
        found[status] = at_status(session, status, world, start=start + place * timedelta(hours=1))
    return found


def cancel(session: Session, world: World, appointment: Appointment, clock: MovableClock) -> None:
    appointments.cancel(
        session,
        appointment,
        actor=world.acting(world.staff2),
        reason="Ill",
        cancelled_by=CancelledBy.CLIENT,
        now=clock.now,
    )
    session.commit()


def parsed(desk: FlaskClient, url: str) -> list[dict[str, str]]:
    answer = desk.get(url)
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))
