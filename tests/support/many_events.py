"""What the outside was told of very many appointments: an event for each entry, delivered to an endpoint."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import AppointmentStatusHistory, OutboxEvent, WebhookDelivery, WebhookEndpoint
from webapp.vocabulary import DeliveryState


def fill_events(session: Session, endpoint: WebhookEndpoint) -> None:
    """An event for each entry of the firm's history, handled then and delivered there; committed."""
    entry, event = AppointmentStatusHistory, OutboxEvent
    told = {
        "firm_id": entry.firm_id,
        "appointment_id": entry.appointment_id,
        "sequence": entry.sequence,
        "event_type": sa.literal("appointment.confirmed"),
        "payload": sa.literal({}, sa.JSON),
        "created_at": entry.changed_at,
        "handled_at": entry.changed_at,
        "attempts": sa.literal(1),
    }
    _insert(session, event, told, entry.firm_id == endpoint.firm_id, entry.history_id)
    sent = {
        "firm_id": event.firm_id,
        "webhook_endpoint_id": sa.literal(endpoint.webhook_endpoint_id),
        "outbox_event_id": event.outbox_event_id,
        "appointment_id": event.appointment_id,
        "sequence": event.sequence,
        "event_type": event.event_type,
        "with_text": sa.false(),
        "state": sa.literal(DeliveryState.DELIVERED, WebhookDelivery.state.type),
        "attempts": sa.literal(1),
        "due_at": event.created_at,
        "created_at": event.created_at,
        "ended_at": event.created_at,
    }
    _insert(session, WebhookDelivery, sent, event.firm_id == endpoint.firm_id, event.outbox_event_id)
    session.commit()


def _insert(session: Session, model: Any, values: dict[str, Any], whose: Any, order: Any) -> None:
    rows = sa.select(*values.values()).where(whose).order_by(order)
    session.execute(sa.insert(model).from_select(list(values), rows))
