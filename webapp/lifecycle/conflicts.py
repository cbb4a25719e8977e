"""Sentences for what came in between: what the status is now, who made it so and when, what can be done."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.errors import Forbidden, NotAllowed, Stale
from webapp.lifecycle.transitions import TABLE, Opens
from webapp.localtime import Local
from webapp.models import Appointment, AppointmentStatusHistory, AuditEvent, Firm
from webapp.vocabulary import Action, Status

DONE = {
    Action.REQUEST: "requested it",
    Action.BOOK: "booked it",
    Action.PROPOSE: "proposed it",
    Action.APPROVE: "approved it",
    Action.DECLINE: "declined it",
    Action.EXPIRE: "let it expire",
    Action.CONFIRM: "confirmed it",
    Action.TIME_OUT: "timed it out",
    Action.CANCEL: "cancelled it",
    Action.RESCHEDULE: "rescheduled it",
    Action.COMPLETE: "completed it",
    Action.MARK_NO_SHOW: "recorded a no-show",
    Action.CORRECT: "corrected the outcome",
    Action.IMPORT: "imported it",
}

VERB = {
    Action.APPROVE: "Approve",
    Action.DECLINE: "Decline",
    Action.CONFIRM: "Confirm",
    Action.CANCEL: "Cancel",
    Action.RESCHEDULE: "Reschedule",
    Action.COMPLETE: "Complete",
    Action.MARK_NO_SHOW: "No-show",
    Action.CORRECT: "Correct outcome",
    Action.EXPIRE: "Expire",
    Action.TIME_OUT: "Time out",
}

INSTEAD = {
    Status.REQUESTED: "Approve or decline it instead.",
    Status.AWAITING_CONFIRMATION: "Confirm or cancel it instead.",
    Status.CONFIRMED: "Reschedule, cancel or record its outcome instead.",
    Status.COMPLETED: "Book again, or ask a manager to correct the outcome.",
    Status.NO_SHOW: "Book again, or ask a manager to correct the outcome.",
    Status.RESCHEDULED: "Open the new booking instead.",
    Status.CANCELLED: "Book again instead.",
}


def local_of(session: Session, firm_id: int) -> Local:
    """How the firm writes times."""
    firm = session.get_one(Firm, firm_id)
    return Local.named(firm.timezone, twelve_hour=firm.twelve_hour, month_first=firm.month_first)


def last_change(session: Session, appointment: Appointment) -> AppointmentStatusHistory:
    """The newest history row, read from the database."""
    return session.scalars(
        sa.select(AppointmentStatusHistory)
        .where(
            AppointmentStatusHistory.firm_id == appointment.firm_id,
            AppointmentStatusHistory.appointment_id == appointment.appointment_id,
        )
        .order_by(AppointmentStatusHistory.sequence.desc())
        .limit(1)
    ).one()


def how_it_stands(session: Session, appointment: Appointment) -> str:
    """``It is cancelled: Daniel Osei cancelled it, Tue 13 Jan, 11:19. Reason: "…"``."""
    row = last_change(session, appointment)
    when = local_of(session, appointment.firm_id).day_time(row.changed_at)
    reason = f" Reason: “{row.reason}”" if row.reason else ""
    label = row.to_status.label.lower() if row.to_status is not Status.NO_SHOW else "a no-show"
    return f"It is {label}: {_by(row)} {DONE[row.action]}, {when}.{reason}"


def _by(row: AppointmentStatusHistory) -> str:
    return row.actor_label[:1].upper() + row.actor_label[1:]


def stale(session: Session, appointment: Appointment) -> Stale:
    """Somebody was first; says who, from what the database holds now."""
    session.refresh(appointment)
    edit = session.scalars(
        sa.select(AuditEvent)
        .where(
            AuditEvent.firm_id == appointment.firm_id,
            AuditEvent.subject == "appointment",
            AuditEvent.subject_id == appointment.appointment_id,
        )
        .order_by(AuditEvent.audit_event_id.desc())
        .limit(1)
    ).one_or_none()
    if edit is not None and edit.changed_at > last_change(session, appointment).changed_at:
        when = local_of(session, appointment.firm_id).day_time(edit.changed_at)
        if edit.action == "erased":
            return Stale(f"{edit.actor_label} erased the person whom this was with, {when}.")
        fields = ", ".join(sorted(edit.changes))
        return Stale(
            f"{edit.actor_label} changed the details ({fields}), {when}. Look again, then repeat your change."
        )
    return Stale(how_it_stands(session, appointment))


def not_allowed(session: Session, appointment: Appointment, action: Action) -> NotAllowed:
    """The table has no such step from here; says what can be done instead."""
    return NotAllowed(f"{how_it_stands(session, appointment)} {INSTEAD[appointment.status]}")


def not_open(session: Session, appointment: Appointment, action: Action, now: datetime) -> NotAllowed:
    """The step is right but its time has not come."""
    local = local_of(session, appointment.firm_id)
    if TABLE[action].opens is Opens.AFTER_DEADLINE and appointment.confirm_by is not None:
        return NotAllowed(
            f"{VERB[action]} opens {local.relative(appointment.confirm_by, now)}, at the deadline."
        )
    return NotAllowed(f"{VERB[action]} opens {local.relative(appointment.start_time, now)}, when it starts.")


def forbidden(action: Action) -> Forbidden:
    need = (
        "a manager" if TABLE[action].permission.value in {"correct", "double_book"} else "a member of staff"
    )
    return Forbidden(f"Your role does not include this step. Ask {need} to do it.")
