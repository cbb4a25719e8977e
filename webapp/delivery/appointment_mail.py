"""Mail about one appointment: its facts, the people it goes to, and the words for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from webapp.config import Settings
from webapp.delivery import calendars, cleaning, letters, polls_mail
from webapp.delivery.calendars import Meeting
from webapp.delivery.letters import House, Recipient
from webapp.delivery.placeholders import placeholder
from webapp.delivery.rendering import Words
from webapp.lifecycle import links
from webapp.models import (
    Appointment,
    AppointmentStatusHistory,
    AppointmentType,
    Contact,
    Firm,
    MailMessage,
    Poll,
    PollInvitee,
    StaffUser,
)
from webapp.vocabulary import Answer, MailTemplate, Status

KEEP_LINK = timedelta(days=30)
LINKED = frozenset(MailTemplate) - {MailTemplate.DECLINED, MailTemplate.CANCELLED}
Before = aliased(Appointment, name="before")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One appointment as its mail needs it; the times of an appointment never change."""

    house: House
    appointment: Appointment
    type_name: str
    staff_name: str
    contact: Contact | None
    before: Appointment | None
    poll: Poll | None

    @property
    def chain_id(self) -> int:
        return self.appointment.chain_root_id or self.appointment.appointment_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is to be told. ``status`` is what the calendar shows from then on; None sends no calendar.

    ``sequence`` is the number of the history row told of; see :func:`revision`.
    """

    template: MailTemplate
    why: str = ""
    reason: str = ""
    status: Status | None = None
    sequence: int = 1


def load(session: Session, *, firm_id: int, appointment_id: int) -> Facts:
    """Two statements, three where the appointment came from no poll that holds it now."""
    row = session.execute(
        sa.select(Appointment, AppointmentType.name, StaffUser.name, Contact, Before, Firm)
        .join(AppointmentType, AppointmentType.appointment_type_id == Appointment.appointment_type_id)
        .join(StaffUser, StaffUser.staff_user_id == Appointment.staff_user_id)
        .join(Firm, Firm.firm_id == Appointment.firm_id)
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .outerjoin(Before, Before.appointment_id == Appointment.rescheduled_from_id)
        .where(Appointment.firm_id == firm_id, Appointment.appointment_id == appointment_id)
    ).one()
    appointment, type_name, staff_name, contact, before, firm = row
    return Facts(
        house=House.of(firm),
        appointment=appointment,
        type_name=cleaning.line(type_name),
        staff_name=cleaning.line(staff_name),
        contact=contact,
        before=before,
        poll=_poll_of(session, appointment),
    )


def _poll_of(session: Session, appointment: Appointment) -> Poll | None:
    """The poll whose slot this is, or was before it went on to another; earlier mail tells."""
    chain = {appointment.appointment_id, appointment.chain_root_id or appointment.appointment_id}
    firm_id = appointment.firm_id
    found = session.scalars(
        sa.select(Poll).where(Poll.firm_id == firm_id, Poll.appointment_id.in_(chain)).limit(1)
    ).one_or_none()
    if found is not None:
        return found
    told = session.scalar(
        sa.select(MailMessage.poll_id)
        .where(
            MailMessage.firm_id == firm_id,
            MailMessage.appointment_id.in_(chain),
            MailMessage.poll_id.is_not(None),
        )
        .limit(1)
    )
    return session.get(Poll, told) if told else None


def recipients(
    session: Session, facts: Facts, template: MailTemplate, *, settings: Settings, now: datetime
) -> list[Recipient]:
    """The poll's invitees, or the contact where it has an e-mail address."""
    if facts.poll is not None:
        return invitees(session, facts.poll, settings=settings, now=now)
    contact = facts.contact
    if contact is None or not contact.email:
        return []
    link = ""
    if facts.house.client_links and template in LINKED:
        open_link = links.standing(
            session,
            secret=settings.secret_key,
            firm_id=facts.house.firm_id,
            appointment_id=facts.appointment.appointment_id,
            contact_id=contact.contact_id,
            expires_at=facts.appointment.end_time + KEEP_LINK,
            now=now,
        )
        link = f"{settings.base_url}/c/{placeholder(open_link)}" if open_link else ""
    return [
        Recipient(name=cleaning.line(contact.name), email=contact.email, timezone=contact.timezone, link=link)
    ]


