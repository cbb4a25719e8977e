"""Rows that have served their time. Each kind goes in a transaction of its own."""

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import deliveries, heartbeats, throttle, transaction
from webapp.models import PersonalLink, SignInFailure, UserSession, WebhookAttempt, WebhookDelivery

KEEP_SESSIONS = timedelta(days=30)
KEEP_LINKS = timedelta(days=90)
KEEP_WEBHOOKS = timedelta(days=30)

Prune = Callable[[Session, datetime], int]


def forget(session: Session, now: datetime) -> dict[str, int]:
    """Delete what is old; returns how many rows of each kind. Commits after each."""
    found: dict[str, int] = {}
    for kind, prune in KINDS.items():
        found[kind] = _committed(session, prune, now)
    return found


def _committed(session: Session, prune: Prune, now: datetime) -> int:
    return transaction.run(session, lambda: prune(session, now))


def _sessions(session: Session, now: datetime) -> int:
    """Sessions that ended a month ago."""
    gone = sa.delete(UserSession).where(UserSession.expires_at < now - KEEP_SESSIONS)
    return len(session.execute(gone.returning(UserSession.token_hash)).all())


def _failures(session: Session, now: datetime) -> int:
    """Failed sign-ins that no longer count."""
    gone = sa.delete(SignInFailure).where(SignInFailure.failed_at <= now - throttle.WINDOW)
    return len(session.execute(gone.returning(SignInFailure.sign_in_failure_id)).all())


def _links(session: Session, now: datetime) -> int:
    """Personal links that stopped working a season ago."""
    gone = sa.delete(PersonalLink).where(PersonalLink.expires_at < now - KEEP_LINKS)
    return len(session.execute(gone.returning(PersonalLink.personal_link_id)).all())


def _attempts(session: Session, now: datetime) -> int:
    """Tries of webhooks a month ago, with what was sent and answered."""
    gone = sa.delete(WebhookAttempt).where(WebhookAttempt.attempted_at < now - KEEP_WEBHOOKS)
    return len(session.execute(gone.returning(WebhookAttempt.webhook_attempt_id)).all())


def _deliveries(session: Session, now: datetime) -> int:
    """Webhooks that arrived, failed or were dropped a month ago."""
    gone = sa.delete(WebhookDelivery).where(WebhookDelivery.ended_at < now - KEEP_WEBHOOKS)
    return len(session.execute(gone.returning(WebhookDelivery.webhook_delivery_id)).all())


KINDS: dict[str, Prune] = {
    "sessions": _sessions,
    "failures": _failures,
    "links": _links,
    "workers": heartbeats.forget_old,
    "attempts": _attempts,
    "deliveries": _deliveries,
    "strays": deliveries.drop_strays,
}
