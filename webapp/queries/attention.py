"""What waits for somebody, over all days: requests, meetings without an outcome, unanswered confirmations."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Appointment
from webapp.queries import health, poll_list
from webapp.vocabulary import Status

CAP = 1000
"""Counting stops here; a page shows "999+" beyond."""


@dataclass(frozen=True, slots=True)
class Attention:
    """Three counts, each capped, with what makes them urgent; and the polls that need a decision."""

    requests: int
    requests_today: int
    oldest_request: datetime | None
    needs_outcome: int
    needs_outcome_today: int
    oldest_outcome: datetime | None
    awaiting: int
    next_deadline: datetime | None
    swept_at: datetime | None
    polls: int = 0

    @property
    def nothing(self) -> bool:
        return not (self.requests or self.needs_outcome or self.awaiting)


def summary(session: Session, *, firm_id: int, now: datetime, today: tuple[datetime, datetime]) -> Attention:
    """Count what waits, by the partial indexes. One statement; ``today`` is the firm's day in UTC."""
    requested = _capped(firm_id, Appointment.status == Status.REQUESTED, Appointment.start_time)
    due = _capped(
        firm_id,
        (Appointment.status == Status.CONFIRMED) & (Appointment.end_time <= now),
        Appointment.end_time,
    )
    awaiting = _capped(firm_id, Appointment.status == Status.AWAITING_CONFIRMATION, Appointment.confirm_by)
    row = session.execute(
        sa.select(
            _count(requested).label("requests"),
            _within(requested, "start_time", today).label("requests_today"),
            _least(requested, "created_at").label("oldest_request"),
            _count(due).label("needs_outcome"),
            _within(due, "start_time", today).label("needs_outcome_today"),
            _least(due, "start_time").label("oldest_outcome"),
            _count(awaiting).label("awaiting"),
            _least(awaiting, "confirm_by").label("next_deadline"),
            health.last_sweep().label("swept_at"),
            poll_list.undecided(firm_id=firm_id, now=now).label("polls"),
        )
    ).one()
    return Attention(**row._mapping)


def _capped(firm_id: int, condition: sa.ColumnElement[bool], order: Any) -> sa.Subquery:
    return (
        sa.select(Appointment.start_time, Appointment.created_at, Appointment.confirm_by)
        .where(Appointment.firm_id == firm_id, condition)
        .order_by(order)
        .limit(CAP)
        .subquery()
    )


def _count(rows: sa.Subquery) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(rows).scalar_subquery()


def _within(rows: sa.Subquery, column: str, span: tuple[datetime, datetime]) -> sa.ScalarSelect[int]:
    start, end = span
    value = rows.c[column]
    return sa.select(sa.func.count()).select_from(rows).where(value >= start, value < end).scalar_subquery()


def _least(rows: sa.Subquery, column: str) -> sa.ScalarSelect[datetime]:
    return sa.select(sa.func.min(rows.c[column])).scalar_subquery()
