"""The outbox: mail that was written, the newest first, and the kinds that are switched off."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.errors import Missing
from webapp.models import Appointment, Contact, Firm, MailMessage, MailSwitch, Poll
from webapp.queries import snapshots
from webapp.queries.paging import PAGE, Page, newest_first
from webapp.queries.snapshots import Counted
from webapp.vocabulary import MailState, MailTemplate

MOST = 500  # of one appointment: a poll's thirty invitees, told a dozen times


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail in the list. ``due_at`` is when it is tried next, while it waits."""

    mail_message_id: int
    template: MailTemplate
    state: MailState
    recipient_name: str
    recipient: str
    subject: str
    attempts: int
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Mail(MailRow):
    """A mail with all that is in it."""

    appointment_id: int | None
    poll_id: int | None
    text_body: str
    html_body: str
    calendar: str | None
    calendar_method: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list is narrowed to; ``q`` is part of a name or an address."""

    state: MailState | None = None
    template: MailTemplate | None = None
    q: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who would get a mail about an appointment: its client, or everybody invited to its ``poll``.

    ``name`` is the client's, empty where nobody is named; ``switched_off`` is the firm's word on this kind.
    """

    name: str
    email: str
    poll: bool
    switched_off: bool


_ROW: tuple[Any, ...] = (
    MailMessage.mail_message_id,
    MailMessage.template,
    MailMessage.state,
    MailMessage.recipient_name,
    MailMessage.recipient,
    MailMessage.subject,
    MailMessage.attempts,
    MailMessage.created_at,
    MailMessage.due_at,
    MailMessage.sent_at,
    MailMessage.last_error,
)
_REST: tuple[Any, ...] = (
    MailMessage.appointment_id,
    MailMessage.poll_id,
    MailMessage.text_body,
    MailMessage.html_body,
    MailMessage.calendar,
    MailMessage.calendar_method,
)


def outbox(
    session: Session,
    *,
    firm_id: int,
    wanted: Wanted,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE,
) -> Page[MailRow]:
    """The firm's mail, the newest first. One statement.

    Args:
        before, after: the mail next to which the page lies in the list as shown, newer before older.
    """
    number = MailMessage.mail_message_id
    query = _narrowed(sa.select(*_ROW).where(MailMessage.firm_id == firm_id), wanted)
    return newest_first(session, query, number, MailRow, before=before, after=after, limit=limit)


def every(engine: sa.Engine, *, firm_id: int, wanted: Wanted) -> Counted[MailRow]:
    """All of that, counted, then fetched while it is read. Two statements."""
    query = _narrowed(sa.select(*_ROW).where(MailMessage.firm_id == firm_id), wanted)
    return snapshots.every(engine, query.order_by(MailMessage.mail_message_id.desc()), MailRow)


def _narrowed(query: sa.Select[*tuple[Any, ...]], wanted: Wanted) -> sa.Select[*tuple[Any, ...]]:
    if wanted.state is not None:
        query = query.where(MailMessage.state == wanted.state)
    if wanted.template is not None:
        query = query.where(MailMessage.template == wanted.template)
    if wanted.q:
        query = query.where(
            sa.or_(
                MailMessage.recipient.icontains(wanted.q, autoescape=True),
                MailMessage.recipient_name.icontains(wanted.q, autoescape=True),
            )
        )
    return query


def get(session: Session, *, firm_id: int, mail_message_id: int) -> Mail:
    """One mail of the firm (Missing otherwise). One statement."""
    row = session.execute(
        sa.select(*_ROW, *_REST).where(
            MailMessage.firm_id == firm_id, MailMessage.mail_message_id == mail_message_id
        )
    ).one_or_none()
    if row is None:
        raise Missing("There is no such mail.")
    return Mail(*row)


def reader(session: Session, *, firm_id: int, appointment_id: int, template: MailTemplate) -> Reader:
    """Who would get a mail of this kind about the appointment. One statement.

    Raises:
        Missing: the firm has no such appointment.
    """
    asked = sa.exists().where(
        Poll.firm_id == Appointment.firm_id,
        Poll.appointment_id.in_([Appointment.appointment_id, Appointment.chain_root_id]),
    )
    off = sa.exists().where(MailSwitch.firm_id == firm_id, MailSwitch.template == template)
    row = session.execute(
        sa.select(Contact.name, Contact.email, asked, off)
        .select_from(Appointment)
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .where(Appointment.firm_id == firm_id, Appointment.appointment_id == appointment_id)
    ).one_or_none()
    if row is None:
        raise Missing("There is no such appointment.")
    name, email, poll, switched = row
    return Reader(name or "", email or "", bool(poll), bool(switched))


def about(session: Session, *, firm_id: int, appointment_id: int) -> list[MailRow]:
    """The mail about an appointment and its chain, the newest first, at most 500. One statement."""
    found = session.execute(
        sa.select(*_ROW)
        .where(MailMessage.firm_id == firm_id, MailMessage.appointment_id.in_(chain(firm_id, appointment_id)))
        .order_by(MailMessage.mail_message_id.desc())
        .limit(MOST)
    )
    return [MailRow(*row) for row in found]


def chain(firm_id: int, appointment_id: int) -> sa.CompoundSelect[int]:
    """The numbers of an appointment and of all that it was moved from and to, each part by key."""
    numbers = sa.select(Appointment.appointment_id).where(Appointment.firm_id == firm_id)
    root = (
        sa.select(sa.func.coalesce(Appointment.chain_root_id, Appointment.appointment_id))
        .where(Appointment.firm_id == firm_id, Appointment.appointment_id == appointment_id)
        .scalar_subquery()
    )
    return sa.union_all(
        numbers.where(Appointment.appointment_id == root), numbers.where(Appointment.chain_root_id == root)
    )


def switched_off(session: Session, *, firm_id: int) -> frozenset[MailTemplate]:
    """The kinds of mail that the firm does not want written. One statement."""
    return frozenset(session.scalars(sa.select(MailSwitch.template).where(MailSwitch.firm_id == firm_id)))


def hours_before(session: Session, *, firm_id: int) -> dict[MailTemplate, int]:
    """How many hours ahead reminders and last calls go out; 0 is never. One statement."""
    row = session.execute(
        sa.select(Firm.reminder_hours, Firm.last_call_hours).where(Firm.firm_id == firm_id)
    ).one()
    return {MailTemplate.REMINDER: row.reminder_hours, MailTemplate.LAST_CALL: row.last_call_hours}
