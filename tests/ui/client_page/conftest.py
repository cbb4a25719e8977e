"""What the tests of the client's page share: an appointment with a link to it, and a look at the rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status
from tests.support.html import Page
from tests.ui.conftest import MovableClock
from webapp.lifecycle import links
from webapp.models import (
    Appointment,
    AppointmentStatusHistory,
    Firm,
)
from webapp.ui.when import value_of
from webapp.vocabulary import Status

Made = tuple[Appointment, str]


SECRET = "a key for tests, long enough and known to everyone"


def link_to(session: Session, world: World, appointment: Appointment, *, keep: timedelta = 30 * DAY) -> str:
    token = links.issue(
        session,
        secret=SECRET,
        firm_id=world.firm.firm_id,
        appointment_id=appointment.appointment_id,
        contact_id=appointment.contact_id,
        expires_at=appointment.end_time + keep,
        now=world.now,
    )
    session.commit()
    return token


@pytest.fixture
def booked(session: Session, world: World, moved_clock: MovableClock) -> Made:
    """Ada's meeting tomorrow at ten, and her link."""
    appointment = at_status(session, Status.CONFIRMED, world)
    return appointment, link_to(session, world, appointment)


@pytest.fixture
def proposed(session: Session, world: World, moved_clock: MovableClock) -> Made:
    """A time that the firm holds for Ada until it begins, and her link."""
    appointment = at_status(session, Status.AWAITING_CONFIRMATION, world)
    return appointment, link_to(session, world, appointment)


def fields(client: FlaskClient, path: str, action: str = "") -> dict[str, str]:
    """What the form on a page would send."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.location
    return dict(Page(answer.text).form(action or path).fields)


def rows(session: Session, appointment_id: int) -> list[AppointmentStatusHistory]:
    session.rollback()
    return list(
        session.scalars(
            sa.select(AppointmentStatusHistory)
            .where(AppointmentStatusHistory.appointment_id == appointment_id)
            .order_by(AppointmentStatusHistory.sequence)
        )
    )


def last(session: Session, appointment: Appointment) -> AppointmentStatusHistory:
    return rows(session, appointment.appointment_id)[-1]


def successor(session: Session, appointment: Appointment) -> Appointment:
    session.rollback()
    return session.scalars(
        sa.select(Appointment).where(Appointment.rescheduled_from_id == appointment.appointment_id)
    ).one()


def rule(session: Session, world: World, **values: Any) -> None:
    session.execute(sa.update(Firm).where(Firm.firm_id == world.firm.firm_id).values(**values))
    session.commit()


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """Every SQL statement of the application while this lasts."""
    seen: list[str] = []

    def note(_c: Any, _cur: Any, text: str, *_more: Any) -> None:
        if not text.startswith(("BEGIN", "PRAGMA")):
            seen.append(text)

    with app.app_context():
        engine = app.extensions["sqlalchemy"].engines[None]
    sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", note)


def choose(client: FlaskClient, token: str, start: datetime) -> dict[str, str]:
    """The form of the page for moving, with a start chosen."""
    path = f"/c/{token}/rescheduling"
    found = client.get(f"{path}")
    assert found.status_code == 200
    sent = dict(Page(found.text).form(path).fields)
    for name in ("step", "time", "other"):
        sent.pop(name, None)
    return sent | {"day": start.date().isoformat(), "start": value_of(start)}
