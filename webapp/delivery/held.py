"""What a restored copy had still to send: held, because it may have been sent after the copy was made."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import MailMessage, OutboxEvent, WebhookDelivery
from webapp.vocabulary import DeliveryState, MailState

WHY = "Held back: this was restored from a backup and may have been sent since."
OPTIONS: dict[str, Any] = {"synchronize_session": False}


def hold(now: datetime) -> dict[str, sa.Update]:
    """The statements that hold all that waits, by what they hold: for the transaction that restores."""
    return {
        "mail": sa.update(MailMessage)
        .where(MailMessage.state == MailState.WAITING)
        .values(state=MailState.FAILED, last_error=WHY, leased_until=None, leased_by=None),
        "webhooks": sa.update(WebhookDelivery)
        .where(WebhookDelivery.state == DeliveryState.WAITING)
        .values(state=DeliveryState.FAILED, last_error=WHY, ended_at=now),
        "events": sa.update(OutboxEvent)
        .where(OutboxEvent.handled_at.is_(None))
        .values(handled_at=now, last_error=WHY, leased_until=None, leased_by=None),
    }


def release(session: Session, now: datetime) -> dict[str, int]:
    """Let everything that is held go out after all; returns how many of each."""
    statements = {
        "mail": sa.update(MailMessage)
        .where(MailMessage.state == MailState.FAILED, MailMessage.last_error == WHY)
        .values(state=MailState.WAITING, last_error=None, due_at=now, attempts=0)
        .returning(MailMessage.mail_message_id),
        "webhooks": sa.update(WebhookDelivery)
        .where(WebhookDelivery.state == DeliveryState.FAILED, WebhookDelivery.last_error == WHY)
        .values(state=DeliveryState.WAITING, last_error=None, ended_at=None, due_at=now)
        .returning(WebhookDelivery.webhook_delivery_id),
        "events": sa.update(OutboxEvent)
        .where(OutboxEvent.handled_at.is_not(None), OutboxEvent.last_error == WHY)
        .values(handled_at=None, last_error=None)
        .returning(OutboxEvent.outbox_event_id),
    }
    return {
        name: len(session.execute(statement, execution_options=OPTIONS).all())
        for name, statement in statements.items()
    }
