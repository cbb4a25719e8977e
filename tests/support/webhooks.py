"""Webhook endpoints and what was sent to them, as rows."""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from tests.factories import World
from webapp.lifecycle import webhooks
from webapp.lifecycle.webhooks import Facts
from webapp.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from webapp.vocabulary import DeliveryState

URL = "https://[2606:4700::6810:85e5]/hooks"
"""A public address, so that no name is asked for; nothing is ever sent in these tests."""
BAD_BODY = "<script>alert('from the receiver')</script>"


def make_endpoint(session: Session, world: World, **given: Any) -> WebhookEndpoint:
    """An endpoint that Daniel added, committed."""
    facts = webhooks.checked(Facts(**{"url": URL, **given}), networks=())
    made = webhooks.create(session, actor=world.acting(world.manager), facts=facts, now=world.now)
    session.commit()
    return made


def make_delivery(
    session: Session, endpoint: WebhookEndpoint, world: World, state: DeliveryState, **given: Any
) -> WebhookDelivery:
    """A row that was written for the endpoint, a test event unless said otherwise, committed."""
    values: dict[str, Any] = {"event_type": webhooks.PING, "with_text": False} | given
    delivery = WebhookDelivery(
        firm_id=world.firm.firm_id,
        webhook_endpoint_id=endpoint.webhook_endpoint_id,
        state=state,
        due_at=world.now,
        created_at=world.now,
        ended_at=None if state is DeliveryState.WAITING else world.now,
        **values,
    )
    session.add(delivery)
    session.commit()
    return delivery


def make_attempt(session: Session, delivery: WebhookDelivery, world: World, **given: Any) -> WebhookAttempt:
    """A try of it that was answered with a script and 500, unless said otherwise, committed."""
    values: dict[str, Any] = {
        "status": 500,
        "error": "It answered with 500.",
        "response_headers": "Content-Type: text/html\nX-Long: " + "h" * 900,
        "response_body": BAD_BODY + "b" * 900,
    }
    values |= given
    delivery.attempts += 1
    delivery.last_status, delivery.last_error = values["status"], values["error"]
    attempt = WebhookAttempt(
        firm_id=delivery.firm_id,
        webhook_delivery_id=delivery.webhook_delivery_id,
        attempted_at=world.now + timedelta(seconds=7),
        took=1234,
        request_headers="content-type: application/json\nwebhook-id: evt_0123456789abcdef",
        request_body='{"type":"appointment.confirmed","data":{"note":"' + "r" * 900 + '"}}',
        **values,
    )
    session.add(attempt)
    session.commit()
    return attempt
