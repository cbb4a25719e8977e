"""A firm on Tuesday 13 January 2026 at 10:00, served to a real browser. The server's clock starts there."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from playwright.sync_api import Page
from sqlalchemy.orm import Session

from tests.factories import NOW, World, at_status, make_contact, make_world
from tests.support.signed_in import sign_in_page
from tests.support.web import LiveServer
from webapp.extensions import db
from webapp.lifecycle import booking
from webapp.lifecycle.booking import Draft
from webapp.models import Appointment, AppointmentStatusHistory, OutboxEvent, StaffUser
from webapp.vocabulary import Status

TODAY = "2026-01-13"


@dataclass
class Desk:
    """What a browser test needs: the page, the world, and a look into the database behind it."""

    page: Page
    server: LiveServer
    world: World
    made: dict[str, int] = field(default_factory=dict)

    def as_user(self, user: StaffUser) -> Page:
        return sign_in_page(self.page, self.server, user)

    def session(self) -> Session:
        with self.server.app.app_context():
            return Session(db.engine, execution_options={"write": True}, expire_on_commit=False)

    def story(self, appointment_id: int) -> list[tuple[str, str, str | None]]:
        """``(action, to_status, reason)`` of each history row; each has its outbox event."""
        history = AppointmentStatusHistory
        with self.session() as session:
            rows = session.scalars(
                sa.select(history).where(history.appointment_id == appointment_id).order_by(history.sequence)
            ).all()
            events = session.scalar(
                sa.select(sa.func.count())
                .select_from(OutboxEvent)
                .where(OutboxEvent.appointment_id == appointment_id)
            )
            assert events == len(rows)
            return [(row.action.value, row.to_status.value, row.reason) for row in rows]

    def get(self, appointment_id: int) -> Appointment:
        with self.session() as session:
            return session.get_one(Appointment, appointment_id)

    def by(self, name: str) -> int:
        """The reference of a client's appointment, by the client's name."""
        return self.made[name]


def book(session: Session, world: World, name: str, start: datetime, minutes: int = 45) -> Appointment:
    """A confirmed appointment of Lena's with somebody new, booked two days before."""
    contact = make_contact(session, world.firm, name)
    plan = Draft(
        appointment_type_id=world.kind.appointment_type_id,
        staff_user_id=world.staff.staff_user_id,
        contact_id=contact.contact_id,
        start_time=start,
        end_time=start + timedelta(minutes=minutes),
        location="Room 2",
    )
    return booking.book(session, actor=world.acting(world.manager), draft=plan, now=NOW - timedelta(days=2))


@pytest.fixture
def clock() -> Iterator[None]:
    """The server's clock begins at the world's ``now`` and ticks."""
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def desk(clock: None, page: Page, live_server: LiveServer) -> Desk:
    """Ended without an outcome: Jonas (08:00). Running: Chloe (09:30). Later: Ivy (11:00), Amara (14:00).

    A request of Ada's waits for tomorrow. Lena (staff) is signed in.
    """
    with live_server.app.app_context():
        session = Session(db.engine, execution_options={"write": True}, expire_on_commit=False)
    with session:
        world = make_world(session)
        desk = Desk(page, live_server, world)
        for name, wall in (
            ("Jonas Weber", "08:00"),
            ("Chloe Martin", "09:30"),
            ("Ivy Thompson", "11:00"),
            ("Amara Okafor", "14:00"),
        ):
            desk.made[name] = book(session, world, name, world.at(f"{TODAY} {wall}")).appointment_id
        desk.made["Ada Byron"] = at_status(session, Status.REQUESTED, world).appointment_id
        session.commit()
    desk.as_user(world.staff)
    return desk
