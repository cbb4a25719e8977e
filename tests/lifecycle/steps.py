"""Each action by its name, with ordinary facts, for tests that go through all of them."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, draft
from webapp.lifecycle import appointments, booking
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.appointments import NewSlot
from webapp.models import Appointment
from webapp.vocabulary import Action, CancelledBy, NoShowParty, Status

CREATING = {Action.REQUEST: booking.request, Action.BOOK: booking.book, Action.PROPOSE: booking.propose}
PLAIN = {
    Action.APPROVE: appointments.approve,
    Action.EXPIRE: appointments.expire,
    Action.CONFIRM: appointments.confirm,
    Action.TIME_OUT: appointments.time_out,
    Action.COMPLETE: appointments.complete,
}
ONCE_STARTED = {Action.EXPIRE, Action.TIME_OUT, Action.COMPLETE, Action.MARK_NO_SHOW, Action.CORRECT}


def create(session: Session, action: Action, world: World, *, actor: Actor, start: datetime) -> Appointment:
    """Make an appointment at the world's ``now``."""
    plan = draft(world, start=start, confirm_by=start - timedelta(hours=1))
    return CREATING[action](session, actor=actor, draft=plan, now=world.now)


def when(action: Action, appointment: Appointment, world: World) -> datetime:
    """A moment at which the action is open: some begin once the meeting has, or the deadline is over."""
    if action in ONCE_STARTED:
        return max(world.now, appointment.start_time + timedelta(minutes=20))
    return world.now


def perform(
    session: Session,
    action: Action,
    appointment: Appointment,
    *,
    actor: Actor,
    now: datetime,
    new_start: datetime | None = None,
    expected_version: int | None = None,
) -> Appointment | None:
    """Take one step; a move returns the successor, a week later unless ``new_start`` is given.

    A correction turns a completed meeting into a no-show of the staff, and the other way round.
    """
    facts = {"actor": actor, "now": now, "expected_version": expected_version}
    match action:
        case Action.DECLINE:
            appointments.decline(session, appointment, reason="Fully booked", **facts)
        case Action.CANCEL:
            appointments.cancel(
                session, appointment, reason="Ada is ill", cancelled_by=CancelledBy.CLIENT, **facts
            )
        case Action.RESCHEDULE:
            start = new_start or max(now, appointment.start_time) + 7 * DAY
            slot = NewSlot(start_time=start, end_time=start + LENGTH)
            return appointments.reschedule(session, appointment, slot=slot, reason="", **facts)
        case Action.MARK_NO_SHOW:
            appointments.mark_no_show(session, appointment, party=NoShowParty.BOTH, **facts)
        case Action.CORRECT:
            happened = appointment.status is Status.NO_SHOW
            appointments.correct(
                session,
                appointment,
                to=Status.COMPLETED if happened else Status.NO_SHOW,
                party=None if happened else NoShowParty.STAFF,
                reason="Wrong line",
                **facts,
            )
        case _:
            PLAIN[action](session, appointment, **facts)
    return None
