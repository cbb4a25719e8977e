"""What waits for somebody, over all days: requests, meetings without an outcome, unanswered confirmations."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
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
    values = {"firm": firm_id, "now": now, "day_start": today[0], "day_end": today[1]}
    return Attention(**session.execute(_statement(), values).one()._mapping)


@lru_cache(maxsize=1)
def _statement() -> sa.Select[Any]:
    """Built once: every page asks this, and building it costs several times what answering it does."""
    firm = sa.bindparam("firm", type_=Appointment.firm_id.type)
    now, start, end = (
        sa.bindparam(name, type_=Appointment.start_time.type) for name in ("now", "day_start", "day_end")
    )
    requested = _capped(firm, Appointment.status == Status.REQUESTED, Appointment.start_time)
    due = _capped(
        firm,
        (Appointment.status == Status.CONFIRMED) & (Appointment.end_time <= now),
        Appointment.end_time,
    )
    awaiting = _capped(firm, Appointment.status == Status.AWAITING_CONFIRMATION, Appointment.confirm_by)
    columns: tuple[Any, ...] = (
        _count(requested).label("requests"),
        _within(requested, "start_time", (start, end)).label("requests_today"),
        _least(requested, "created_at").label("oldest_request"),
        _count(due).label("needs_outcome"),
        _within(due, "start_time", (start, end)).label("needs_outcome_today"),
        _least(due, "start_time").label("oldest_outcome"),
        _count(awaiting).label("awaiting"),
        _least(awaiting, "confirm_by").label("next_deadline"),
        health.last_sweep().label("swept_at"),
        poll_list.undecided(firm_id=firm, now=now).label("polls"),
    )
    return sa.select(*columns)


def _capped(firm_id: Any, condition: sa.ColumnElement[bool], order: Any) -> sa.Subquery:
    return (
        sa.select(Appointment.start_time, Appointment.created_at, Appointment.confirm_by)
        .where(Appointment.firm_id == firm_id, condition)
        .order_by(order)
        .limit(CAP)
        .subquery()
    )


def _count(rows: sa.Subquery) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(rows).scalar_subquery()


def _within(rows: sa.Subquery, column: str, span: tuple[Any, Any]) -> sa.ScalarSelect[int]:
    start, end = span
    value = rows.c[column]
    return sa.select(sa.func.count()).select_from(rows).where(value >= start, value < end).scalar_subquery()


def _least(rows: sa.Subquery, column: str) -> sa.ScalarSelect[datetime]:
    return sa.select(sa.func.min(rows.c[column])).scalar_subquery()
