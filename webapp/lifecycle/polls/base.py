"""What the steps of a poll share: loading it under a lock, the guarded write, the log, and its sentences."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from webapp.lifecycle import audit
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.conflicts import local_of
from webapp.lifecycle.errors import Forbidden, Missing, NotAllowed, Stale
from webapp.models import Appointment, AuditEvent, Poll, PollInvitee, PollSlot
from webapp.vocabulary import Permission, PollStatus

MOST_SLOTS = 20
MOST_INVITEES = 30
REMINDERS_APART = timedelta(hours=4)
"""Nobody is reminded again before that."""
LINKS_OUTLIVE = timedelta(days=30)
"""A personal link opens the outcome for so long after the last proposed time."""

STANDS = {
    PollStatus.OPEN: "It is open for votes.",
    PollStatus.HELD: "A time is held; the invitees are asked to confirm it.",
    PollStatus.CONFIRMED: "It is confirmed.",
    PollStatus.CANCELLED: "It was called off.",
    PollStatus.TIMED_OUT: "It ran out of time.",
}
DID = {
    "created": "made it",
    "edited": "changed it",
    "held": "held a time",
    "released": "gave the held time up",
    "confirmed": "confirmed it",
    "cancelled": "called it off",
    "timed_out": "let it run out of time",
    "declined": "declined the held time",
    "accepted": "accepted the held time",
    "reminded": "reminded the invitees",
    "revoked": "revoked a link",
}


def get(session: Session, *, firm_id: int, poll_id: int, lock: bool = True) -> Poll:
    """The firm's poll, fresh; ``lock`` makes whoever else changes it wait (Missing otherwise).

    What it holds is locked before it, in the order in which a decision about the appointment takes the two.
    """
    wanted = sa.select(Poll).where(Poll.firm_id == firm_id, Poll.poll_id == poll_id)
    if lock:
        _lock_held(session, firm_id, poll_id)
        wanted = wanted.with_for_update()
    found = session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise Missing("There is no such poll.")
    return found


def _lock_held(session: Session, firm_id: int, poll_id: int) -> None:
    holds = sa.select(Poll.appointment_id).where(Poll.firm_id == firm_id, Poll.poll_id == poll_id)
    session.execute(
        sa.select(Appointment.appointment_id)
        .where(Appointment.firm_id == firm_id, Appointment.appointment_id == holds.scalar_subquery())
        .with_for_update(key_share=True)
    )


def slots_of(session: Session, poll: Poll) -> list[PollSlot]:
    """The proposed times, in order."""
    return list(
        session.scalars(
            sa.select(PollSlot)
            .where(PollSlot.firm_id == poll.firm_id, PollSlot.poll_id == poll.poll_id)
            .order_by(PollSlot.start_time)
        )
    )


def invitees_of(session: Session, poll: Poll) -> list[PollInvitee]:
    """Everybody asked, in the order in which they were added, fresh."""
    return list(
        session.scalars(
            sa.select(PollInvitee)
            .where(PollInvitee.firm_id == poll.firm_id, PollInvitee.poll_id == poll.poll_id)
            .order_by(PollInvitee.poll_invitee_id)
            .execution_options(populate_existing=True)
        )
    )


def held(session: Session, poll: Poll) -> Appointment:
    """The appointment that the poll holds."""
    return session.scalars(
        sa.select(Appointment)
        .where(Appointment.firm_id == poll.firm_id, Appointment.appointment_id == poll.appointment_id)
        .execution_options(populate_existing=True)
    ).one()


def write(session: Session, poll: Poll, *, expected_version: int | None = None, **values: Any) -> None:
    """Change the poll if it is still as the actor saw it; its version goes up by one (Stale otherwise)."""
    seen = poll.version if expected_version is None else expected_version
    values["version"] = seen + 1
    written = session.execute(
        sa.update(Poll)
        .where(Poll.firm_id == poll.firm_id, Poll.poll_id == poll.poll_id, Poll.version == seen)
        .values(**values)
        .returning(Poll.poll_id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if written is None:
        raise stale(session, poll)
    for column, value in values.items():
        set_committed_value(poll, column, value)


def stale(session: Session, poll: Poll) -> Stale:
    """Somebody was first; says who, when, and how it stands."""
    session.refresh(poll)
    last = session.scalars(
        sa.select(AuditEvent)
        .where(
            AuditEvent.firm_id == poll.firm_id,
            AuditEvent.subject == "poll",
            AuditEvent.subject_id == poll.poll_id,
        )
        .order_by(AuditEvent.audit_event_id.desc())
        .limit(1)
    ).one()
    who = last.actor_label[:1].upper() + last.actor_label[1:]
    when = local_of(session, poll.firm_id).day_time(last.changed_at)
    did = DID.get(last.action, "changed it")
    return Stale(f"{who} {did} after this page was made, {when}. {STANDS[poll.status]}")


def check_version(session: Session, poll: Poll, expected_version: int | None) -> None:
    """Refuse what was decided on an older state of the poll (Stale)."""
    if expected_version is not None and expected_version != poll.version:
        raise stale(session, poll)


def require(actor: Actor, firm_id: int, permission: Permission = Permission.ACT) -> None:
    """Only staff whose role includes it, and only of the poll's firm (Forbidden)."""
    if actor.firm_id != firm_id:
        raise AssertionError("an actor of one firm reached a poll of another")
    if not actor.can(permission):
        raise Forbidden("Your role is read-only. Ask a member of staff to do this.")


def require_status(poll: Poll, *allowed: PollStatus) -> None:
    """Refuse a step that the poll's status does not have (NotAllowed)."""
    if poll.status not in allowed:
        over = poll.status not in (PollStatus.OPEN, PollStatus.HELD)
        raise NotAllowed(f"{STANDS[poll.status]} {'Make a new poll instead.' if over else ''}".strip())


def note(
    session: Session,
    poll: Poll,
    *,
    actor: Actor,
    action: str,
    now: datetime,
    changed: dict[str, list[Any]] | None = None,
) -> None:
    """One row of the poll's own history."""
    audit.note(
        session,
        actor=actor,
        subject="poll",
        subject_id=poll.poll_id,
        action=action,
        changed=changed or {},
        now=now,
    )


def links_until(slots: list[PollSlot]) -> datetime:
    """When the personal links of a poll with these times close."""
    return max(slot.end_time for slot in slots) + LINKS_OUTLIVE
