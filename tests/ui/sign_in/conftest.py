"""What the tests of signing in share: an owner with a password, and tries."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import World, make_world
from tests.ui.conftest import MovableClock
from webapp.lifecycle import passwords
from webapp.models import Firm, StaffUser, UserSession

one_engine = pytest.mark.one_engine("sqlite")  # the statements behind it are tested on both, below the pages

PASSWORD = "three words here"
WRONG = "This e-mail address and password do not match."


@pytest.fixture
def olga(world: World, session: Session, moved_clock: MovableClock) -> StaffUser:
    """The owner, with a password."""
    world.owner.password_hash = passwords.make_hash(PASSWORD)
    session.commit()
    return world.owner


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The hashes that passwords were checked against; the checks themselves happen."""
    seen: list[str] = []
    real = passwords.verify

    def watched(stored: str, password: str) -> bool:
        seen.append(stored)
        return real(stored, password)

    monkeypatch.setattr(passwords, "verify", watched)
    return seen


def attempt(
    client: FlaskClient, email: str = "olga@marlow.example", password: str = PASSWORD, to: str = ""
) -> TestResponse:
    return client.post(f"/sign-in{to}", data={"email": email, "password": password})


def sessions(session: Session) -> list[UserSession]:
    session.rollback()
    return list(session.scalars(sa.select(UserSession).order_by(UserSession.created_at)))


def make_twin(session: Session, olga: StaffUser) -> StaffUser:
    """The same address and password in a second firm."""
    other = make_world(session, "hartmann", "Europe/Berlin")
    assert session.get(Firm, other.firm.firm_id) is not None
    other.owner.email, other.owner.password_hash = olga.email, olga.password_hash
    session.commit()
    return other.owner
