"""Which webhook endpoints an event goes to: one row for each, in the transaction of the transition itself."""

from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import rowsets
from webapp.models import OutboxEvent, WebhookDelivery, WebhookEndpoint
from webapp.vocabulary import DeliveryState

OUTBOX = cast(sa.Table, OutboxEvent.__table__)
ENDPOINTS = cast(sa.Table, WebhookEndpoint.__table__)
DELIVERIES = cast(sa.Table, WebhookDelivery.__table__)


def listening() -> list[sa.ColumnElement[bool]]:
    """The conditions under which an endpoint is told of anything."""
    return [ENDPOINTS.c.disabled.is_(None), ENDPOINTS.c.removed_at.is_(None)]


def wants(event_type: Any) -> sa.ColumnElement[bool]:
    """Whether an endpoint has asked for this type, by name or by not naming any."""
    named = sa.literal("% ") + event_type + sa.literal(" %")
    return sa.or_(ENDPOINTS.c.event_types == "", ENDPOINTS.c.event_types.like(named))


def rows(of_events: Any, now: Any) -> sa.Select[Any]:
    """A delivery for each event of ``of_events`` (an outbox table) and each endpoint that wants it."""
    values = {
        "firm_id": of_events.c.firm_id,
        "webhook_endpoint_id": ENDPOINTS.c.webhook_endpoint_id,
        "outbox_event_id": of_events.c.outbox_event_id,
        "appointment_id": of_events.c.appointment_id,
        "sequence": of_events.c.sequence,
        "event_type": of_events.c.event_type,
        "with_text": ENDPOINTS.c.with_text,
        "state": sa.literal(DeliveryState.WAITING, DELIVERIES.c.state.type),
        "due_at": now,
        "created_at": now,
        "replay": sa.literal_column("0"),
        "attempts": sa.literal_column("0"),
    }
    return sa.select(*(value.label(name) for name, value in values.items())).where(
        ENDPOINTS.c.firm_id == of_events.c.firm_id, *listening(), wants(of_events.c.event_type)
    )


def _insert(found: sa.Select[Any]) -> sa.Insert:
    return sa.insert(DELIVERIES).from_select([column.name for column in found.selected_columns], found)


ONE = _insert(
    rows(OUTBOX, sa.bindparam("now", type_=DELIVERIES.c.due_at.type)).where(
        OUTBOX.c.firm_id == sa.bindparam("of_firm"),
        OUTBOX.c.appointment_id == sa.bindparam("of_appointment"),
        OUTBOX.c.sequence == sa.bindparam("of_sequence"),
    )
)
"""Told of one event; takes ``of_firm``, ``of_appointment``, ``of_sequence`` and ``now``."""


@cache
def of_set(dialect: str, columns: tuple[tuple[str, Any], ...]) -> sa.Insert:
    """Told of the last event of each appointment of a set, which are the rows of ``moves``."""
    given = rowsets.table(dialect, "moves", dict(columns))
    later = OUTBOX.alias("later")
    last = (
        sa.select(sa.func.max(later.c.sequence))
        .where(later.c.firm_id == OUTBOX.c.firm_id, later.c.appointment_id == OUTBOX.c.appointment_id)
        .correlate(OUTBOX)
        .scalar_subquery()
    )
    return _insert(
        rows(OUTBOX, sa.bindparam("now", type_=DELIVERIES.c.due_at.type)).where(
            OUTBOX.c.firm_id == sa.bindparam("by_firm"),
            OUTBOX.c.appointment_id == given.c.appointment_id,
            OUTBOX.c.sequence == last,
        )
    )


def has_listeners(session: Session, firm_id: int) -> bool:
    """Whether the firm has an endpoint that is told of anything."""
    found = sa.select(ENDPOINTS.c.webhook_endpoint_id).where(ENDPOINTS.c.firm_id == firm_id, *listening())
    return session.scalar(found.limit(1)) is not None
