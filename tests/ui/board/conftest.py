"""What the tests of the board share: a day with one appointment in each status."""

import json
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import World, at_status
from tests.ui.pages import parse
from webapp.models import Appointment
from webapp.vocabulary import Status

one_engine = pytest.mark.one_engine("sqlite")  # the page; what both engines must do alike is not marked


TODAY = "/day/2026-01-13"


HTMX = {"HX-Request": "true"}


STATUSES = tuple(Status)


@pytest.fixture
def every(session: Session, world: World) -> dict[Status, Appointment]:
    """One of each status today, an hour apart from 05:00 on; the moved one's successor is tomorrow."""
    midnight = world.now.replace(hour=0)
    return {
        status: at_status(session, status, world, start=midnight + timedelta(hours=5 + place))
        for place, status in enumerate(STATUSES)
    }


def look(browser: FlaskClient, path: str = TODAY) -> Callable[[], TestResponse]:
    """Open a board; gives what its page asks for from time to time."""
    asked = parse(browser.get(path)).one(id="changes").attrs
    vals, tag = json.loads(asked["hx-vals"]), json.loads(asked["hx-headers"])
    return lambda: browser.get(f"{path}/changes?{urlencode(vals)}", headers=HTMX | tag)
