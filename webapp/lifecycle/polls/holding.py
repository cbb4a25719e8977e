"""Holding one of the proposed times, holding another instead, confirming by hand, calling off, reminding."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import appointments, booking, clients, links
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.conflicts import local_of
from webapp.lifecycle.errors import Invalid, Missing, NotAllowed
from webapp.lifecycle.polls import base
from webapp.lifecycle.text import prose
from webapp.models import Appointment, Firm, Poll, PollInvitee, PollSlot
from webapp.vocabulary import CancelledBy, Permission, PollStatus


def default_confirm_by(start: datetime, *, confirm_hours: int, now: datetime) -> datetime:
    """The deadline for answers that staff are offered: the firm's hours from now, at the latest the start."""
    return min(now + timedelta(hours=confirm_hours), start)


def hold(
    session: Session,
    poll: Poll,
    *,
    poll_slot_id: int,
    actor: Actor,
    now: datetime,
    confirm_by: datetime | None = None,
    reason: str = "",
    expected_version: int | None = None,
) -> Appointment:
    """Hold a proposed time: the appointment is made and awaits everybody's answer until ``confirm_by``.

    A time that is held already is given up first: its appointment is cancelled with that reason. Everybody
    is asked afresh. ``confirm_by`` None: the firm's hours from now, at the latest the start.

    Raises:
        SlotTaken: the host has another appointment then; nothing has changed.
        Invalid: the time has passed, or ``confirm_by`` is not between now and the start.
    """
    base.require(actor, poll.firm_id, Permission.BOOK)
    base.check_version(session, poll, expected_version)
    base.require_status(poll, PollStatus.OPEN, PollStatus.HELD)
    slot = _slot(session, poll, poll_slot_id)
    why = prose(reason, booking.REASON_LENGTH, "reason") or f"Poll: {poll.title}"
    if poll.status is PollStatus.HELD:
        _release(session, poll, slot, actor=actor, now=now)
    if confirm_by is None:
        hours = session.get_one(Firm, poll.firm_id).confirm_hours
        confirm_by = default_confirm_by(slot.start_time, confirm_hours=hours, now=now)
    invitees = base.invitees_of(session, poll)
    contact_id = _lead_contact(session, poll, invitees, actor=actor, now=now)
    appointment = booking.propose(
        session,
        actor=actor,
        draft=booking.Draft(
            appointment_type_id=poll.appointment_type_id,
            staff_user_id=poll.staff_user_id,
            contact_id=contact_id,
            account_id=None if contact_id else poll.account_id,
            start_time=slot.start_time,
            end_time=slot.end_time,
            location=poll.location,
            notes=poll.notes,
            reason=why,
            confirm_by=confirm_by,
        ),
        now=now,
    )
    _forget_answers(session, poll)
    base.write(
        session,
        poll,
        status=PollStatus.HELD,
        status_reason=None,
        appointment_id=appointment.appointment_id,
        reminded_at=None,
    )
    changed = {"slot": [None, slot.start_time.isoformat()], "reason": [None, why]}
    base.note(session, poll, actor=actor, action="held", now=now, changed=changed)
    return appointment


def confirm(
    session: Session, poll: Poll, *, actor: Actor, now: datetime, expected_version: int | None = None
) -> Appointment:
    """Confirm the held time by hand, whatever the invitees have answered. Returns its appointment."""
    base.require(actor, poll.firm_id)
    base.check_version(session, poll, expected_version)
    base.require_status(poll, PollStatus.HELD)
    appointment = base.held(session, poll)
    appointments.confirm(session, appointment, actor=actor, now=now)
    return appointment


