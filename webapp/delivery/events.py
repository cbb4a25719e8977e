"""From outbox events to mail: each is claimed by lease, and what it means is written in one transaction.

A worker that dies loses nothing: its claim ends by itself, and what it wrote carries the event's number, so
that nothing is written twice. An event waits while an earlier one of its appointment, or any of the
appointment that it was moved from, is unhandled: nobody hears of a move before the booking.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from webapp.config import Settings
from webapp.delivery import appointment_mail, leases
from webapp.delivery.appointment_mail import Notice
from webapp.lifecycle import transaction
from webapp.lifecycle.quiet import QUIET
from webapp.models import Appointment, AppointmentStatusHistory, MailMessage, OutboxEvent
from webapp.vocabulary import Action, ActorKind, CancelledBy, MailTemplate, Status

TOO_LATE = "The meeting was over before this mail was written, so it was not sent."
REFUSED_IS_NEWS = timedelta(days=2)  # after the time that was asked for

SessionFactory = Callable[[], Session]
Earlier = aliased(OutboxEvent, name="earlier")

log = logging.getLogger(__name__)

# What each action is to the client: the kind of mail, and what the calendar shows from then on.
MEANINGS: dict[Action, tuple[MailTemplate, Status | None]] = {
    Action.REQUEST: (MailTemplate.REQUEST_RECEIVED, None),
    Action.APPROVE: (MailTemplate.APPROVED, Status.CONFIRMED),
    Action.DECLINE: (MailTemplate.DECLINED, None),
    Action.EXPIRE: (MailTemplate.DECLINED, None),
    Action.BOOK: (MailTemplate.CONFIRMED, Status.CONFIRMED),
    Action.CONFIRM: (MailTemplate.CONFIRMED, Status.CONFIRMED),
    Action.PROPOSE: (MailTemplate.PROPOSED, Status.AWAITING_CONFIRMATION),
    Action.RESCHEDULE: (MailTemplate.MOVED, Status.CONFIRMED),
    Action.CANCEL: (MailTemplate.CANCELLED, Status.CANCELLED),
    Action.TIME_OUT: (MailTemplate.CANCELLED, Status.CANCELLED),
}
TELLS_REASON = {Action.DECLINE, Action.CANCEL}
SILENT = [f"appointment.{word}" for word in ("completed", "no_show", "corrected", "rescheduled")]
SILENT_LIMIT = 2000


def handle(
    session_factory: SessionFactory,
    *,
    settings: Settings,
    now: datetime,
    worker: str,
    limit: int = 50,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Handle up to ``limit`` events, oldest first, and those that tell nobody; returns how many were handled.

    Args:
        worker: unique among all workers that run.
        stop: asked before each event; True ends the work after the one in hand.
    """
    with session_factory() as session:
        done = transaction.run(session, lambda: _pass_over_silent(session, now))
    for _ in range(limit):
        if stop():
            break
        handled = _next(session_factory, settings, worker, now)
        if handled is None:
            break
        done += handled
    return done


def _next(session_factory: SessionFactory, settings: Settings, worker: str, now: datetime) -> bool | None:
    """Claim one event and handle it; None when there is none, False when it failed."""
    with session_factory() as session:
        event_id = transaction.run(session, lambda: _claim(session, worker, now))
        if event_id is None:
            return None
        return _handle_one(session, event_id, settings=settings, worker=worker, now=now)


def _pass_over_silent(session: Session, now: datetime) -> int:
    """Mark what tells nobody (outcomes, a move's old half) as handled, thousands in one statement."""
    silent = (
        sa.select(OutboxEvent.outbox_event_id)
        .where(OutboxEvent.handled_at.is_(None), OutboxEvent.event_type.in_(SILENT))
        .order_by(OutboxEvent.outbox_event_id)
        .limit(SILENT_LIMIT)
        .with_for_update(skip_locked=True)
    )
    passed = session.execute(
        sa.update(OutboxEvent)
        .where(OutboxEvent.outbox_event_id.in_(silent), OutboxEvent.handled_at.is_(None))
        .values(handled_at=now, leased_until=None)
        .returning(OutboxEvent.outbox_event_id)
        .execution_options(synchronize_session=False)
    )
    return len(passed.all())


def _claim(session: Session, worker: str, now: datetime) -> int | None:
    """Take the oldest event that nobody holds and that waits for no other."""
    event = session.scalars(
        sa.select(OutboxEvent)
        .join(
            Appointment,
            sa.and_(
                Appointment.firm_id == OutboxEvent.firm_id,
                Appointment.appointment_id == OutboxEvent.appointment_id,
            ),
        )
        .where(
            OutboxEvent.handled_at.is_(None),
            sa.or_(OutboxEvent.leased_until.is_(None), OutboxEvent.leased_until <= now),
            ~_waits(),
        )
        .order_by(OutboxEvent.outbox_event_id)
        .limit(1)
        .with_for_update(of=OutboxEvent, skip_locked=True)
    ).one_or_none()
    if event is None:
        return None
    event.leased_until, event.leased_by = leases.expires(now), worker
    return event.outbox_event_id


