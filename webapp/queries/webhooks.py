"""Webhook endpoints, what was sent to them and what came back, for the pages of managers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from webapp.lifecycle import webhook_replays, webhooks
from webapp.lifecycle.errors import Missing
from webapp.models import AuditEvent, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from webapp.queries.paging import KEY_LIMIT, PAGE, Page, newest_first
from webapp.vocabulary import DeliveryState, Disabled

CAP = 1000
"""Counting of what waits stops here."""
LOOK_BACK = 200
"""Among so many deliveries the last answer is looked for; it is not among them while everything waits."""
ATTEMPTS = 50
STEPS = 10


@dataclass(frozen=True, slots=True)
class Last:
    """The last thing that came back, or did not: ``status`` is None where nobody answered."""

    state: DeliveryState
    status: int | None
    error: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint. ``waiting`` is counted up to ``CAP``; ``last`` is None where nothing was tried lately."""

    webhook_endpoint_id: int
    url: str
    description: str
    event_types: tuple[str, ...]
    with_text: bool
    turn: int
    turned_at: datetime | None
    created_at: datetime
    disabled: Disabled | None
    disabled_at: datetime | None
    failing_since: datetime | None
    rests_until: datetime | None
    waiting: int
    last: Last | None

    @property
    def name(self) -> str:
        return webhooks.name_of(self.description, self.url)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list of deliveries is narrowed to."""

    state: DeliveryState | None = None
    event_type: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event to one endpoint. ``replay`` 0 is the first time; a test event has no ``outbox_event_id``."""

    webhook_delivery_id: int
    webhook_endpoint_id: int
    outbox_event_id: int | None
    replay: int
    appointment_id: int | None
    sequence: int | None
    event_type: str
    with_text: bool
    state: DeliveryState
    attempts: int
    due_at: datetime
    created_at: datetime
    ended_at: datetime | None
    last_status: int | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: what was sent, what came back, and how long it took in milliseconds."""

    webhook_attempt_id: int
    attempted_at: datetime
    took: int
    request_headers: str
    request_body: str
    status: int | None
    response_headers: str
    response_body: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """Something that somebody did with an endpoint."""

    changed_at: datetime
    who: str
    action: str
    fields: dict[str, list[Any]]


_DELIVERY: tuple[Any, ...] = tuple(getattr(WebhookDelivery, name) for name in Delivery.__slots__)
_ATTEMPT: tuple[Any, ...] = tuple(getattr(WebhookAttempt, name) for name in Attempt.__slots__)
_ENDPOINT: tuple[Any, ...] = tuple(
    getattr(WebhookEndpoint, name) for name in Endpoint.__slots__ if name not in {"waiting", "last"}
)


def endpoints(session: Session, *, firm_id: int) -> list[Endpoint]:
    """The firm's endpoints, the oldest first; there are at most ``webhooks.MOST``. One statement."""
    return [_endpoint(row) for row in session.execute(_endpoints(firm_id))]


def endpoint(session: Session, *, firm_id: int, webhook_endpoint_id: int) -> Endpoint:
    """One endpoint of the firm (Missing otherwise, also when it was removed). One statement."""
    asked = _endpoints(firm_id, WebhookEndpoint.webhook_endpoint_id == webhook_endpoint_id)
    row = session.execute(asked).one_or_none() if webhook_endpoint_id < KEY_LIMIT else None
    if row is None:
        raise Missing("There is no such endpoint.")
    return _endpoint(row)