def cancel(
    session: Session,
    poll: Poll,
    *,
    actor: Actor,
    reason: str,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    """Call the poll off, with a reason; a held time is given up with the same reason."""
    base.require(actor, poll.firm_id)
    base.check_version(session, poll, expected_version)
    base.require_status(poll, PollStatus.OPEN, PollStatus.HELD)
    why = prose(reason, booking.REASON_LENGTH, "reason")
    if not why:
        raise Invalid("Give a reason for calling the poll off; the history keeps it.", field="reason")
    if poll.status is PollStatus.HELD:
        appointment = base.held(session, poll)
        appointments.cancel(
            session, appointment, actor=actor, reason=why, cancelled_by=CancelledBy.STAFF, now=now
        )
        return
    base.write(session, poll, status=PollStatus.CANCELLED, status_reason=why)
    base.note(session, poll, actor=actor, action="cancelled", now=now, changed={"reason": [None, why]})


def remind(
    session: Session, poll: Poll, *, actor: Actor, now: datetime, poll_invitee_id: int | None = None
) -> list[PollInvitee]:
    """Who is to be reminded: those whose vote, or answer to the held time, is missing; perhaps one of them.

    The poll keeps when that was. Mail is the caller's to queue, in the same transaction.

    Raises:
        NotAllowed: voting has closed, everybody has replied, or they were reminded a short time ago.
    """
    base.require(actor, poll.firm_id)
    base.require_status(poll, PollStatus.OPEN, PollStatus.HELD)
    if poll.status is PollStatus.OPEN and poll.deadline <= now:
        raise NotAllowed("Voting has closed, so nobody is reminded. Hold one of the times instead.")
    _require_rest(session, poll, now)
    asked = poll.status is PollStatus.HELD
    silent = [
        invitee
        for invitee in base.invitees_of(session, poll)
        if (invitee.answer is None if asked else invitee.voted_at is None)
        and poll_invitee_id in (None, invitee.poll_invitee_id)
    ]
    if not silent:
        raise NotAllowed("Everybody has replied, so nobody was reminded.")
    poll.reminded_at = now
    names = ", ".join(invitee.name for invitee in silent)
    base.note(session, poll, actor=actor, action="reminded", now=now, changed={"invitees": [None, names]})
    return silent


def personal_links(
    session: Session, poll: Poll, *, actor: Actor, secret: str, now: datetime
) -> list[tuple[PollInvitee, str]]:
    """Every invitee with the token of their link; links that there are stay, missing ones are made."""
    base.require(actor, poll.firm_id)
    until = base.links_until(base.slots_of(session, poll))
    return [
        (
            invitee,
            links.issue(
                session,
                secret=secret,
                firm_id=poll.firm_id,
                expires_at=until,
                now=now,
                poll_invitee_id=invitee.poll_invitee_id,
            ),
        )
        for invitee in base.invitees_of(session, poll)
    ]


def revoke_link(session: Session, poll: Poll, *, poll_invitee_id: int, actor: Actor, now: datetime) -> str:
    """Close an invitee's link; a reminder or a look at the links makes a new one. Returns their name."""
    base.require(actor, poll.firm_id)
    invitee = session.scalars(
        sa.select(PollInvitee).where(
            PollInvitee.firm_id == poll.firm_id,
            PollInvitee.poll_id == poll.poll_id,
            PollInvitee.poll_invitee_id == poll_invitee_id,
        )
    ).one_or_none()
    if invitee is None:
        raise Missing("There is no such invitee.")
    if links.revoke(session, firm_id=poll.firm_id, now=now, poll_invitee_id=poll_invitee_id):
        changed = {"invitee": [None, invitee.name]}
        base.note(session, poll, actor=actor, action="revoked", now=now, changed=changed)
    return invitee.name


def _require_rest(session: Session, poll: Poll, now: datetime) -> None:
    """Refuse a second reminder within a few hours of the first: two people may think of it."""
    if poll.reminded_at is None or now >= poll.reminded_at + base.REMINDERS_APART:
        return
    local = local_of(session, poll.firm_id)
    again = local.relative(poll.reminded_at + base.REMINDERS_APART, now)
    raise NotAllowed(
        f"They were reminded {local.relative(poll.reminded_at, now)}, so no mail was sent. "
        f"They can be reminded again from {again}."
    )


def _slot(session: Session, poll: Poll, poll_slot_id: int) -> PollSlot:
    for slot in base.slots_of(session, poll):
        if slot.poll_slot_id == poll_slot_id:
            return slot
    raise Missing("There is no such time in this poll.")


def _release(session: Session, poll: Poll, slot: PollSlot, *, actor: Actor, now: datetime) -> None:
    """Give the held time up. The poll lets go first, so that it does not follow the cancellation."""
    appointment = base.held(session, poll)
    if appointment.start_time == slot.start_time:
        raise NotAllowed("That time is held already.")
    base.write(session, poll, status=PollStatus.OPEN, appointment_id=None)
    when = local_of(session, poll.firm_id).full_day_time(slot.start_time)
    appointments.cancel(
        session,
        appointment,
        actor=actor,
        reason=f"Another time was chosen: {when}",
        cancelled_by=CancelledBy.STAFF,
        now=now,
    )
    released = {"slot": [appointment.start_time.isoformat(), None]}
    base.note(session, poll, actor=actor, action="released", now=now, changed=released)


def _lead_contact(
    session: Session, poll: Poll, invitees: list[PollInvitee], *, actor: Actor, now: datetime
) -> int | None:
    """With whom the appointment is: the first required invitee whom the firm knows, or gets to know now.

    An account without a known person is enough.
    """
    required = [invitee for invitee in invitees if invitee.required]
    known = next((invitee.contact_id for invitee in required if invitee.contact_id), None)
    if known is not None or poll.account_id is not None:
        return known
    lead = required[0]
    facts = clients.ContactFacts(name=lead.name, email=lead.email, timezone=lead.timezone)
    lead.contact_id = clients.create_contact(session, actor=actor, facts=facts, now=now).contact_id
    return lead.contact_id


def _forget_answers(session: Session, poll: Poll) -> None:
    session.execute(
        sa.update(PollInvitee)
        .where(PollInvitee.firm_id == poll.firm_id, PollInvitee.poll_id == poll.poll_id)
        .values(answer=None, answered_at=None)
        .execution_options(synchronize_session="fetch")
    )
