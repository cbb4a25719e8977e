"""Mail and webhooks about a person: none goes out any more, and what went has lost its words."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.errors import Invalid
from webapp.models import MailMessage, OutboxEvent, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from webapp.vocabulary import DeliveryState, MailState

ERASED = "Erased"


def silence(session: Session, firm_id: int, appointment_ids: Sequence[int], now: datetime) -> None:
    """What is still to be told by mail is not told any more. Waits for a worker that is telling it."""
    session.execute(
        sa.update(OutboxEvent)
        .where(
            OutboxEvent.firm_id == firm_id,
            OutboxEvent.appointment_id.in_(appointment_ids),
            OutboxEvent.handled_at.is_(None),
        )
        .values(handled_at=now, leased_until=None)
        .execution_options(synchronize_session=False)
    )


def erase_mail(
    session: Session, firm_id: int, appointment_ids: Sequence[int], poll_ids: Sequence[int], email: str
) -> None:
    """Empty every mail about these appointments and polls, to whomever, and every one to this address."""
    about: list[sa.ColumnElement[bool]] = [
        MailMessage.appointment_id.in_(appointment_ids),
        MailMessage.poll_id.in_(poll_ids),
    ]
    if email:
        about.append(sa.func.lower(MailMessage.recipient) == email.lower())
    waiting = MailMessage.state == MailState.WAITING
    session.execute(
        sa.update(MailMessage)
        .where(MailMessage.firm_id == firm_id, sa.or_(*about))
        .values(
            recipient_name=ERASED,
            recipient="",
            subject=ERASED,
            text_body="",
            html_body="",
            calendar=None,
            calendar_method=None,
            last_error=None,
            leased_until=None,
            leased_by=None,
            attempts=0,
            state=sa.case((waiting, MailState.KEPT), else_=MailMessage.state),
        )
        .execution_options(synchronize_session=False)
    )


def erase_attempts(session: Session, firm_id: int, appointment_ids: Sequence[int], now: datetime) -> None:
    """Empty what was sent to and answered by other programs. What waits goes out, without reasons.

    Raises:
        Invalid: a worker is just sending some of it.
    """
    ours = (WebhookDelivery.firm_id == firm_id, WebhookDelivery.appointment_id.in_(appointment_ids))
    waiting = sa.select(WebhookDelivery.webhook_endpoint_id).where(
        *ours, WebhookDelivery.state == DeliveryState.WAITING
    )
    endpoints = session.scalars(
        sa.select(WebhookEndpoint)
        .where(WebhookEndpoint.firm_id == firm_id, WebhookEndpoint.webhook_endpoint_id.in_(waiting))
        .order_by(WebhookEndpoint.webhook_endpoint_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    if any(one.leased_until is not None and one.leased_until > now for one in endpoints):
        raise Invalid("Another program is just being told about this person. Wait a minute, then try again.")
    number = sa.select(WebhookDelivery.webhook_delivery_id).where(*ours)
    empty = dict.fromkeys(("request_headers", "request_body", "response_headers", "response_body"), "")
    tries = sa.update(WebhookAttempt).where(
        WebhookAttempt.firm_id == firm_id, WebhookAttempt.webhook_delivery_id.in_(number)
    )
    quietly = {"synchronize_session": False}
    session.execute(tries.values(**empty, error=None).execution_options(**quietly))
    deliveries = sa.update(WebhookDelivery).where(*ours).values(last_error=None, with_text=False)
    session.execute(deliveries.execution_options(**quietly))
