"""Webhook endpoints: where a firm wants to be told of its appointments, added and kept by managers.

Nothing here commits. All may raise Forbidden (role) and Missing (no such endpoint of the firm). Every step
is written into the audit log under ``SUBJECT``.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NewType
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import audit, deliveries, destinations, webhook_secrets
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.destinations import URL_LENGTH, Networks
from webapp.lifecycle.errors import Forbidden, Invalid, Missing
from webapp.lifecycle.text import one_line
from webapp.models import Firm, WebhookDelivery, WebhookEndpoint
from webapp.vocabulary import DeliveryState, Disabled, Permission, Status

SUBJECT = "webhook_endpoint"
DESCRIPTION_LENGTH = 120
MOST = 20
EVENT_TYPES = (*(f"appointment.{status.value}" for status in Status), "appointment.corrected")
PING = "ping"

CREATE, EDIT, ROTATE, REMOVE = "create", "edit", "rotate secret", "remove"
ENABLE, DISABLE = "enable", "disable"
SHOW_SECRET, SEND_PING = "show secret", "send test event"
CHANGES = (CREATE, EDIT, ROTATE, ENABLE, DISABLE, REMOVE)
"""What a form about an endpoint must have seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an endpoint is. No event types stand for all; ``with_text``: whether reasons go along."""

    url: str
    description: str = ""
    event_types: Collection[str] = ()
    with_text: bool = False


Checked = NewType("Checked", Facts)
"""Facts that went through :func:`checked`."""


def checked(facts: Facts, *, networks: Networks) -> Checked:
    """The facts as they are kept. Asks name servers, so it is called outside of a transaction.

    Args:
        networks: the private networks that the installation lets webhooks go to.

    Raises:
        Invalid: too long, an unknown event type, or an address that nothing is sent to.
    """
    url = one_line(facts.url, URL_LENGTH, "url")
    if not url:
        raise Invalid("Enter the address that events are sent to.", field="url")
    description = one_line(facts.description, DESCRIPTION_LENGTH, "description")
    wanted = set(facts.event_types)
    if wanted - set(EVENT_TYPES):
        raise Invalid("Choose event types from the list.", field="event_types")
    destinations.check(url, networks=networks)
    kept = Facts(
        url=url,
        description=description,
        event_types=tuple(name for name in EVENT_TYPES if name in wanted),
        with_text=facts.with_text,
    )
    return Checked(kept)


def create(session: Session, *, actor: Actor, facts: Checked, now: datetime) -> WebhookEndpoint:
    """Add an endpoint, which is told of everything from then on.

    Raises:
        Invalid: the firm has as many as it can have.
    """
    _require(actor)
    session.execute(  # so that two at once are counted one after the other
        sa.select(Firm.firm_id).where(Firm.firm_id == actor.firm_id).with_for_update(key_share=True)
    )
    standing = sa.select(sa.func.count()).where(
        WebhookEndpoint.firm_id == actor.firm_id, WebhookEndpoint.removed_at.is_(None)
    )
    if (session.scalar(standing) or 0) >= MOST:
        raise Invalid(f"The firm has {MOST} endpoints. Remove one that is not needed any more.", field="url")
    values = _values(facts)
    endpoint = WebhookEndpoint(firm_id=actor.firm_id, created_at=now, **values)
    session.add(endpoint)
    session.flush()
    note(session, endpoint, CREATE, {name: [None, value] for name, value in values.items()}, actor, now)
    return endpoint


def edit(
    session: Session,
    webhook_endpoint_id: int,
    *,
    actor: Actor,
    facts: Checked,
    now: datetime,
    seen: int | None = None,
) -> bool:
    """Change an endpoint; returns whether anything changed. At another address it starts afresh.

    What waits goes to the new address, with or without reasons as when it was written.

    Raises:
        Overtaken: somebody changed it after ``seen``.
    """
    endpoint = locked(session, webhook_endpoint_id, actor=actor, seen=seen)
    changed = audit.changes(endpoint, _values(facts))
    for name, (_before, after) in changed.items():
        setattr(endpoint, name, after)
    if "url" in changed:
        endpoint.failing_since = endpoint.rests_until = None
    if changed:
        note(session, endpoint, EDIT, changed, actor, now)
    return bool(changed)


def rotate_secret(
    session: Session, webhook_endpoint_id: int, *, actor: Actor, now: datetime, seen: int | None = None
) -> None:
    """Give the endpoint another secret; for ``webhook_secrets.OVERLAP`` the one before signs as well.

    Raises:
        Overtaken: somebody changed the endpoint after ``seen``.
    """
    endpoint = locked(session, webhook_endpoint_id, actor=actor, seen=seen)
    endpoint.turn += 1
    endpoint.turned_at = now
    note(session, endpoint, ROTATE, {}, actor, now)


def reveal_secret(
    session: Session, webhook_endpoint_id: int, *, actor: Actor, key: str, now: datetime
) -> str:
    """The secret that signs what is sent there; that it was shown is noted."""
    endpoint = locked(session, webhook_endpoint_id, actor=actor)
    note(session, endpoint, SHOW_SECRET, {}, actor, now)
    return webhook_secrets.secret_of(webhook_endpoint_id, key=key, turn=endpoint.turn)


def disable(
    session: Session, webhook_endpoint_id: int, *, actor: Actor, now: datetime, seen: int | None = None
) -> bool:
    """Send nothing there any more; what waits is dropped. Returns whether it was not off by hand before.

    One that switched itself off stays off, and nobody is told of it any more.

    Raises:
        Overtaken: somebody changed the endpoint after ``seen``.
    """
    endpoint = locked(session, webhook_endpoint_id, actor=actor, seen=seen)
    if endpoint.disabled is Disabled.BY_HAND:
        return False
    before = endpoint.disabled
    endpoint.disabled, endpoint.disabled_at = Disabled.BY_HAND, now
    deliveries.drop(session, webhook_endpoint_id, firm_id=actor.firm_id, now=now)
    note(session, endpoint, DISABLE, {"disabled": [before, Disabled.BY_HAND]}, actor, now)
    return True


def enable(
    session: Session, webhook_endpoint_id: int, *, actor: Actor, now: datetime, seen: int | None = None
) -> bool:
    """Send there again, beginning with what happens from now on. Returns whether it was off.

    Raises:
        Overtaken: somebody changed the endpoint after ``seen``.
    """
    endpoint = locked(session, webhook_endpoint_id, actor=actor, seen=seen)
    if endpoint.disabled is None:
        return False
    before = endpoint.disabled
    endpoint.disabled = endpoint.disabled_at = None
    endpoint.failing_since = endpoint.rests_until = None
    note(session, endpoint, ENABLE, {"disabled": [before, None]}, actor, now)
    return True


def remove(
    session: Session, webhook_endpoint_id: int, *, actor: Actor, now: datetime, seen: int | None = None
) -> None:
    """End an endpoint for good; what waits is dropped.

    Raises:
        Overtaken: somebody changed it after ``seen``.
    """
    endpoint = locked(session, webhook_endpoint_id, actor=actor, seen=seen)
    endpoint.removed_at = now
    deliveries.drop(session, webhook_endpoint_id, firm_id=actor.firm_id, now=now)
    note(session, endpoint, REMOVE, {"url": [endpoint.url, None]}, actor, now)


def ping(session: Session, webhook_endpoint_id: int, *, actor: Actor, now: datetime) -> WebhookDelivery:
    """A test event, to be sent at once, also to an endpoint that rests after a failure.

    Raises:
        Invalid: the endpoint is disabled, or the test event before is still waiting.
    """
    endpoint = enabled(session, webhook_endpoint_id, actor=actor)
    waiting = sa.select(WebhookDelivery.webhook_delivery_id).where(
        WebhookDelivery.webhook_endpoint_id == webhook_endpoint_id,
        WebhookDelivery.state == DeliveryState.WAITING,
        WebhookDelivery.event_type == PING,
    )
    if session.scalar(waiting.limit(1)) is not None:
        raise Invalid("A test event is waiting already. It goes out with the worker’s next round.")
    endpoint.rests_until = None
    delivery = WebhookDelivery(
        firm_id=actor.firm_id,
        webhook_endpoint_id=webhook_endpoint_id,
        event_type=PING,
        with_text=False,
        state=DeliveryState.WAITING,
        due_at=now,
        created_at=now,
    )
    session.add(delivery)
    session.flush()
    note(session, endpoint, SEND_PING, {}, actor, now)
    return delivery


def locked(
    session: Session, webhook_endpoint_id: int, *, actor: Actor, seen: int | None = None
) -> WebhookEndpoint:
    """The firm's endpoint, for a change of it. Events can be written for it meanwhile.

    Raises:
        Forbidden: the role does not include the settings.
        Missing: the firm has no such endpoint, or not any more.
        Overtaken: somebody changed it after ``seen`` (see ``audit.last_change``).
    """
    _require(actor)
    endpoint = session.scalars(
        sa.select(WebhookEndpoint)
        .where(
            WebhookEndpoint.firm_id == actor.firm_id,
            WebhookEndpoint.webhook_endpoint_id == webhook_endpoint_id,
            WebhookEndpoint.removed_at.is_(None),
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if endpoint is None:
        raise Missing("There is no such endpoint.")
    audit.refuse_if_changed(
        session,
        firm_id=actor.firm_id,
        subject=SUBJECT,
        subject_id=webhook_endpoint_id,
        seen=seen,
        name=name_of(endpoint.description, endpoint.url),
        actions=CHANGES,
    )
    return endpoint


def enabled(session: Session, webhook_endpoint_id: int, *, actor: Actor) -> WebhookEndpoint:
    """Like :func:`locked`, for something to be sent there.

    Raises:
        Invalid: it is disabled.
    """
    endpoint = locked(session, webhook_endpoint_id, actor=actor)
    if endpoint.disabled is not None:
        raise Invalid("The endpoint is disabled, so nothing goes there. Enable it first.")
    return endpoint


def name_of(description: str, url: str) -> str:
    """What an endpoint is called: its description, or the host that it is on."""
    return description or urlsplit(url).hostname or url


def note(
    session: Session,
    endpoint: WebhookEndpoint,
    action: str,
    changed: dict[str, list[Any]],
    actor: Actor,
    now: datetime,
) -> None:
    """Write a step into the audit log."""
    audit.note(
        session,
        actor=actor,
        subject=SUBJECT,
        subject_id=endpoint.webhook_endpoint_id,
        action=action,
        changed=changed,
        now=now,
    )


def _require(actor: Actor) -> None:
    if not actor.can(Permission.MANAGE_SETTINGS):
        raise Forbidden("Your role does not include the settings.")


def _values(facts: Checked) -> dict[str, Any]:
    """The facts as columns: event types between blanks, so that each is found by its name."""
    names = " ".join(facts.event_types)
    return asdict(facts) | {"event_types": f" {names} " if names else ""}