def _waits() -> sa.ColumnElement[bool]:
    """Whether something earlier of this appointment, or of the one it was moved from, is not handled yet.

    Two look-ups by key: an OR of both would have SQLite walk through all that the firm ever did.
    """
    own = sa.and_(
        Earlier.appointment_id == OutboxEvent.appointment_id, Earlier.sequence < OutboxEvent.sequence
    )
    before = Earlier.appointment_id == Appointment.rescheduled_from_id
    first, second = (
        sa.exists()
        .where(Earlier.firm_id == OutboxEvent.firm_id, Earlier.handled_at.is_(None), of_which)
        .correlate(OutboxEvent, Appointment)
        for of_which in (own, before)
    )
    return sa.or_(first, second)


def _handle_one(session: Session, event_id: int, *, settings: Settings, worker: str, now: datetime) -> bool:
    """Write what the event means and mark it handled, or put it off with the reason why it failed."""
    try:
        return transaction.run(
            session, lambda: _write(session, event_id, settings=settings, worker=worker, now=now)
        )
    except Exception as error:
        log.exception("outbox event %s could not be handled", event_id)
        problem = leases.sentence(error)
        transaction.run(session, lambda: _put_off(session, event_id, worker, now, problem))
        return False


def _held(session: Session, event_id: int, worker: str) -> OutboxEvent | None:
    """The event, locked, if this worker still holds it and nobody has handled it meanwhile."""
    return session.scalars(
        sa.select(OutboxEvent)
        .where(
            OutboxEvent.outbox_event_id == event_id,
            OutboxEvent.leased_by == worker,
            OutboxEvent.handled_at.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _write(session: Session, event_id: int, *, settings: Settings, worker: str, now: datetime) -> bool:
    event = _held(session, event_id, worker)
    if event is None:
        return False
    event.handled_at, event.leased_until, event.last_error = now, None, None
    row = _history_of(session, event)
    notice = meaning(row)
    if notice is not None and not event.payload.get(QUIET):
        _tell(session, event, row, notice, settings, now)
    return True


def _tell(
    session: Session,
    event: OutboxEvent,
    row: AppointmentStatusHistory,
    notice: Notice,
    settings: Settings,
    now: datetime,
) -> None:
    facts = appointment_mail.load(session, firm_id=event.firm_id, appointment_id=event.appointment_id)
    refused = notice.template is MailTemplate.DECLINED
    news_until = facts.appointment.end_time + (REFUSED_IS_NEWS if refused else timedelta())
    late = news_until <= now
    if event.created_at >= news_until or (late and facts.house.is_demo):
        return  # what was entered afterwards is no news to whoever was there; a demo's people do not exist
    if row.action is Action.PROPOSE and facts.appointment.status is Status.CANCELLED:
        return  # given up before anybody heard of it
    given_up = row.from_status is Status.AWAITING_CONFIRMATION and row.to_status is Status.CANCELLED
    if given_up and not _was_heard_of(session, event):
        return
    people = appointment_mail.recipients(session, facts, notice.template, settings=settings, now=now)
    key = f"event:{event.outbox_event_id}:{notice.template.value}"
    problem = TOO_LATE if late else ""
    appointment_mail.write(
        session, facts, notice, people, settings=settings, key=key, now=now, problem=problem
    )


def _was_heard_of(session: Session, event: OutboxEvent) -> bool:
    """Whether any mail about this appointment was written."""
    found = session.scalar(
        sa.select(MailMessage.mail_message_id)
        .where(MailMessage.firm_id == event.firm_id, MailMessage.appointment_id == event.appointment_id)
        .limit(1)
    )
    return found is not None


def _put_off(session: Session, event_id: int, worker: str, now: datetime, problem: str) -> None:
    event = _held(session, event_id, worker)
    if event is not None:
        event.attempts += 1
        event.last_error = problem
        event.leased_until = now + leases.wait(event.attempts, event_id)


def _history_of(session: Session, event: OutboxEvent) -> AppointmentStatusHistory:
    return session.scalars(
        sa.select(AppointmentStatusHistory).where(
            AppointmentStatusHistory.firm_id == event.firm_id,
            AppointmentStatusHistory.appointment_id == event.appointment_id,
            AppointmentStatusHistory.sequence == event.sequence,
        )
    ).one()


def meaning(row: AppointmentStatusHistory) -> Notice | None:
    """What a change says to the client; None where it says nothing (outcomes, corrections, imports).

    A move is told once, by the successor's row. The reason for calling something off is the client's to read;
    why it was moved, or squeezed in, stays in the house.
    """
    if row.action is Action.RESCHEDULE and row.to_status is not Status.CONFIRMED:
        return None
    found = MEANINGS.get(row.action)
    if found is None:
        return None
    template, status = found
    reason = (row.reason or "") if row.action in TELLS_REASON else ""
    return Notice(template=template, status=status, sequence=row.sequence, why=_why(row), reason=reason)


def _why(row: AppointmentStatusHistory) -> str:
    match row.action:
        case Action.EXPIRE:
            return "expired"
        case Action.TIME_OUT:
            return "timed_out"
        case Action.CANCEL if row.cancelled_by is CancelledBy.CLIENT:
            return "by_client"
        case Action.RESCHEDULE if row.actor_kind is ActorKind.CLIENT:
            return "by_client"
        case _:
            return ""
