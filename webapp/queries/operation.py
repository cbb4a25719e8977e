"""How the work of all firms stands, for those who run the installation: counts and ages, no names."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import (
    AppointmentStatusHistory,
    HistoryUnsealed,
    MailMessage,
    OutboxEvent,
    SweepHold,
    WebhookDelivery,
    WorkerHeartbeat,
    tenancy,
)
from webapp.queries.health import AHEAD
from webapp.vocabulary import DeliveryState, MailState

ALIVE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits. ``oldest`` is for how many seconds the oldest has been due; 0 if nothing is."""

    name: str
    waiting: int
    oldest: float


@dataclass(frozen=True, slots=True)
class Operation:
    """``sweep_lag`` is in seconds, None where no worker has swept yet.

    ``unsealed`` is the entries of the history that await their seal.
    """

    queues: tuple[Queue, ...]
    workers: int
    sweep_lag: float | None
    held: int
    unsealed: Queue


QUEUES: dict[str, tuple[Any, sa.ColumnElement[bool]]] = {
    "mail": (MailMessage.due_at, MailMessage.state == sa.literal_column(f"'{MailState.WAITING}'")),
    "webhooks": (
        WebhookDelivery.due_at,
        WebhookDelivery.state == sa.literal_column(f"'{DeliveryState.WAITING}'"),
    ),
    "events": (OutboxEvent.created_at, OutboxEvent.handled_at.is_(None)),
}


def now_of(session: Session, *, now: datetime) -> Operation:
    """Ask the database: one statement for each queue and one for the rest, by indexes or short tables."""
    with tenancy.every_firm(session):
        queues = tuple(_queue(session, name, now) for name in QUEUES)
        workers, swept, held, unsealed, oldest = session.execute(
            sa.select(
                sa.select(sa.func.count())
                .where(WorkerHeartbeat.seen_at > now - ALIVE, WorkerHeartbeat.stopped_at.is_(None))
                .scalar_subquery(),
                sa.select(sa.func.max(WorkerHeartbeat.swept_at))
                .where(WorkerHeartbeat.swept_at <= now + AHEAD)
                .scalar_subquery(),
                sa.select(sa.func.count()).where(SweepHold.decision.is_(None)).scalar_subquery(),
                sa.select(sa.func.count()).select_from(HistoryUnsealed).scalar_subquery(),
                _oldest_unsealed().scalar_subquery(),
            )
        ).one()
    waiting = Queue("seals", unsealed, _age(oldest, now) or 0.0)
    return Operation(queues, workers, _age(swept, now), held, waiting)


def _oldest_unsealed() -> sa.Select[datetime]:
    """When the first in the queue was written; rows older than seals wait since now."""
    row = AppointmentStatusHistory
    return (
        sa.select(row.changed_at)
        .join(HistoryUnsealed, HistoryUnsealed.history_id == row.history_id)
        .where(row.legacy.is_(False))
        .order_by(HistoryUnsealed.history_id)
        .limit(1)
    )


def _queue(session: Session, name: str, now: datetime) -> Queue:
    due, waits = QUEUES[name]
    count, oldest = session.execute(sa.select(sa.func.count(), sa.func.min(due)).where(waits)).one()
    return Queue(name, count, _age(oldest, now) or 0.0)


def _age(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else max(0.0, (now - moment).total_seconds())
