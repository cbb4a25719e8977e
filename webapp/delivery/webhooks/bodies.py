"""What a webhook says: ids and facts of one event, the same bytes whenever a delivery is tried.

It is put together from rows that never change again: the event, its history row, and of the appointment its
times and its successor, which is written with the event that tells of it.

Only ``reason`` is the endpoint's to ask for, as it asked when the delivery was written. Endpoints that
differ in that, and a replay after the choice was changed, get one event under one ``webhook-id`` with and
without it.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from webapp.lifecycle.transitions import TABLE
from webapp.models import Appointment, AppointmentStatusHistory, OutboxEvent, WebhookDelivery
from webapp.vocabulary import Action, Status

Successor = aliased(Appointment, name="successor")


@dataclass(frozen=True, slots=True)
class Message:
    """``message_id`` is the same for every endpoint, retry and replay of an event, ``body`` for retries."""

    message_id: str
    body: bytes


def message(session: Session, delivery: WebhookDelivery) -> Message:
    """What this delivery sends, in one statement.

    Raises:
        sqlalchemy.exc.NoResultFound: there is no such event in the firm.
    """
    if delivery.outbox_event_id is None:
        data: dict[str, Any] = {"webhook_endpoint_id": delivery.webhook_endpoint_id}
        name = _name("ping", delivery.webhook_delivery_id, delivery.created_at)
        return Message(name, _encoded(delivery.event_type, delivery.created_at, data))
    event, appointment, history, successor = session.execute(_facts(delivery)).one()
    name = _name("evt", event.outbox_event_id, event.appointment_id, event.sequence, event.created_at)
    data = _data(event, appointment, history, successor)
    if delivery.with_text:
        data["reason"] = history.reason
    return Message(name, _encoded(event.event_type, event.created_at, data))


def _facts(
    delivery: WebhookDelivery,
) -> sa.Select[OutboxEvent, Appointment, AppointmentStatusHistory, int]:
    return (
        sa.select(OutboxEvent, Appointment, AppointmentStatusHistory, Successor.appointment_id)
        .join(
            Appointment,
            (Appointment.firm_id == OutboxEvent.firm_id)
            & (Appointment.appointment_id == OutboxEvent.appointment_id),
        )
        .join(
            AppointmentStatusHistory,
            (AppointmentStatusHistory.firm_id == OutboxEvent.firm_id)
            & (AppointmentStatusHistory.appointment_id == OutboxEvent.appointment_id)
            & (AppointmentStatusHistory.sequence == OutboxEvent.sequence),
        )
        .outerjoin(
            Successor,
            (Successor.firm_id == OutboxEvent.firm_id)
            & (Successor.rescheduled_from_id == OutboxEvent.appointment_id),
        )
        .where(
            OutboxEvent.firm_id == delivery.firm_id, OutboxEvent.outbox_event_id == delivery.outbox_event_id
        )
    )


def _data(
    event: OutboxEvent,
    appointment: Appointment,
    history: AppointmentStatusHistory,
    successor: int | None,
) -> dict[str, Any]:
    to = history.to_status
    kind = TABLE[Action(history.action)].kind if to is Status.CANCELLED else None
    return event.payload | {
        "sequence": event.sequence,
        "start_time": appointment.start_time.isoformat(),
        "end_time": appointment.end_time.isoformat(),
        # only the event that tells of the move knows it: another, sent again later, must not change
        "rescheduled_to": successor if to is Status.RESCHEDULED else None,
        "cancellation_kind": kind.value if kind else None,
    }


def _name(prefix: str, *facts: int | datetime) -> str:
    """An id that also a database restored from a backup gives to no other event."""
    text = "/".join(str(fact) for fact in facts)
    return f"{prefix}_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _encoded(event_type: str, timestamp: datetime, data: dict[str, Any]) -> bytes:
    said = {"type": event_type, "timestamp": timestamp.isoformat(), "data": data}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
