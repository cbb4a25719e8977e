"""What waits for somebody, over all days: requests, meetings without an outcome, unanswered confirmations.

And what is wrong: a worker that does not run, outcomes that the fuse held back, webhooks that stopped. All of
it in one statement, because every page asks for it.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Appointment, SweepHold
from webapp.queries import health, late_joins, poll_list, webhooks
from webapp.vocabulary import Status

CAP = 1000
"""Counting stops here; a page shows "999+" beyond."""


@dataclass(frozen=True, slots=True)
class Attention:
    """Three counts of the firm, each capped, with what makes them urgent; and the polls to decide on.

    ``late`` are those who joined after a no-show. ``outcomes`` is one person's part of ``needs_outcome`` and
    ``late`` together, the firm's where nobody was named. ``held_back`` is what the fuse keeps from deciding,
    ``webhooks_stopped`` how many endpoints are off without anybody's doing.
    """

    requests: int
    requests_today: int
    oldest_request: datetime | None
    needs_outcome: int
    needs_outcome_today: int
    oldest_outcome: datetime | None
    awaiting: int
    next_deadline: datetime | None
    swept_at: datetime | None
    late: int
    outcomes: int
    held_back: int
    polls: int = 0
    webhooks_stopped: int = 0

    @property
    def nothing(self) -> bool:
        return not (self.requests or self.needs_outcome or self.late or self.awaiting or self.polls)


def summary(
    session: Session,
    *,
    firm_id: int,
    now: datetime,
    today: tuple[datetime, datetime],
    correction_days: int,
    staff_user_id: int | None = None,
) -> Attention:
    """Count what waits, by the partial indexes. One statement.

    Args:
        today: the firm's day in UTC.
        correction_days: the firm's, which bounds who is told of as having joined late.
        staff_user_id: whose part of the outcomes ``outcomes`` is; None means everybody's.
    """
    values = {
        "firm": firm_id,
        "now": now,
        "day_start": today[0],
        "day_end": today[1],
        "late_since": late_joins.since(now, correction_days),
        **({} if staff_user_id is None else {"person": staff_user_id}),
    }
    found = session.execute(_statement(own=staff_user_id is not None), values).one()
    return Attention(**found._mapping)


@lru_cache(maxsize=2)
def _statement(*, own: bool) -> sa.Select[Any]:
    """Built once: every page asks this, and building it costs several times what answering it does."""
    firm = sa.bindparam("firm", type_=Appointment.firm_id.type)
    now, start, end, late_since = (
        sa.bindparam(name, type_=Appointment.start_time.type)
        for name in ("now", "day_start", "day_end", "late_since")
    )
    person = sa.bindparam("person", type_=Appointment.staff_user_id.type)
    is_due = (Appointment.status == Status.CONFIRMED) & (Appointment.end_time <= now)
    requested = _capped(firm, Appointment.status == Status.REQUESTED, Appointment.start_time)
    due = _capped(firm, is_due, Appointment.end_time)
    awaiting = _capped(firm, Appointment.status == Status.AWAITING_CONFIRMATION, Appointment.confirm_by)
    late = late_joins.count(firm, (late_since, now), None)
    mine = _capped(firm, is_due & (Appointment.staff_user_id == person), Appointment.end_time)
    my_late = late_joins.count(firm, (late_since, now), person)
    columns: tuple[Any, ...] = (
        _count(requested).label("requests"),
        _within(requested, "start_time", (start, end)).label("requests_today"),
        _least(requested, "created_at").label("oldest_request"),
        _count(due).label("needs_outcome"),
        _within(due, "start_time", (start, end)).label("needs_outcome_today"),
        _least(due, "start_time").label("oldest_outcome"),
        _count(awaiting).label("awaiting"),
        _least(awaiting, "confirm_by").label("next_deadline"),
        health.last_sweep(firm).label("swept_at"),
        late.label("late"),
        (_count(mine) + my_late if own else _count(due) + late).label("outcomes"),
        _held_back(firm).label("held_back"),
        poll_list.undecided(firm_id=firm, now=now).label("polls"),
        webhooks.stopped(firm).label("webhooks_stopped"),
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


def _held_back(firm_id: Any) -> sa.ScalarSelect[int]:
    """How many rows wait for a manager's word, by a partial index that is mostly empty."""
    return (
        sa.select(sa.func.coalesce(sa.func.sum(SweepHold.row_count), 0))
        .where(SweepHold.firm_id == firm_id, SweepHold.decision.is_(None))
        .scalar_subquery()
    )
