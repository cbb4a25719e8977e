"""Which webhook endpoints an event goes to: one row for each, in the transaction of the transition itself.

What an endpoint waits for ends with it: :func:`drop` at its removal, :func:`disable` to switch it off.
"""

from datetime import datetime
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import rowsets
from webapp.models import Appointment, OutboxEvent, WebhookDelivery, WebhookEndpoint
from webapp.vocabulary import DeliveryState, Disabled

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


def rows(of_events: Any, firm: Any, now: Any) -> sa.Select[Any]:
    """A delivery for each of the events (an outbox table) and each endpoint of the firm that wants it."""
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
        ENDPOINTS.c.firm_id == firm, *listening(), wants(of_events.c.event_type)
    )


def _insert(found: sa.Select[Any]) -> sa.Insert:
    return sa.insert(DELIVERIES).from_select([column.name for column in found.selected_columns], found)


def _param(name: str, column: Any) -> sa.BindParameter[Any]:
    return sa.bindparam(name, type_=column.type)


ONE = _insert(
    rows(OUTBOX, _param("of_firm", OUTBOX.c.firm_id), _param("now", DELIVERIES.c.due_at)).where(
        OUTBOX.c.firm_id == _param("of_firm", OUTBOX.c.firm_id),
        OUTBOX.c.appointment_id == sa.bindparam("of_appointment"),
        OUTBOX.c.sequence == sa.bindparam("of_sequence"),
    )
)
"""Told of one event; takes ``of_firm``, ``of_appointment``, ``of_sequence`` and ``now``."""


@cache
def of_set(dialect: str, columns: tuple[tuple[str, Any], ...]) -> sa.Insert:
    """Told of the last event of each appointment of a set, which are the rows of ``moves``.

    The event is found by its number alone: any other way, SQLite would start from all that the firm has. The
    numbers are read before: where a policy guards a table, PostgreSQL looks nothing up there by a subquery.
    """
    given = rowsets.table(dialect, "moves", dict(columns))
    firm = _param("by_firm", OUTBOX.c.firm_id)
    before = OUTBOX.alias("earlier")
    last = (
        sa.select(before.c.outbox_event_id)
        .where(before.c.firm_id == firm, before.c.appointment_id == given.c.appointment_id)
        .order_by(before.c.sequence.desc())
        .limit(1)
        .correlate(given)
        .scalar_subquery()
    )
    newest = sa.select(last.label("outbox_event_id")).select_from(given).offset(0).subquery("newest")
    found = rows(OUTBOX, firm, _param("now", DELIVERIES.c.due_at))
    events = newest.join(OUTBOX, OUTBOX.c.outbox_event_id == newest.c.outbox_event_id)
    return _insert(found.select_from(events.join(ENDPOINTS, ENDPOINTS.c.firm_id == firm)))


def has_listeners(session: Session, firm_id: int) -> bool:
    """Whether the firm has an endpoint that is told of anything."""
    found = sa.select(ENDPOINTS.c.webhook_endpoint_id).where(ENDPOINTS.c.firm_id == firm_id, *listening())
    return session.scalar(found.limit(1)) is not None


def tell(session: Session, appointment: Appointment, sequence: int, now: datetime) -> None:
    """Write the deliveries of one event, which has just been written."""
    facts = {"of_firm": appointment.firm_id, "of_appointment": appointment.appointment_id}
    session.connection().execute(ONE, facts | {"of_sequence": sequence, "now": now})


def drop(session: Session, webhook_endpoint_id: int, *, firm_id: int, now: datetime) -> int:
    """End what waits for an endpoint, because it was removed or gets nothing any more; returns how many."""
    waiting = sa.update(WebhookDelivery).where(
        WebhookDelivery.firm_id == firm_id,
        WebhookDelivery.webhook_endpoint_id == webhook_endpoint_id,
        WebhookDelivery.state == DeliveryState.WAITING,
    )
    return _dropped(session, waiting, now)


def drop_strays(session: Session, now: datetime) -> int:
    """End what was written for an endpoint in the very moment in which it was removed or switched off."""
    silent = sa.select(WebhookEndpoint.webhook_endpoint_id).where(
        sa.or_(WebhookEndpoint.disabled.is_not(None), WebhookEndpoint.removed_at.is_not(None))
    )
    waiting = sa.update(WebhookDelivery).where(
        WebhookDelivery.webhook_endpoint_id.in_(silent), WebhookDelivery.state == DeliveryState.WAITING
    )
    return _dropped(session, waiting, now)


def _dropped(session: Session, waiting: sa.Update, now: datetime) -> int:
    done = session.execute(
        waiting.values(state=DeliveryState.DROPPED, ended_at=now)
        .returning(WebhookDelivery.webhook_delivery_id)
        .execution_options(synchronize_session=False)
    )
    return len(done.all())


def disable(session: Session, endpoint: WebhookEndpoint, why: Disabled, *, now: datetime) -> int:
    """Switch an endpoint off and end what waits for it; returns how many. One that is off stays as it is."""
    if endpoint.disabled is not None:
        return 0
    endpoint.disabled, endpoint.disabled_at = why, now
    session.flush()
    return drop(session, endpoint.webhook_endpoint_id, firm_id=endpoint.firm_id, now=now)
