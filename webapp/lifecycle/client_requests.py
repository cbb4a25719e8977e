"""What a client does with an appointment by a personal link: accept, decline, cancel, move. Nothing commits.

A link belongs to one booking and leads on to whatever that was moved to. The firm's limits bind; each
function raises what the staff's own steps raise.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import appointments, audit, limits, links, slots
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.appointments import NewSlot
from webapp.lifecycle.errors import Invalid, LimitReached, NotAllowed, SlotTaken
from webapp.localtime import Local
from webapp.models import Appointment, AppointmentType, Firm, PersonalLink, Poll
from webapp.vocabulary import Action, CancelledBy, Override, PollStatus, Status

KEEP_LINK = timedelta(days=30)
"""A link works so long after the end of the meeting."""
SUBJECT = "client_link"

TOO_LATE = "The time to answer has passed. Ask the firm for another appointment."


@dataclass(frozen=True, slots=True)
class Options:
    """What a client may do now. ``cancel_bound`` and ``move_bound`` say which limit stands in the way."""

    answer: bool = False
    cancel: bool = False
    move: bool = False
    cancel_bound: str = ""
    move_bound: str = ""
    cancel_until: datetime | None = None
    move_until: datetime | None = None
    moves_left: int | None = None


def options(session: Session, appointment: Appointment, *, now: datetime) -> Options:
    """What the client may do with it now, by the same rules that decide when they do."""
    if appointment.status is Status.AWAITING_CONFIRMATION:
        return Options(answer=_can_answer(session, appointment, now))
    if appointment.status is not Status.CONFIRMED or appointment.start_time <= now:
        return Options()
    firm, kind = _policy(session, appointment)
    moving = _bound_when_moving(session, appointment, now)
    cancelling = _bound_when_cancelling(session, appointment, now)
    limit = _own(firm.reschedule_limit, kind.reschedule_limit)
    return Options(
        cancel=not cancelling,
        move=not moving,
        cancel_bound=cancelling,
        move_bound=moving,
        cancel_until=_until(appointment, _own(firm.cancel_notice, kind.cancel_notice)),
        move_until=_until(appointment, _own(firm.reschedule_notice, kind.reschedule_notice)),
        moves_left=None if limit is None else max(0, limit - (appointment.chain_position - 1)),
    )


def accept(
    session: Session, appointment: Appointment, *, now: datetime, expected_version: int | None = None
) -> None:
    """awaiting_confirmation → confirmed: the client has accepted, so the system confirms and says why."""
    if appointment.status is Status.AWAITING_CONFIRMATION and not _can_answer(session, appointment, now):
        raise NotAllowed(TOO_LATE)
    appointments.confirm(
        session,
        appointment,
        actor=Actor.system(appointment.firm_id),
        reason=f"Accepted by {appointment.client_name}",
        now=now,
        expected_version=expected_version,
    )


def call_off(
    session: Session,
    appointment: Appointment,
    *,
    reason: str,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    """Cancel, or decline what was proposed, with a reason; recorded as by the client."""
    if appointment.status is Status.AWAITING_CONFIRMATION and not _can_answer(session, appointment, now):
        raise NotAllowed(TOO_LATE)
    appointments.cancel(
        session,
        appointment,
        actor=client(appointment),
        reason=reason,
        cancelled_by=CancelledBy.CLIENT,
        now=now,
        expected_version=expected_version,
    )


def move(
    session: Session,
    appointment: Appointment,
    *,
    link: PersonalLink,
    start: datetime,
    reason: str,
    now: datetime,
    expected_version: int | None = None,
) -> Appointment:
    """Move it to one of the free starts that the firm offers, with the same member of staff.

    The link goes on to work for the new time.

    Raises:
        SlotTaken: somebody was first.
        Invalid: the firm does not offer that time.
    """
    length = appointment.end_time - appointment.start_time
    slots.lock_staff(session, [appointment.staff_user_id])
    appointments.check(session, appointment, Action.RESCHEDULE, client(appointment), now, expected_version)
    limits.for_rescheduling(session, appointment, actor=client(appointment), reason=reason, now=now)
    _require_offered(session, appointment, start, start + length, now)
    successor = appointments.reschedule(
        session,
        appointment,
        actor=client(appointment),
        slot=NewSlot(start_time=start, end_time=start + length),
        reason=reason,
        now=now,
        expected_version=expected_version,
    )
    link.expires_at = max(link.expires_at, successor.end_time + KEEP_LINK)
    session.flush()
    return successor


def client(appointment: Appointment) -> Actor:
    """The appointment's client as an actor."""
    return Actor.of_client(appointment.firm_id, appointment.client_name)


