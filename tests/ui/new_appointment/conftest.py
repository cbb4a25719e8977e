"""What the tests of a new appointment share: a form as it is typed, and what came of it."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, NOW, World, make_world
from tests.support.signed_in import sign_in
from webapp.models import (
    Appointment,
)
from webapp.ui.when import value_of

TOMORROW_AT_TEN = NOW + DAY


@pytest.fixture(autouse=True)
def at_ten() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


@pytest.fixture
def desk(client: FlaskClient, world: World) -> FlaskClient:
    return sign_in(client, world.staff)


def typed(world: World, **fields: Any) -> dict[str, str]:
    """A form for Ada's review with Lena tomorrow at ten, changed as asked; None leaves a field out."""
    whole = {
        "who": "existing",
        "contact_id": world.contact.contact_id,
        "appointment_type_id": world.kind.appointment_type_id,
        "staff_user_id": world.staff.staff_user_id,
        "day": "2026-01-14",
        "start": value_of(TOMORROW_AT_TEN),
        "how": "book",
        "notes": "Brings the papers",
        "reason": "",
    } | fields
    return {name: str(value) for name, value in whole.items() if value is not None}


def made(session: Session) -> list[Appointment]:
    session.commit()
    return list(session.scalars(sa.select(Appointment).order_by(Appointment.appointment_id)))


def count(session: Session, table: Any) -> int:
    session.commit()
    return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
