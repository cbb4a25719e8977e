"""What can be done with an appointment that exists. One function per action of the contract.

Every function takes the session, the appointment as loaded, the actor and ``now``; it never commits.
``expected_version`` is the version that the actor saw; None means the one just loaded. All may raise
Forbidden (role), Stale (somebody was first), NotAllowed (no such step, or not yet), Invalid (a missing fact).
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.lifecycle import booking, conflicts, limits, reasons, recording, slots
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Invalid, NotAllowed
from webapp.lifecycle.polls import following
from webapp.lifecycle.text import prose
from webapp.lifecycle.transitions import TABLE, is_open
from webapp.models import Appointment
from webapp.vocabulary import OUTCOMES, Action, ActorKind, CancelledBy, NoShowParty, Override, Status

MOVED = "Rescheduled from previous appointment"
NO_SHOW_REASONS = {
    NoShowParty.CLIENT: "Client didn’t show",
    NoShowParty.STAFF: "Staff didn’t show",
    NoShowParty.BOTH: "Both didn’t show",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSlot:
    """Where a meeting is moved to. ``staff_user_id`` None keeps the staff user."""

    start_time: datetime
    end_time: datetime
    staff_user_id: int | None = None
    double_book: bool = False


def approve(
    session: Session,
    appointment: Appointment,
    *,
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    """requested → confirmed."""
    version = check(session, appointment, Action.APPROVE, actor, now, expected_version)
    to = Status.CONFIRMED
    recording.record(
        session, appointment, action=Action.APPROVE, to=to, actor=actor, now=now, expected_version=version
    )


def decline(
    session: Session,
    appointment: Appointment,
    *,
    actor: Actor,
    reason: str,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    """requested → cancelled (declined), with a reason."""
    version = check(session, appointment, Action.DECLINE, actor, now, expected_version)
    recording.record(
        session,
        appointment,
        action=Action.DECLINE,
        to=Status.CANCELLED,
        actor=actor,
        now=now,
        expected_version=version,
        reason=reasons.required(reason, "Give a reason for declining; the history keeps it."),
        cancelled_by=CancelledBy.STAFF,
    )


def expire(
    session: Session,
    appointment: Appointment,
    *,
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    """requested → cancelled (expired), by the system once the start has passed."""
    version = check(session, appointment, Action.EXPIRE, actor, now, expected_version)
    recording.record(
        session,
        appointment,
        action=Action.EXPIRE,
        to=Status.CANCELLED,
        actor=actor,
        now=now,
        expected_version=version,
        reason="Nobody answered the request before its start",
        occurred_at=appointment.start_time,
        cancelled_by=CancelledBy.SYSTEM,
    )


def confirm(
    session: Session,
    appointment: Appointment,
    *,
    actor: Actor,
    now: datetime,
    reason: str | None = None,
    expected_version: int | None = None,
) -> None:
    """awaiting_confirmation → confirmed: by the system when every required invitee accepted, or by staff."""
    version = check(session, appointment, Action.CONFIRM, actor, now, expected_version)
    recording.record(
        session,
        appointment,
        action=Action.CONFIRM,
        to=Status.CONFIRMED,
        actor=actor,
        now=now,
        expected_version=version,
        reason=reason,
    )
    following.follow(session, appointment, actor=actor, now=now)


def time_out(
    session: Session,
    appointment: Appointment,
    *,
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    """awaiting_confirmation → cancelled (timed out), by the system once ``confirm_by`` has passed."""
    version = check(session, appointment, Action.TIME_OUT, actor, now, expected_version)
    recording.record(
        session,
        appointment,
        action=Action.TIME_OUT,
        to=Status.CANCELLED,
        actor=actor,
        now=now,
        expected_version=version,
        reason="Not confirmed before the deadline",
        occurred_at=appointment.confirm_by,
        cancelled_by=CancelledBy.SYSTEM,
    )
    following.follow(session, appointment, actor=actor, now=now)


def cancel(
    session: Session,
    appointment: Appointment,
    *,
    actor: Actor,
    reason: str,
    cancelled_by: CancelledBy,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    """confirmed or awaiting_confirmation → cancelled, with a reason and on whose side it was called off.

    Raises:
        LimitReached: a client comes later than the cancellation notice allows.
    """
    version = check(session, appointment, Action.CANCEL, actor, now, expected_version)
    if cancelled_by is CancelledBy.SYSTEM:
        raise Invalid("Say who cancels: the client or the firm.", field="cancelled_by")
    text = reasons.required(reason, "Give a reason for cancelling; the history keeps it.")
    recording.record(
        session,
        appointment,
        action=Action.CANCEL,
        to=Status.CANCELLED,
        actor=actor,
        now=now,
        expected_version=version,
        reason=text,
        overrides=limits.for_cancelling(session, appointment, actor=actor, now=now),
        cancelled_by=CancelledBy.CLIENT if actor.kind is ActorKind.CLIENT else cancelled_by,
    )
    following.follow(session, appointment, actor=actor, now=now)


def reschedule(
    session: Session,
    appointment: Appointment,
    *,
    actor: Actor,
    slot: NewSlot,
    reason: str,
    now: datetime,
    expected_version: int | None = None,
) -> Appointment:
    """Move a confirmed appointment: it becomes rescheduled, a confirmed successor takes the new slot.

    Returns:
        The successor, which inherits type, staff (unless another is chosen), client, place and booked_by.

    Raises:
        SlotTaken: the new time is held by another live appointment of that staff user.
        LimitReached: a client is past a limit, or staff go past one without a reason.
    """
    staff_user_id = slot.staff_user_id or appointment.staff_user_id
    slots.lock_staff(session, [appointment.staff_user_id, staff_user_id])
    version = check(session, appointment, Action.RESCHEDULE, actor, now, expected_version)
    booking.check_interval(slot.start_time, slot.end_time, now)
    if slot.start_time <= now:
        raise Invalid("Choose a time that has not passed.", field="start")
    if slot.start_time == appointment.start_time and staff_user_id == appointment.staff_user_id:
        raise Invalid("That is the time it has now. Choose another time.", field="start")
    text = prose(reason, booking.REASON_LENGTH, "reason")
    overrides = limits.for_rescheduling(session, appointment, actor=actor, reason=text, now=now)
    overbooked = booking.take_slot(
        session,
        actor=actor,
        staff_user=booking.find_staff(session, actor.firm_id, staff_user_id),
        start=slot.start_time,
        end=slot.end_time,
        double_book=slot.double_book,
        reason=text,
        ignore=appointment.appointment_id,
    )
    recording.record(
        session,
        appointment,
        action=Action.RESCHEDULE,
        to=Status.RESCHEDULED,
        actor=actor,
        now=now,
        expected_version=version,
        reason=text or None,
        overrides=overrides,
    )
    return recording.create(
        session,
        _successor(appointment, slot, staff_user_id, overbooked),
        action=Action.RESCHEDULE,
        status=Status.CONFIRMED,
        actor=actor,
        now=max(now, appointment.created_at),  # also by a clock that was put back
        reason=text or MOVED,
        overrides=(Override.DOUBLE_BOOKING,) if overbooked else (),
    )


def _successor(original: Appointment, slot: NewSlot, staff_user_id: int, overbooked: bool) -> Appointment:
    return Appointment(
        firm_id=original.firm_id,
        appointment_type_id=original.appointment_type_id,
        staff_user_id=staff_user_id,
        account_id=original.account_id,
        contact_id=original.contact_id,
        booked_by=original.booked_by,
        booked_by_id=original.booked_by_id,
        location=original.location,
        notes=original.notes,
        start_time=slot.start_time,
        end_time=slot.end_time,
        overbooked=overbooked,
        tracked=original.tracked,
        rescheduled_from_id=original.appointment_id,
        chain_root_id=original.chain_root_id or original.appointment_id,
        chain_position=original.chain_position + 1,
    )


def complete(
    session: Session,
    appointment: Appointment,
    *,
    actor: Actor,
    now: datetime,
    occurred_at: datetime | None = None,
    reason: str | None = None,
    expected_version: int | None = None,
) -> None:
    """confirmed → completed, from the start on."""
    version = check(session, appointment, Action.COMPLETE, actor, now, expected_version)
    recording.record(
        session,
        appointment,
        action=Action.COMPLETE,
        to=Status.COMPLETED,
        actor=actor,
        now=now,
        expected_version=version,
        occurred_at=occurred_at,
        reason=reason,
    )


def mark_no_show(
    session: Session,
    appointment: Appointment,
    *,
    actor: Actor,
    party: NoShowParty,
    now: datetime,
    note: str = "",
    occurred_at: datetime | None = None,
    expected_version: int | None = None,
) -> None:
    """confirmed → no_show, from the start on. ``occurred_at`` lies between the start and now."""
    version = check(session, appointment, Action.MARK_NO_SHOW, actor, now, expected_version)
    if occurred_at is not None and not appointment.start_time <= occurred_at <= now:
        local = conflicts.local_of(session, appointment.firm_id)
        span = f"{local.relative(appointment.start_time, now)}, and now, {local.time(now)}"
        raise Invalid(f"Enter a time between the start, {span}.", field="at")
    recording.record(
        session,
        appointment,
        action=Action.MARK_NO_SHOW,
        to=Status.NO_SHOW,
        actor=actor,
        now=now,
        expected_version=version,
        occurred_at=occurred_at,
        reason=reasons.joined(NO_SHOW_REASONS[party], prose(note, booking.REASON_LENGTH, "note")),
        no_show_party=party,
    )


def correct(
    session: Session,
    appointment: Appointment,
    *,
    actor: Actor,
    to: Status,
    party: NoShowParty | None,
    reason: str,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    """completed ↔ no_show, or another party; by a manager within the firm's window, with a reason.

    The stamp of a new outcome is the meeting's own time; the old one's is cleared.
    """
    version = check(session, appointment, Action.CORRECT, actor, now, expected_version)
    if to not in OUTCOMES:
        raise Invalid("Choose what really happened.", field="outcome")
    if to is Status.NO_SHOW and party is None:
        raise Invalid("Select who didn’t show.", field="party")
    party = party if to is Status.NO_SHOW else None
    if to is appointment.status and party is appointment.no_show_party:
        raise Invalid("That is what is recorded now. Choose what really happened.", field="outcome")
    recording.record(
        session,
        appointment,
        action=Action.CORRECT,
        to=to,
        actor=actor,
        now=now,
        expected_version=version,
        reason=reasons.required(reason, "Give a reason for the correction; the history keeps it."),
        occurred_at=_corrected_at(appointment, to, now),
        no_show_party=party,
    )


def check(
    session: Session,
    appointment: Appointment,
    action: Action,
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> int:
    """The checks that every action shares, in the order in which a person would want to hear of them.

    Pages call it before they offer a form, so that nobody fills in what cannot be sent.

    Returns:
        The version that the guarded write expects.
    """
    if actor.firm_id != appointment.firm_id:
        raise AssertionError("an actor of one firm reached an appointment of another")
    booking.require_actor(action, actor)
    if expected_version is not None and expected_version != appointment.version:
        raise conflicts.stale(session, appointment)
    if appointment.status not in TABLE[action].sources:
        raise conflicts.not_allowed(session, appointment, action)
    if not is_open(action, start_time=appointment.start_time, confirm_by=appointment.confirm_by, now=now):
        raise conflicts.not_open(session, appointment, action, now)
    if action is Action.CORRECT and not limits.correctable(session, appointment, now=now):
        raise NotAllowed(limits.correction_closed(session, appointment))
    return appointment.version


def _corrected_at(appointment: Appointment, to: Status, now: datetime) -> datetime:
    """When the corrected outcome is said to have happened; another party leaves the no-show's time."""
    if to is Status.COMPLETED:
        return min(appointment.end_time, now)
    return appointment.no_show_at or appointment.start_time