def _endpoints(firm_id: int, *narrowed: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The endpoints with how much waits, and the last answer, if it is among the newest deliveries.

    Its number is read before: where a policy guards a table, PostgreSQL looks nothing up there by a subquery.
    """
    mine = WebhookDelivery.webhook_endpoint_id == WebhookEndpoint.webhook_endpoint_id
    waiting = (
        sa.select(WebhookDelivery.webhook_delivery_id)
        .where(mine, WebhookDelivery.state == DeliveryState.WAITING)
        .correlate(WebhookEndpoint)
        .limit(CAP)
        .subquery()
    )
    count = sa.select(sa.func.count()).select_from(waiting).scalar_subquery()
    own = (
        sa.select(*_ENDPOINT, count.label("waits"), _last_tried(firm_id).label("tried"))
        .where(WebhookEndpoint.firm_id == firm_id, WebhookEndpoint.removed_at.is_(None), *narrowed)
        .offset(0)
        .subquery("own")
    )
    last = aliased(WebhookDelivery, name="last")
    told = (own.c[column.key] for column in _ENDPOINT)
    return (
        sa.select(*told, own.c.waits, last.state, last.last_status, last.last_error, last.ended_at)
        .outerjoin(last, last.webhook_delivery_id == own.c.tried)
        .order_by(own.c.webhook_endpoint_id)
    )


def _last_tried(firm_id: int) -> sa.ScalarSelect[int]:
    newest = (
        sa.select(WebhookDelivery.webhook_delivery_id, WebhookDelivery.attempts)
        .where(
            WebhookDelivery.firm_id == firm_id,
            WebhookDelivery.webhook_endpoint_id == WebhookEndpoint.webhook_endpoint_id,
        )
        .correlate(WebhookEndpoint)
        .order_by(WebhookDelivery.webhook_delivery_id.desc())
        .limit(LOOK_BACK)
        .subquery()
    )
    return sa.select(sa.func.max(newest.c.webhook_delivery_id)).where(newest.c.attempts > 0).scalar_subquery()


def _endpoint(row: Sequence[Any]) -> Endpoint:
    *own, count, state, status, error, ended_at = row
    named = dict(zip((column.key for column in _ENDPOINT), own, strict=True))
    named["event_types"] = tuple(named["event_types"].split())
    last = None if state is None else Last(state, status, error, ended_at)
    return Endpoint(**named, waiting=count, last=last)


def deliveries(
    session: Session,
    *,
    firm_id: int,
    webhook_endpoint_id: int,
    wanted: Wanted,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE,
) -> Page[Delivery]:
    """What was written for an endpoint, the newest first. One statement.

    Args:
        before, after: the delivery next to which the page lies in the list as shown, newer before older.
    """
    number = WebhookDelivery.webhook_delivery_id
    query = sa.select(*_DELIVERY).where(
        WebhookDelivery.firm_id == firm_id, WebhookDelivery.webhook_endpoint_id == webhook_endpoint_id
    )
    if wanted.state is not None:
        query = query.where(WebhookDelivery.state == wanted.state)
    if wanted.event_type:
        query = query.where(WebhookDelivery.event_type == wanted.event_type)
    return newest_first(session, query, number, Delivery, before=before, after=after, limit=limit)


def delivery(
    session: Session, *, firm_id: int, webhook_endpoint_id: int, webhook_delivery_id: int
) -> Delivery:
    """One delivery to an endpoint of the firm (Missing otherwise). One statement."""
    query = sa.select(*_DELIVERY).where(
        WebhookDelivery.firm_id == firm_id,
        WebhookDelivery.webhook_endpoint_id == webhook_endpoint_id,
        WebhookDelivery.webhook_delivery_id == webhook_delivery_id,
    )
    row = session.execute(query).one_or_none() if webhook_delivery_id < KEY_LIMIT else None
    if row is None:
        raise Missing("There is no such delivery.")
    return Delivery(*row)


def attempts(session: Session, *, firm_id: int, webhook_delivery_id: int) -> list[Attempt]:
    """Every try of a delivery that is still kept, the newest first, at most ``ATTEMPTS``. One statement."""
    found = session.execute(
        sa.select(*_ATTEMPT)
        .where(
            WebhookAttempt.firm_id == firm_id,
            WebhookAttempt.webhook_delivery_id == webhook_delivery_id,
        )
        .order_by(WebhookAttempt.webhook_attempt_id.desc())
        .limit(ATTEMPTS)
    )
    return [Attempt(*row) for row in found]


def in_range(
    session: Session, *, firm_id: int, webhook_endpoint_id: int, since: datetime, before: datetime
) -> int:
    """How many events a replay of ``[since, before)`` would send; one more than the most stands for more."""
    return webhook_replays.count(session, webhook_endpoint_id, firm_id=firm_id, since=since, before=before)


def steps(session: Session, *, firm_id: int, webhook_endpoint_id: int, limit: int = STEPS) -> list[Step]:
    """What was done with an endpoint lately, the newest first. One statement."""
    found = session.execute(
        sa.select(AuditEvent.changed_at, AuditEvent.actor_label, AuditEvent.action, AuditEvent.changes)
        .where(
            AuditEvent.firm_id == firm_id,
            AuditEvent.subject == webhooks.SUBJECT,
            AuditEvent.subject_id == webhook_endpoint_id,
        )
        .order_by(AuditEvent.audit_event_id.desc())
        .limit(limit)
    )
    return [Step(*row) for row in found]


def stopped(firm_id: Any) -> sa.ScalarSelect[int]:
    """How many endpoints stopped by themselves and nobody has seen to yet, as a part of another statement."""
    return (
        sa.select(sa.func.count())
        .where(
            WebhookEndpoint.firm_id == firm_id,
            WebhookEndpoint.removed_at.is_(None),
            WebhookEndpoint.disabled.in_([Disabled.GONE, Disabled.FAILING]),
        )
        .scalar_subquery()
    )
