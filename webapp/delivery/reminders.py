"""Reminders before appointments, and last calls before deadlines. Each is written once.

Only what became due within the last hours is looked at: an installation that slept sends no old reminders,
and what was booked after its reminder was due needs none.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.config import Settings
from webapp.delivery import appointment_mail, polls_mail
from webapp.delivery.appointment_mail import Notice
from webapp.lifecycle import transaction
from webapp.models import Appointment, Contact, Firm, MailMessage, MailSwitch, Poll, PollInvitee
from webapp.vocabulary import MailTemplate, PollStatus, Status

LOOK_BACK = timedelta(hours=2)
LIMIT = 500

SessionFactory = Callable[[], Session]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """One appointment or poll of which people are to be told; ``key`` marks it as done."""

    firm_id: int
    number: int
    kind: str

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.number}"


def queue(session_factory: SessionFactory, *, settings: Settings, now: datetime) -> int:
    """Write every reminder and last call that is due, at most 500 of each kind; returns how many mails.

    One that cannot be written is logged and steps aside; the others are not held up.
    """
    with session_factory() as session:
        due = [*_reminders(session, now), *_last_calls(session, now), *_polls(session, now)]
        session.rollback()
        return sum(_attempt(session, one, settings, now) for one in due)


def _attempt(session: Session, due: Due, settings: Settings, now: datetime) -> int:
    writers = {"reminder": _remind, "last_call": _call, "poll_call": _call_poll}
    try:
        return transaction.run(session, lambda: writers[due.kind](session, due, settings, now))
    except Exception:
        log.exception("%s could not be written", due.key)
        return 0


def _hours(session: Session, column: Any) -> Iterator[timedelta]:
    """The notices that firms have chosen, each once; 0 is off."""
    for hours in session.scalars(sa.select(column).where(column > 0).distinct()).all():
        yield timedelta(hours=hours)


def _unwritten(kind: str) -> sa.ColumnElement[bool]:
    """The appointment has no mail of this kind yet, to anybody."""
    return ~sa.exists().where(
        MailMessage.firm_id == Appointment.firm_id,
        MailMessage.appointment_id == Appointment.appointment_id,
        MailMessage.dedup_key.startswith(f"{kind}:", autoescape=True),
    )


def _reachable() -> sa.ColumnElement[bool]:
    """Somebody to write to: a client with an e-mail address, or a poll's invitees."""
    invited = sa.exists().where(
        Poll.firm_id == Appointment.firm_id,
        sa.or_(
            Poll.appointment_id == Appointment.appointment_id,
            Poll.appointment_id == Appointment.chain_root_id,
        ),
    )
    return sa.or_(Contact.email != "", invited)


def _switched_on(template: MailTemplate) -> sa.ColumnElement[bool]:
    return ~sa.exists().where(MailSwitch.firm_id == Firm.firm_id, MailSwitch.template == template)


def _due(session: Session, query: "sa.Select[int, int]", kind: str) -> list[Due]:
    return [Due(firm_id, number, kind) for firm_id, number in session.execute(query.limit(LIMIT))]


def _reminders(session: Session, now: datetime) -> Iterator[Due]:
    for notice in _hours(session, Firm.reminder_hours):
        query = (
            sa.select(Appointment.firm_id, Appointment.appointment_id)
            .join(Firm, Firm.firm_id == Appointment.firm_id)
            .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
            .where(
                Firm.reminder_hours == int(notice / timedelta(hours=1)),
                _switched_on(MailTemplate.REMINDER),
                Appointment.status == Status.CONFIRMED,
                Appointment.start_time > max(now, now - LOOK_BACK + notice),
                Appointment.start_time <= now + notice,
                _reachable(),
                _unwritten("reminder"),
            )
            .order_by(Appointment.start_time)
        )
        yield from _due(session, query, "reminder")


def _last_calls(session: Session, now: datetime) -> Iterator[Due]:
    for notice in _hours(session, Firm.last_call_hours):
        query = (
            sa.select(Appointment.firm_id, Appointment.appointment_id)
            .join(Firm, Firm.firm_id == Appointment.firm_id)
            .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
            .where(
                Firm.last_call_hours == int(notice / timedelta(hours=1)),
                _switched_on(MailTemplate.LAST_CALL),
                Appointment.status == Status.AWAITING_CONFIRMATION,
                Appointment.confirm_by > max(now, now - LOOK_BACK + notice),
                Appointment.confirm_by <= now + notice,
                _reachable(),
                _unwritten("last_call"),
            )
            .order_by(Appointment.confirm_by)
        )
        yield from _due(session, query, "last_call")


def _polls(session: Session, now: datetime) -> Iterator[Due]:
    for notice in _hours(session, Firm.last_call_hours):
        query = (
            sa.select(Poll.firm_id, Poll.poll_id)
            .join(Firm, Firm.firm_id == Poll.firm_id)
            .where(
                Firm.last_call_hours == int(notice / timedelta(hours=1)),
                _switched_on(MailTemplate.LAST_CALL),
                Poll.status == PollStatus.OPEN,
                Poll.deadline > max(now, now - LOOK_BACK + notice),
                Poll.deadline <= now + notice,
            )
            .order_by(Poll.deadline)
        )
        yield from _due(session, query, "poll_call")


def _remind(session: Session, due: Due, settings: Settings, now: datetime) -> int:
    facts = appointment_mail.load(session, firm_id=due.firm_id, appointment_id=due.number)
    notice = timedelta(hours=_firm(session, due).reminder_hours)
    appointment = facts.appointment
    if appointment.status is not Status.CONFIRMED or appointment.created_at > appointment.start_time - notice:
        return 0
    people = appointment_mail.recipients(session, facts, MailTemplate.REMINDER, settings=settings, now=now)
    told = Notice(template=MailTemplate.REMINDER)
    return appointment_mail.write(session, facts, told, people, settings=settings, key=due.key, now=now)


def _call(session: Session, due: Due, settings: Settings, now: datetime) -> int:
    facts = appointment_mail.load(session, firm_id=due.firm_id, appointment_id=due.number)
    notice = timedelta(hours=_firm(session, due).last_call_hours)
    appointment = facts.appointment
    waits = appointment.status is Status.AWAITING_CONFIRMATION and appointment.confirm_by is not None
    if not waits or appointment.created_at > (appointment.confirm_by or now) - notice:
        return 0
    if facts.poll is not None:
        people = appointment_mail.invitees(session, facts.poll, settings=settings, now=now, silent=True)
    else:
        people = appointment_mail.recipients(
            session, facts, MailTemplate.LAST_CALL, settings=settings, now=now
        )
    told = Notice(template=MailTemplate.LAST_CALL)
    return appointment_mail.write(session, facts, told, people, settings=settings, key=due.key, now=now)


def _call_poll(session: Session, due: Due, settings: Settings, now: datetime) -> int:
    poll = session.get_one(Poll, due.number)
    notice = timedelta(hours=_firm(session, due).last_call_hours)
    if poll.status is not PollStatus.OPEN or poll.created_at > poll.deadline - notice:
        return 0
    silent = session.scalars(
        sa.select(PollInvitee.poll_invitee_id).where(
            PollInvitee.firm_id == poll.firm_id,
            PollInvitee.poll_id == poll.poll_id,
            PollInvitee.voted_at.is_(None),
        )
    ).all()
    return polls_mail.queue(
        session,
        settings=settings,
        poll_id=poll.poll_id,
        invitee_ids=silent,
        template=MailTemplate.LAST_CALL,
        now=now,
        key="deadline",
    )


def _firm(session: Session, due: Due) -> Firm:
    return session.get_one(Firm, due.firm_id)
