"""Events sent to an endpoint once more: one of them, or all that happened between two instants.

A replay is a delivery of its own with the next number for its event, and has the event's ``webhook-id``. It
tells the reason if the endpoint asks for it now, whatever it did at first. What still waits for the endpoint
is not sent twice.
"""

from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import deliveries, webhooks
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.deliveries import DELIVERIES, ENDPOINTS, OUTBOX
from webapp.lifecycle.errors import Invalid, Missing
from webapp.models import AppointmentStatusHistory, WebhookDelivery
from webapp.vocabulary import DeliveryState

HISTORY = cast(sa.Table, AppointmentStatusHistory.__table__)
MOST = 10_000
EVENT = ("firm_id", "appointment_id", "sequence")
"""What an entry of the history and its event have in common, and a unique key of both."""
REPLAY, REPLAY_RANGE = "replay", "replay a range"


def replay(session: Session, webhook_delivery_id: int, *, actor: Actor, now: datetime) -> WebhookDelivery:
    """Send the event of a delivery again, at once, also to an endpoint that rests after a failure.

    Of a test event another is sent.

    Raises:
        Forbidden: the role does not include the settings.
        Missing: the firm has no such delivery, or its endpoint was removed.
        Invalid: the endpoint is disabled, or the event is still waiting to be sent there.
    """
    first = session.scalars(
        sa.select(WebhookDelivery).where(
            WebhookDelivery.firm_id == actor.firm_id,
            WebhookDelivery.webhook_delivery_id == webhook_delivery_id,
        )
    ).one_or_none()
    if first is None:
        raise Missing("There is no such delivery.")
    if first.outbox_event_id is None:
        return webhooks.ping(session, first.webhook_endpoint_id, actor=actor, now=now)
    endpoint = webhooks.enabled(session, first.webhook_endpoint_id, actor=actor)
    again = WebhookDelivery(
        firm_id=actor.firm_id,
        webhook_endpoint_id=first.webhook_endpoint_id,
        outbox_event_id=first.outbox_event_id,
        replay=_next_number(session, first),
        appointment_id=first.appointment_id,
        sequence=first.sequence,
        event_type=first.event_type,
        with_text=endpoint.with_text,
        state=DeliveryState.WAITING,
        due_at=now,
        created_at=now,
    )
    endpoint.rests_until = None
    session.add(again)
    session.flush()
    of = {"delivery": [webhook_delivery_id, again.webhook_delivery_id]}
    webhooks.note(session, endpoint, REPLAY, of, actor, now)
    return again


def _next_number(session: Session, delivery: WebhookDelivery) -> int:
    """The number of the event's next replay there. The caller holds the endpoint's lock."""
    same = (
        WebhookDelivery.webhook_endpoint_id == delivery.webhook_endpoint_id,
        WebhookDelivery.outbox_event_id == delivery.outbox_event_id,
    )
    rows = session.execute(sa.select(WebhookDelivery.replay, WebhookDelivery.state).where(*same)).all()
    if any(row.state is DeliveryState.WAITING for row in rows):
        raise Invalid("This event is still waiting to be sent there, so it goes out without a replay.")
    return 1 + max(int(row.replay) for row in rows)


def count(
    session: Session, webhook_endpoint_id: int, *, firm_id: int, since: datetime, before: datetime
) -> int:
    """How many events :func:`replay_range` would send, at most one more than ``MOST``. One statement."""
    found = _events(webhook_endpoint_id, firm_id, since, before).limit(MOST + 1)
    return session.scalar(sa.select(sa.func.count()).select_from(found.subquery())) or 0


