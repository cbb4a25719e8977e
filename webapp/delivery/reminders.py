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
from webapp.models import Appointment, Contact, Firm, FirmSweep, MailMessage, MailSwitch, Poll, PollInvitee
from webapp.vocabulary import Answer, MailTemplate, PollStatus, Status

LOOK_BACK = timedelta(hours=2)
LIMIT = 500

SessionFactory = Callable[[], Session]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class House:
    """A firm that reminds or calls; a notice is how long ahead, None where it sends no such mail."""

    firm_id: int
    reminder: timedelta | None
    last_call: timedelta | None


@dataclass(frozen=True, slots=True)
class Due:
    """One appointment or poll of which people are to be told, ``notice`` ahead; ``key`` marks it as done."""

    firm_id: int
    number: int
    kind: str
    notice: timedelta
    deadline: datetime | None = None

    @property
    def key(self) -> str:
        """A deadline that was put off is another one to call for."""
        until = f":{int(self.deadline.timestamp())}" if self.deadline else ""
        return f"{self.kind}:{self.number}{until}"


def queue(session_factory: SessionFactory, *, settings: Settings, now: datetime) -> int:
    """Write every reminder and last call that is due, at most 500 of each kind and firm.

    Returns how many mails were written. One that cannot be written is logged and steps aside; the others are
    not held up. A firm whose last sweep did not believe the clock waits.
    """
    with session_factory() as session:
        houses = _houses(session)
        due = [one for house in houses for one in _all_due(session, house, now)]
        session.rollback()
        return sum(_attempt(session, one, settings, now) for one in due)


def _attempt(session: Session, due: Due, settings: Settings, now: datetime) -> int:
    writers = {"reminder": _remind, "last_call": _call, "poll_call": _call_poll}
    try:
        return transaction.run(session, lambda: writers[due.kind](session, due, settings, now))
    except Exception:
        log.exception("%s could not be written", due.key)
        return 0


def _houses(session: Session) -> list[House]:
    """The firms that send such mail at all. One statement."""
    no_reminder, no_call = (
        sa.exists().where(MailSwitch.firm_id == Firm.firm_id, MailSwitch.template == template)
        for template in (MailTemplate.REMINDER, MailTemplate.LAST_CALL)
    )
    doubted = sa.exists().where(
        FirmSweep.firm_id == Firm.firm_id,
        sa.or_(FirmSweep.believed_at.is_(None), FirmSweep.believed_at < FirmSweep.looked_at),
    )
    found = session.execute(
        sa.select(Firm.firm_id, Firm.reminder_hours, Firm.last_call_hours, no_reminder, no_call)
        .where(sa.or_(Firm.reminder_hours > 0, Firm.last_call_hours > 0), ~doubted)
        .order_by(Firm.firm_id)
    )
    return [
        House(firm_id, _notice(reminder, reminder_off), _notice(last_call, call_off))
        for firm_id, reminder, last_call, reminder_off, call_off in found
    ]


def _notice(hours: int, off: bool) -> timedelta | None:
    return timedelta(hours=hours) if hours and not off else None


def _all_due(session: Session, house: House, now: datetime) -> Iterator[Due]:
    """What is due at one firm: a statement for each kind of thing, all by index."""
    if house.reminder:
        for number, _start in session.execute(_reminders(house, house.reminder, now)):
            yield Due(house.firm_id, number, "reminder", house.reminder)
    if house.last_call:
        dialect = session.get_bind().dialect.name
        for number, deadline in session.execute(_last_calls(house, house.last_call, now, dialect)):
            yield Due(house.firm_id, number, "last_call", house.last_call, deadline)
        for number, deadline in session.execute(_polls(house, house.last_call, now)):
            yield Due(house.firm_id, number, "poll_call", house.last_call, deadline)


