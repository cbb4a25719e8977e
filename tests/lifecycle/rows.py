"""What the database holds, read past the session's own memory of it."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Appointment, AppointmentStatusHistory, AuditEvent, OutboxEvent, Submission

STAMPS = ("rescheduled_at", "cancelled_at", "completed_at", "no_show_at", "no_show_party", "cancelled_by")


def row(session: Session, appointment: Appointment) -> dict[str, Any]:
    """The appointment's columns."""
    table = Appointment.__table__
    found = session.execute(sa.select(table).where(table.c.appointment_id == appointment.appointment_id))
    return dict(found.mappings().one())


def stamps(session: Session, appointment: Appointment) -> dict[str, Any]:
    """The stamps that are set, with the kind of a cancellation."""
    columns = row(session, appointment)
    return {name: columns[name] for name in (*STAMPS, "cancellation_kind") if columns[name] is not None}


def history(session: Session, appointment: Appointment) -> list[dict[str, Any]]:
    """The history rows, in order."""
    table = AppointmentStatusHistory.__table__
    asked = sa.select(table).where(table.c.appointment_id == appointment.appointment_id)
    return [dict(found) for found in session.execute(asked.order_by(table.c.sequence)).mappings()]


def outbox(session: Session, appointment: Appointment) -> list[dict[str, Any]]:
    """The outbox events, in order."""
    table = OutboxEvent.__table__
    asked = sa.select(table).where(table.c.appointment_id == appointment.appointment_id)
    return [dict(found) for found in session.execute(asked.order_by(table.c.sequence)).mappings()]


def audit(session: Session) -> list[dict[str, Any]]:
    """The whole audit log, in order."""
    table = AuditEvent.__table__
    asked = sa.select(table).order_by(table.c.audit_event_id)
    return [dict(found) for found in session.execute(asked).mappings()]


def everything(session: Session) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that the lifecycle writes: equal before and after means that nothing was written."""
    tables = (Appointment, AppointmentStatusHistory, OutboxEvent, AuditEvent, Submission)
    return {
        model.__tablename__: sorted(
            tuple(map(str, found)) for found in session.execute(sa.select(model.__table__))
        )
        for model in tables
    }
