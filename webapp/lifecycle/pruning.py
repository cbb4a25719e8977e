"""Rows that have served their time. They go in short transactions: nobody waits for a million of them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import deliveries, heartbeats, throttle, transaction
from webapp.models import PersonalLink, SignInFailure, UserSession, WebhookAttempt, WebhookDelivery

KEEP_SESSIONS = timedelta(days=30)
KEEP_LINKS = timedelta(days=90)
KEEP_WEBHOOKS = timedelta(days=30)

AT_ONCE = 2_000
"""Rows of one transaction."""

Prune = Callable[[Session, datetime, int], int]


def forget(session: Session, now: datetime, *, at_once: int = AT_ONCE) -> dict[str, int]:
    """Delete what is old; returns how many rows of each kind. Commits after so many, and after each kind."""
    return {kind: _all(session, prune, now, at_once) for kind, prune in KINDS.items()}


def _all(session: Session, prune: Prune, now: datetime, at_once: int) -> int:
    total = 0
    while True:
        gone = transaction.run(session, lambda: prune(session, now, at_once))
        total += gone
        if gone < at_once:
            return total


def _oldest(session: Session, key: Any, stamp: Any, before: datetime, at_once: int) -> int:
    """Delete up to so many rows with a stamp before the instant, the oldest first."""
    old = sa.select(key).where(stamp < before).order_by(stamp).limit(at_once)
    gone = sa.delete(key.class_).where(key.in_(old)).returning(key)
    return len(session.execute(gone, execution_options={"synchronize_session": False}).all())


def _sessions(session: Session, now: datetime, at_once: int) -> int:
    """Sessions that ended a month ago."""
    return _oldest(session, UserSession.token_hash, UserSession.expires_at, now - KEEP_SESSIONS, at_once)


def _failures(session: Session, now: datetime, at_once: int) -> int:
    """Failed sign-ins that no longer count, the latest moment included."""
    end = now - throttle.WINDOW + timedelta.resolution
    return _oldest(session, SignInFailure.sign_in_failure_id, SignInFailure.failed_at, end, at_once)


def _links(session: Session, now: datetime, at_once: int) -> int:
    """Personal links that stopped working a season ago."""
    return _oldest(session, PersonalLink.personal_link_id, PersonalLink.expires_at, now - KEEP_LINKS, at_once)


def _attempts(session: Session, now: datetime, at_once: int) -> int:
    """Tries of webhooks a month ago, with what was sent and answered."""
    made = WebhookAttempt.attempted_at
    return _oldest(session, WebhookAttempt.webhook_attempt_id, made, now - KEEP_WEBHOOKS, at_once)


def _deliveries(session: Session, now: datetime, at_once: int) -> int:
    """Webhooks that arrived, failed or were dropped a month ago."""
    ended = WebhookDelivery.ended_at
    return _oldest(session, WebhookDelivery.webhook_delivery_id, ended, now - KEEP_WEBHOOKS, at_once)


def _workers(session: Session, now: datetime, _at_once: int) -> int:
    """Workers that are long gone; there are never many."""
    return heartbeats.forget_old(session, now)


def _strays(session: Session, now: datetime, _at_once: int) -> int:
    """What waits for an endpoint that is gone."""
    return deliveries.drop_strays(session, now)


KINDS: dict[str, Prune] = {
    "sessions": _sessions,
    "failures": _failures,
    "links": _links,
    "workers": _workers,
    "attempts": _attempts,
    "deliveries": _deliveries,
    "strays": _strays,
}
