"""Limits of the firm, overridable per type: they bind clients; staff go past them with a reason."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.actors import Actor
from webapp.lifecycle.conflicts import local_of
from webapp.lifecycle.errors import Invalid, LimitReached
from webapp.models import Appointment, AppointmentStatusHistory, AppointmentType, Firm
from webapp.vocabulary import OUTCOMES, ActorKind, Override, Status


def _policy(session: Session, appointment: Appointment) -> tuple[Firm, AppointmentType]:
    return (
        session.get_one(Firm, appointment.firm_id),
        session.get_one(AppointmentType, appointment.appointment_type_id),
    )


def passed_when_rescheduling(session: Session, appointment: Appointment, now: datetime) -> list[Override]:
    """The limits that moving it now would go past."""
    firm, kind = _policy(session, appointment)
    limit = firm.reschedule_limit if kind.reschedule_limit is None else kind.reschedule_limit
    notice = firm.reschedule_notice if kind.reschedule_notice is None else kind.reschedule_notice
    passed = []
    if limit is not None and appointment.chain_position - 1 >= limit:
        passed.append(Override.RESCHEDULE_LIMIT)
    if _too_late(appointment, notice, now):
        passed.append(Override.RESCHEDULE_NOTICE)
    return passed


def for_rescheduling(
    session: Session, appointment: Appointment, *, actor: Actor, reason: str, now: datetime
) -> tuple[Override, ...]:
    """The limits that this move goes past, to be written into its history row.

    Raises:
        LimitReached: the actor is a client and a limit binds, or the meeting has begun.
        Invalid: staff go past a limit without giving a reason.
    """
    passed = passed_when_rescheduling(session, appointment, now)
    if actor.kind is ActorKind.CLIENT:
        if appointment.start_time <= now:
            raise LimitReached("This meeting has begun. Call the firm to arrange another time.")
        if passed:
            raise LimitReached(f"{explain(session, appointment, passed[0])} Call the firm instead.")
    elif passed and not reason:
        raise Invalid(
            f"{explain(session, appointment, passed[0])} Give a reason to go past it.", field="reason"
        )
    return tuple(passed)


def for_cancelling(
    session: Session, appointment: Appointment, *, actor: Actor, now: datetime
) -> tuple[Override, ...]:
    """Like :func:`for_rescheduling`; a cancellation always has a reason.

    Who declines what was only proposed has promised nothing: no notice binds a client there.
    """
    if actor.kind is ActorKind.CLIENT and appointment.status is Status.AWAITING_CONFIRMATION:
        return ()
    firm, kind = _policy(session, appointment)
    notice = firm.cancel_notice if kind.cancel_notice is None else kind.cancel_notice
    passed = (Override.CANCEL_NOTICE,) if _too_late(appointment, notice, now) else ()
    if actor.kind is ActorKind.CLIENT and appointment.start_time <= now:
        raise LimitReached("This meeting has begun. Call the firm instead.")
    if actor.kind is ActorKind.CLIENT and passed:
        raise LimitReached(f"{explain(session, appointment, Override.CANCEL_NOTICE)} Call the firm instead.")
    return passed


def _too_late(appointment: Appointment, notice: int, now: datetime) -> bool:
    return notice > 0 and now > appointment.start_time - timedelta(minutes=notice)


def explain(session: Session, appointment: Appointment, override: Override) -> str:
    """One sentence that says what the limit is."""
    firm, kind = _policy(session, appointment)
    if override is Override.RESCHEDULE_LIMIT:
        limit = firm.reschedule_limit if kind.reschedule_limit is None else kind.reschedule_limit
        times = {
            0: "The firm’s limit does not allow rescheduling.",
            1: "It was moved once, which is the limit.",
        }
        return times.get(
            limit or 0, f"It was moved {appointment.chain_position - 1} times; the limit is {limit}."
        )
    if override is Override.RESCHEDULE_NOTICE:
        notice = firm.reschedule_notice if kind.reschedule_notice is None else kind.reschedule_notice
        return f"Rescheduling needs {_length(notice)} notice."
    notice = firm.cancel_notice if kind.cancel_notice is None else kind.cancel_notice
    return f"Cancelling needs {_length(notice)} notice."


def _length(minutes: int) -> str:
    """``30 min``, ``26 h``, ``2 days’``: exact, and in the unit in which a person would count."""
    days, hours = minutes // 1440, minutes // 60
    if minutes % 1440 == 0:
        return "1 day’s" if days == 1 else f"{days} days’"
    parts = (f"{hours} h" if hours else "", f"{minutes % 60} min" if minutes % 60 else "")
    return " ".join(part for part in parts if part)


def outcome_recorded_at(session: Session, appointment: Appointment) -> datetime | None:
    """When the first outcome was recorded; corrections do not extend the window."""
    return session.scalar(
        sa.select(sa.func.min(AppointmentStatusHistory.changed_at)).where(
            AppointmentStatusHistory.firm_id == appointment.firm_id,
            AppointmentStatusHistory.appointment_id == appointment.appointment_id,
            AppointmentStatusHistory.to_status.in_(OUTCOMES),
        )
    )


def window_open(firm: Firm, recorded_at: datetime | None, now: datetime) -> bool:
    """Whether an outcome recorded then may still be corrected. A window of 0 days allows none."""
    return recorded_at is not None and now < recorded_at + timedelta(days=firm.correction_days)


def correctable(session: Session, appointment: Appointment, *, now: datetime) -> bool:
    """Whether the firm's correction window is still open for this outcome."""
    firm = session.get_one(Firm, appointment.firm_id)
    return window_open(firm, outcome_recorded_at(session, appointment), now)


def correction_closed(session: Session, appointment: Appointment) -> str:
    """The sentence for a correction that comes too late."""
    firm = session.get_one(Firm, appointment.firm_id)
    if not firm.correction_days:
        return "The firm does not allow corrections of outcomes. An owner can change that in the settings."
    recorded = outcome_recorded_at(session, appointment)
    when = f", {local_of(session, appointment.firm_id).full_day_time(recorded)}" if recorded else ""
    return f"An outcome can be corrected for {firm.correction_days} days after it was recorded{when}."