def invitees(
    session: Session,
    poll: Poll,
    *,
    settings: Settings,
    now: datetime,
    silent: bool = False,
    anew: bool = False,
) -> list[Recipient]:
    """Everybody invited; with ``silent`` only those who have not answered to the slot that is held.

    Where somebody asks for it, a link that was revoked is made ``anew``.
    """
    query = sa.select(PollInvitee).where(
        PollInvitee.firm_id == poll.firm_id, PollInvitee.poll_id == poll.poll_id
    )
    if silent:
        query = query.where(PollInvitee.answer.is_(None))
    found = session.scalars(query.order_by(PollInvitee.poll_invitee_id))
    slots = polls_mail.slots_of(session, poll)
    return [
        polls_mail.recipient_of(session, poll, invitee, slots, settings=settings, now=now, anew=anew)
        for invitee in found.all()
    ]


def words(facts: Facts, notice: Notice, recipient: Recipient) -> Words:
    """The facts of the appointment on the recipient's clock."""
    appointment, local = facts.appointment, recipient.local(facts.house)
    moved = notice.template is MailTemplate.MOVED and facts.before is not None
    asks = notice.template in {MailTemplate.PROPOSED, MailTemplate.LAST_CALL}
    when = letters.times(facts.house, recipient, appointment.start_time, appointment.end_time)
    deadline = appointment.confirm_by if asks else None
    return Words(
        firm=facts.house.name,
        name=recipient.name,
        what=cleaning.line(facts.poll.title) if facts.poll else facts.type_name,
        staff=facts.staff_name,
        place=cleaning.line(appointment.location),
        old=letters.interval(local, facts.before.start_time, facts.before.end_time)
        if moved and facts.before
        else "",
        reason=cleaning.prose(notice.reason),
        deadline=local.full_day_time(deadline) if deadline else "",
        deadline_zone=local.zone_label(deadline) if deadline else "",
        link=recipient.link if notice.template in LINKED else "",
        why=notice.why,
        poll=facts.poll is not None,
        short=when.short,
        when=when.when,
        zone=when.zone,
        elsewhere=when.elsewhere,
    )


def revision(session: Session, facts: Facts, sequence: int) -> int:
    """The calendar's SEQUENCE: how many changes the whole chain had seen before this one. It only rises."""
    appointment = facts.appointment
    if appointment.chain_root_id is None:
        return sequence - 1
    root = appointment.chain_root_id
    earlier = session.scalar(
        sa.select(sa.func.count())
        .select_from(AppointmentStatusHistory)
        .join(Appointment, Appointment.appointment_id == AppointmentStatusHistory.appointment_id)
        .where(
            Appointment.firm_id == appointment.firm_id,
            sa.or_(Appointment.appointment_id == root, Appointment.chain_root_id == root),
            Appointment.chain_position < appointment.chain_position,
        )
    )
    return (earlier or 0) + sequence - 1


def calendar(
    facts: Facts,
    notice: Notice,
    recipient: Recipient,
    said: Words,
    *,
    number: int,
    settings: Settings,
    now: datetime,
) -> tuple[str, str] | None:
    """The calendar file and its method, or None where the notice has none."""
    if notice.status is None:
        return None
    meeting = Meeting(
        chain_id=facts.chain_id,
        sequence=number,
        start_time=facts.appointment.start_time,
        end_time=facts.appointment.end_time,
        summary=f"{said.what}, {facts.house.name}",
        place=said.place,
        description=f"With {said.staff}" + (f"\n{said.link}" if said.link else ""),
        firm=facts.house.name,
        attendee=recipient.email,
        attendee_name=recipient.name,
        answer=_answer(recipient, notice.status),
    )
    return calendars.build(
        meeting, status=notice.status, host=letters.host(settings), organizer=settings.mail_from, stamp=now
    )


def _answer(recipient: Recipient, status: Status) -> Answer | None:
    """An invitee's own answer; a client has accepted whatever does not await their confirmation."""
    if recipient.poll_invitee_id or status is Status.AWAITING_CONFIRMATION:
        return recipient.answer
    return Answer.ACCEPTED


def write(
    session: Session,
    facts: Facts,
    notice: Notice,
    people: Iterable[Recipient],
    *,
    settings: Settings,
    key: str,
    now: datetime,
    problem: str = "",
) -> int:
    """One mail to each of these people, in the caller's transaction; returns how many are new.

    With a ``problem`` it is written down as not sent, and why. A kind that the firm has switched off is not
    written.
    """
    if letters.is_off(session, facts.house.firm_id, notice.template):
        return 0
    number = revision(session, facts, notice.sequence) if notice.status else 0
    count = 0
    for recipient in people:
        said = words(facts, notice, recipient)
        count += letters.write(
            session,
            settings=settings,
            house=facts.house,
            recipient=recipient,
            template=notice.template,
            words=said,
            dedup_key=f"{key}:{recipient.key}",
            appointment_id=facts.appointment.appointment_id,
            poll_id=facts.poll.poll_id if facts.poll else None,
            calendar=calendar(facts, notice, recipient, said, number=number, settings=settings, now=now),
            now=now,
            problem=problem,
        )
    return count
