"""A step of which nobody outside is told: somebody chose so, and the timeline says who."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import audit
from webapp.lifecycle.actors import Actor
from webapp.models import Appointment, OutboxEvent

QUIET = "quiet"


def leave_out_mail(session: Session, appointment: Appointment, *, actor: Actor, now: datetime) -> None:
    """Let no mail follow from the step that this transaction has just taken."""
    event = session.scalars(
        sa.select(OutboxEvent)
        .where(
            OutboxEvent.firm_id == appointment.firm_id,
            OutboxEvent.appointment_id == appointment.appointment_id,
        )
        .order_by(OutboxEvent.sequence.desc())
        .limit(1)
    ).one()
    event.payload = {**event.payload, QUIET: True}
    audit.note(
        session,
        actor=actor,
        subject="appointment",
        subject_id=appointment.appointment_id,
        action="no_mail",
        changed={"mail": [True, False]},
        now=now,
    )
