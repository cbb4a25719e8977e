"""What the tests of webhooks share: an endpoint of names that resolve, and deliveries as written."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import NOW, World, at_status
from tests.support.names import nobody_answers
from webapp.lifecycle import webhooks
from webapp.lifecycle.webhooks import Checked, Facts
from webapp.models import AuditEvent, OutboxEvent, WebhookDelivery
from webapp.vocabulary import DeliveryState, Status

URL = "https://crm.example.com/hooks"


LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody_answers(monkeypatch)


def facts(**given: Any) -> Checked:
    return webhooks.checked(Facts(**{"url": URL, **given}), networks=())


def add(session: Session, world: World, **given: Any) -> int:
    """An endpoint that Daniel added, committed."""
    made = webhooks.create(session, actor=world.acting(world.manager), facts=facts(**given), now=NOW)
    session.commit()
    return made.webhook_endpoint_id


def written(
    session: Session, world: World, webhook_endpoint_id: int, state: DeliveryState
) -> WebhookDelivery:
    """A confirmation that was written for the endpoint and came to stand so."""
    appointment = at_status(session, Status.CONFIRMED, world)
    event = session.scalars(
        sa.select(OutboxEvent)
        .where(OutboxEvent.appointment_id == appointment.appointment_id)
        .order_by(OutboxEvent.sequence.desc())
    ).first()
    assert event is not None
    session.execute(sa.delete(WebhookDelivery))
    delivery = WebhookDelivery(
        firm_id=world.firm.firm_id,
        webhook_endpoint_id=webhook_endpoint_id,
        outbox_event_id=event.outbox_event_id,
        appointment_id=event.appointment_id,
        sequence=event.sequence,
        event_type=event.event_type,
        with_text=False,
        state=state,
        due_at=NOW,
        created_at=NOW,
        ended_at=None if state is DeliveryState.WAITING else NOW,
    )
    session.add(delivery)
    session.commit()
    return delivery


def actions(session: Session) -> list[str]:
    return list(session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.audit_event_id)))
