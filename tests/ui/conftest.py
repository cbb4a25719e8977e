"""What the tests of pages share: a firm, a clock that is moved by hand, and signed-in visitors."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import NOW, World, make_world
from tests.support.signed_in import sign_in
from webapp import clock
from webapp.models import StaffUser


@dataclass
class MovableClock:
    """The application's clock; ``pass_(minutes=5)`` moves it on."""

    now: datetime = NOW

    def pass_(self, **how_long: float) -> datetime:
        self.now += timedelta(**how_long)
        return self.now


@pytest.fixture
def moved_clock(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    """The clock stands at the world's ``now``."""
    movable = MovableClock()
    monkeypatch.setattr(clock, "now", lambda: movable.now)
    return movable


@pytest.fixture
def world(session: Session) -> World:
    """Marlow's, a firm in London, committed."""
    return make_world(session)


@pytest.fixture
def signed_in(app: Flask, moved_clock: MovableClock) -> Callable[[StaffUser], FlaskClient]:
    """A new browser in which somebody is signed in, at the world's time."""
    return lambda user: sign_in(app.test_client(), user)


def fresh(session: Session, thing: object) -> None:
    """Read a row again as it is now; within its old transaction SQLite shows what was there at its start."""
    session.rollback()
    session.refresh(thing)


@pytest.fixture
def desk(signed_in: Callable[[StaffUser], FlaskClient], world: World) -> FlaskClient:
    """Lena at the front desk."""
    return signed_in(world.staff)
