"""What the tests of the API share: a firm, the clock at its time, and programs with tokens."""

from collections.abc import Callable, Collection

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.factories import World, make_world
from tests.support.api import Program, token_of
from tests.ui.conftest import MovableClock
from webapp import clock
from webapp.models import StaffUser
from webapp.vocabulary import Scope

CallsAs = Callable[..., Program]


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
def other(session: Session) -> World:
    """Another firm in the same database, committed."""
    return make_world(session, slug="harbour", timezone="America/New_York")


@pytest.fixture
def calls_as(app: Flask, session: Session, world: World, moved_clock: MovableClock) -> CallsAs:
    """``calls_as(user, scopes)``: a program whose token acts for somebody, with every scope unless told."""

    def program(
        user: StaffUser | None = None, scopes: Collection[Scope] = Scope, *, firm: World = world
    ) -> Program:
        return Program(app.test_client(), token_of(session, firm, user, scopes=scopes))

    return program


@pytest.fixture
def api(calls_as: CallsAs) -> Program:
    """A program that acts for Lena, with every scope."""
    return calls_as()