def replay_range(
    session: Session,
    webhook_endpoint_id: int,
    *,
    actor: Actor,
    since: datetime,
    before: datetime,
    now: datetime,
) -> int:
    """Send what happened in ``[since, before)`` and the endpoint asks for, in the order of the events.

    Also what was never sent there, because the endpoint came later or was disabled. Returns how many.

    Raises:
        Forbidden: the role does not include the settings.
        Missing: the firm has no such endpoint.
        Invalid: it is disabled, the end is not after the beginning, or there are more than ``MOST``.
    """
    endpoint = webhooks.enabled(session, webhook_endpoint_id, actor=actor)
    if since >= before:
        raise Invalid("The end is not after the beginning. Enter a later time.", field="to")
    many = count(session, webhook_endpoint_id, firm_id=actor.firm_id, since=since, before=before)
    if many > MOST:
        raise Invalid(f"That is more than {MOST:,} events. Choose a shorter range.", field="to")
    if many:
        rows = _rows(webhook_endpoint_id, actor.firm_id, since, before, now)
        session.execute(
            sa.insert(DELIVERIES).from_select([column.name for column in rows.selected_columns], rows)
        )
        endpoint.rests_until = None
        span: dict[str, list[Any]] = {
            "from": [None, since.isoformat()],
            "to": [None, before.isoformat()],
            "events": [None, many],
        }
        webhooks.note(session, endpoint, REPLAY_RANGE, span, actor, now)
    return many


def _happened(firm_id: int, since: datetime, before: datetime) -> sa.Subquery:
    """The entries recorded in ``[since, before)``, each with its event, looked up one by one by their key.

    A join would let PostgreSQL read all events that the firm ever had for some days of them.
    """
    same = [OUTBOX.c[name] == HISTORY.c[name] for name in EVENT]
    looked_up = [
        sa.select(column).where(*same).correlate(HISTORY).scalar_subquery().label(column.name)
        for column in (OUTBOX.c.outbox_event_id, OUTBOX.c.event_type)
    ]
    return (
        sa.select(*(HISTORY.c[name] for name in EVENT), *looked_up)
        .where(HISTORY.c.firm_id == firm_id, HISTORY.c.changed_at >= since, HISTORY.c.changed_at < before)
        .offset(0)
        .subquery("happened")
    )


def _events(webhook_endpoint_id: int, firm_id: int, since: datetime, before: datetime) -> sa.Select[Any]:
    """The events recorded in ``[since, before)`` that the endpoint wants, without those that wait for it."""
    happened = _happened(firm_id, since, before)
    waits = sa.exists().where(
        DELIVERIES.c.webhook_endpoint_id == webhook_endpoint_id,
        DELIVERIES.c.outbox_event_id == happened.c.outbox_event_id,
        DELIVERIES.c.state == DeliveryState.WAITING,
    )
    return (
        sa.select(happened, ENDPOINTS.c.webhook_endpoint_id, ENDPOINTS.c.with_text)
        .join(ENDPOINTS, ENDPOINTS.c.firm_id == happened.c.firm_id)
        .where(
            ENDPOINTS.c.webhook_endpoint_id == webhook_endpoint_id,
            happened.c.outbox_event_id.is_not(None),
            deliveries.wants(happened.c.event_type),
            ~waits,
        )
    )


def _rows(
    webhook_endpoint_id: int, firm_id: int, since: datetime, before: datetime, now: datetime
) -> sa.Select[Any]:
    """A delivery for each of the events, the oldest first."""
    event = _events(webhook_endpoint_id, firm_id, since, before).subquery("event").c
    last = (
        sa.select(sa.func.max(DELIVERIES.c.replay))
        .where(
            DELIVERIES.c.webhook_endpoint_id == event.webhook_endpoint_id,
            DELIVERIES.c.outbox_event_id == event.outbox_event_id,
        )
        .scalar_subquery()
    )
    values = {
        "replay": sa.func.coalesce(last, 0) + 1,
        "state": sa.literal(DeliveryState.WAITING, DELIVERIES.c.state.type),
        "attempts": sa.literal_column("0"),
        "due_at": sa.literal(now, DELIVERIES.c.due_at.type),
        "created_at": sa.literal(now, DELIVERIES.c.created_at.type),
    }
    named = [value.label(name) for name, value in values.items()]
    return sa.select(*event, *named).order_by(event.outbox_event_id)
