"""What the tests of events share: appointments that something happened to."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.delivery.conftest import Post
from tests.factories import DAY, LENGTH, NOW, World, draft
from webapp.lifecycle import appointments, booking
from webapp.lifecycle.appointments import NewSlot
from webapp.models import Appointment, OutboxEvent
from webapp.vocabulary import CancelledBy

REASON = "The room is flooded"


def booked(session: Session, world: World, *, days: int = 1) -> Appointment:
    plan = draft(world, start=NOW + days * DAY)
    made = booking.book(session, actor=world.acting(), draft=plan, now=NOW)
    session.commit()
    return made


def moved(
    session: Session, world: World, appointment: Appointment, *, by_client: bool = False
) -> Appointment:
    start = appointment.start_time + DAY
    actor = world.client if by_client else world.acting()
    slot = NewSlot(start_time=start, end_time=start + LENGTH)
    successor = appointments.reschedule(session, appointment, actor=actor, slot=slot, reason=REASON, now=NOW)
    session.commit()
    return successor


def cancelled(session: Session, world: World, appointment: Appointment) -> None:
    appointments.cancel(
        session,
        appointment,
        actor=world.acting(),
        reason=REASON,
        cancelled_by=CancelledBy.STAFF,
        now=NOW,
    )
    session.commit()


def unhandled(post: Post) -> int:
    with post.session() as session:
        count = session.scalar(
            sa.select(sa.func.count()).select_from(OutboxEvent).where(OutboxEvent.handled_at.is_(None))
        )
        return count or 0