def _within(moment: Any, notice: timedelta, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Its notice began within the last hours, and it is still to come."""
    return moment > max(now, now - LOOK_BACK + notice), moment <= now + notice


def _unwritten(prefix: Any) -> sa.ColumnElement[bool]:
    """The appointment has no mail with such a key yet, to anybody."""
    return ~sa.exists().where(
        MailMessage.firm_id == Appointment.firm_id,
        MailMessage.appointment_id == Appointment.appointment_id,
        MailMessage.dedup_key.startswith(prefix),
    )


def _reachable() -> sa.ColumnElement[bool]:
    """Somebody to write to: a client with an e-mail address, or a poll's invitees."""
    invited = sa.exists().where(
        Poll.firm_id == Appointment.firm_id,
        Poll.appointment_id.in_([Appointment.appointment_id, Appointment.chain_root_id]),
    )
    return sa.or_(Contact.email != "", invited)


def _reminders(house: House, notice: timedelta, now: datetime) -> "sa.Select[int, datetime]":
    return (
        sa.select(Appointment.appointment_id, Appointment.start_time)
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .where(
            Appointment.firm_id == house.firm_id,
            Appointment.status == Status.CONFIRMED,
            *_within(Appointment.start_time, notice, now),
            _reachable(),
            _unwritten("reminder:"),
        )
        .order_by(Appointment.start_time)
        .limit(LIMIT)
    )


def _last_calls(house: House, notice: timedelta, now: datetime, dialect: str) -> "sa.Select[int, Any]":
    seconds: Any = Appointment.confirm_by
    if dialect == "postgresql":  # which rounds where SQLite cuts off
        seconds = sa.func.date_trunc("second", seconds)
    parts = (Appointment.appointment_id, sa.cast(sa.extract("epoch", seconds), sa.BigInteger))
    prefix: sa.ColumnElement[str] = sa.literal("last_call")
    for part in parts:
        prefix = prefix + ":" + sa.cast(part, sa.Text)
    return (
        sa.select(Appointment.appointment_id, Appointment.confirm_by)
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .where(
            Appointment.firm_id == house.firm_id,
            Appointment.status == Status.AWAITING_CONFIRMATION,
            *_within(Appointment.confirm_by, notice, now),
            _reachable(),
            _unwritten(prefix + ":"),
        )
        .order_by(Appointment.confirm_by)
        .limit(LIMIT)
    )


def _polls(house: House, notice: timedelta, now: datetime) -> "sa.Select[int, datetime]":
    return (
        sa.select(Poll.poll_id, Poll.deadline)
        .where(
            Poll.firm_id == house.firm_id,
            Poll.status == PollStatus.OPEN,
            *_within(Poll.deadline, notice, now),
        )
        .order_by(Poll.deadline)
        .limit(LIMIT)
    )


def _remind(session: Session, due: Due, settings: Settings, now: datetime) -> int:
    facts = appointment_mail.load(session, firm_id=due.firm_id, appointment_id=due.number)
    appointment = facts.appointment
    late = appointment.created_at > appointment.start_time - due.notice
    if appointment.status is not Status.CONFIRMED or late:
        return 0
    found = appointment_mail.recipients(session, facts, MailTemplate.REMINDER, settings=settings, now=now)
    people = [one for one in found if one.answer is not Answer.DECLINED]
    told = Notice(template=MailTemplate.REMINDER)
    return appointment_mail.write(session, facts, told, people, settings=settings, key=due.key, now=now)


def _call(session: Session, due: Due, settings: Settings, now: datetime) -> int:
    facts = appointment_mail.load(session, firm_id=due.firm_id, appointment_id=due.number)
    appointment = facts.appointment
    waits = appointment.status is Status.AWAITING_CONFIRMATION and appointment.confirm_by == due.deadline
    if not waits or appointment.created_at > (due.deadline or now) - due.notice:
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
    if poll.status is not PollStatus.OPEN or poll.created_at > poll.deadline - due.notice:
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
        key=f"deadline:{int(poll.deadline.timestamp())}",
    )
