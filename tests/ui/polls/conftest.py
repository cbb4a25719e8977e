"""What the tests of the pages of polls share: a form as it is typed, and where its steps are."""

from collections.abc import Callable

import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.support.polls import slot_ids
from webapp.models import Poll, StaffUser

SignedIn = Callable[[StaffUser], FlaskClient]


def count(session: Session, model: type) -> int:
    session.rollback()
    return session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def fresh(session: Session, poll: Poll) -> Poll:
    session.rollback()
    session.refresh(poll)
    return poll


def path_to_hold(session: Session, poll: Poll, slot: int = 0) -> str:
    return f"/polls/{poll.poll_id}/slots/{slot_ids(session, poll)[slot]}/holding"


HOLD = {"confirm_by-day": "2026-01-14", "confirm_by-time": "12:00"}