def offered(
    session: Session, appointment: Appointment, *, firm: Firm, low: datetime, days: int, now: datetime
) -> list[datetime]:
    """Free starts of the same length with the same member of staff, on so many of the firm's days."""
    minutes = int((appointment.end_time - appointment.start_time) / timedelta(minutes=1))
    found = slots.offers(
        session,
        firm=firm,
        staff_user_id=appointment.staff_user_id,
        first=Local.named(firm.timezone).day_of(low),
        days=days,
        minutes=minutes,
        now=now,
        ignore=appointment.appointment_id,
    )
    return [start for offer in found for start in offer.starts if start != appointment.start_time]


def link_helps(appointment: Appointment, now: datetime) -> bool:
    """Whether a link would still lead to anything that is to come: what is over needs none."""
    return appointment.status.is_live and now < appointment.end_time


def link_for(
    session: Session, appointment: Appointment, *, secret: str, actor: Actor, now: datetime
) -> tuple[str, datetime]:
    """The token of the booking's link, made if there is none, and when it stops working; written down.

    Raises:
        Invalid: the firm's clients have no links, or the appointment is over.
    """
    firm, _kind = _policy(session, appointment)
    until = appointment.end_time + KEEP_LINK
    if not firm.client_links:
        raise Invalid("Personal links for clients are switched off in the firm’s settings.")
    if not link_helps(appointment, now):
        raise Invalid("The appointment is over; there is nothing that a link would let the client do.")
    token = links.issue(
        session,
        secret=secret,
        firm_id=appointment.firm_id,
        appointment_id=appointment.appointment_id,
        contact_id=appointment.contact_id,
        expires_at=until,
        now=now,
    )
    _note(session, appointment, actor, "shown", now)
    return token, until


def revoke_links(session: Session, appointment: Appointment, *, actor: Actor, now: datetime) -> int:
    """Close every link that leads to this booking, also those of what it was moved from; returns how many."""
    root = appointment.chain_root_id or appointment.appointment_id
    chain = sa.select(Appointment.appointment_id).where(
        Appointment.firm_id == appointment.firm_id,
        sa.or_(Appointment.appointment_id == root, Appointment.chain_root_id == root),
    )
    closed = sum(
        links.revoke(session, firm_id=appointment.firm_id, now=now, appointment_id=appointment_id)
        for appointment_id in session.scalars(chain).all()
    )
    if closed:
        _note(session, appointment, actor, "revoked", now)
    return closed


def _note(session: Session, appointment: Appointment, actor: Actor, action: str, now: datetime) -> None:
    audit.note(
        session,
        actor=actor,
        subject=SUBJECT,
        subject_id=appointment.appointment_id,
        action=action,
        changed={},
        now=now,
    )


def _can_answer(session: Session, appointment: Appointment, now: datetime) -> bool:
    """Whether the client alone answers, and still may: a poll's invitees answer by their own links."""
    deadline = min(appointment.confirm_by or appointment.start_time, appointment.start_time)
    if now >= deadline:
        return False
    held = sa.select(Poll.poll_id).where(
        Poll.firm_id == appointment.firm_id,
        Poll.appointment_id == appointment.appointment_id,
        Poll.status == PollStatus.HELD,
    )
    return session.scalar(held.limit(1)) is None


def _require_offered(
    session: Session, appointment: Appointment, start: datetime, end: datetime, now: datetime
) -> None:
    firm, _kind = _policy(session, appointment)
    if start in offered(session, appointment, firm=firm, low=start, days=1, now=now):
        return
    free = slots.is_free(
        session,
        firm_id=appointment.firm_id,
        staff_user_id=appointment.staff_user_id,
        start=start,
        end=end,
        ignore=appointment.appointment_id,
    )
    if not free:
        raise SlotTaken("That time was taken a moment ago. Choose another time.", field="start")
    raise Invalid("Choose one of the free times on this page.", field="start")


def _bound_when_moving(session: Session, appointment: Appointment, now: datetime) -> str:
    passed = limits.passed_when_rescheduling(session, appointment, now)
    if passed:
        return limits.explain(session, appointment, passed[0])
    person = appointment.staff_user
    return "" if person.active and person.bookable else f"{person.name} offers no times to choose from."


def _bound_when_cancelling(session: Session, appointment: Appointment, now: datetime) -> str:
    try:
        limits.for_cancelling(session, appointment, actor=client(appointment), now=now)
    except LimitReached:
        return limits.explain(session, appointment, Override.CANCEL_NOTICE)
    return ""


def _policy(session: Session, appointment: Appointment) -> tuple[Firm, AppointmentType]:
    return (
        session.get_one(Firm, appointment.firm_id),
        session.get_one(AppointmentType, appointment.appointment_type_id),
    )


def _own(of_firm: int | None, of_type: int | None) -> int | None:
    """The type goes before the firm."""
    return of_firm if of_type is None else of_type


def _until(appointment: Appointment, notice: int | None) -> datetime | None:
    return appointment.start_time - timedelta(minutes=notice) if notice else None
