"""The fuse: where more is due than a usual day explains, or the clock jumped, a manager decides."""

from datetime import datetime, timedelta
from math import ceil

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.lifecycle import transaction
from webapp.lifecycle.sweeps import due
from webapp.lifecycle.sweeps.plan import Plan
from webapp.lifecycle.sweeps.report import Held, Why
from webapp.models import AppointmentStatusHistory, SweepHold
from webapp.vocabulary import Action, SweepKind

USUAL_DAYS = 28
LEAST_USUAL = 20
TIMES = 5
"""A usual day's rows so many times over are still decided."""
BACK = timedelta(minutes=10)
"""Workers' clocks may differ by so much."""
AHEAD = timedelta(hours=23)
"""Later than this after the last sweep the clock has jumped by a day, or nobody swept for nearly one."""

ENDS = {
    SweepKind.COMPLETE: Action.COMPLETE,
    SweepKind.NO_SHOW: Action.MARK_NO_SHOW,
    SweepKind.EXPIRE: Action.EXPIRE,
    SweepKind.TIME_OUT: Action.TIME_OUT,
}


def jumped(plan: Plan) -> bool:
    """Whether the clock and the last sweep do not fit together."""
    last = plan.reference
    return last is not None and not last - BACK <= plan.now <= last + AHEAD


def look(
    session: Session, plan: Plan, kinds: list[SweepKind], *, clock: bool
) -> tuple[list[SweepKind], dict[SweepKind, Held]]:
    """Which of the kinds have rows to decide, and which of them the fuse holds back. Reads only."""
    most = LEAST_USUAL * TIMES + 1
    wanted: dict[tuple[SweepKind, datetime | None], int] = {}
    for kind in kinds:
        wanted[kind, plan.floor.get(kind)] = most
        wanted[kind, plan.cleared.get(kind)] = most
    counts = due.capped(session, plan, wanted)
    ready, held = [], {}
    for kind in kinds:
        if counts[kind, plan.floor.get(kind)] == 0:
            continue
        fresh = counts[kind, plan.cleared.get(kind)]
        trip = _trip(session, plan, kind, clock=clock, full=fresh == most) if fresh else None
        if trip:
            held[kind] = trip
        else:
            ready.append(kind)
    return ready, held


def _trip(session: Session, plan: Plan, kind: SweepKind, *, clock: bool, full: bool) -> Held | None:
    if not clock and not full:
        return None
    rows = due.count(session, plan, kind, since=plan.cleared.get(kind))
    usual = usual_day(session, plan, kind)
    if clock:
        return Held(Why.CLOCK, rows, usual, new=True) if rows else None
    return Held(Why.VOLUME, rows, usual, new=True) if rows > usual * TIMES else None


def usual_day(session: Session, plan: Plan, kind: SweepKind) -> int:
    """How many appointments of the firm came to that end per day, over four weeks; at least 20."""
    count = session.scalar(
        sa.select(sa.func.count())
        .select_from(AppointmentStatusHistory)
        .where(
            AppointmentStatusHistory.firm_id == plan.firm_id,
            AppointmentStatusHistory.changed_at >= plan.now - timedelta(days=USUAL_DAYS),
            AppointmentStatusHistory.changed_at <= plan.now,
            AppointmentStatusHistory.action == ENDS[kind],
        )
    )
    return max(LEAST_USUAL, ceil((count or 0) / USUAL_DAYS))


def hold(session: Session, plan: Plan, kind: SweepKind, held: Held) -> None:
    """Write down what was held back, in a transaction of its own. There is one open hold of a kind."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = (
        insert(SweepHold)
        .values(
            firm_id=plan.firm_id,
            kind=kind,
            row_count=held.row_count,
            usual=held.usual,
            why=held.why.value,
            due_until=plan.now,
            held_at=plan.now,
        )
        .on_conflict_do_nothing()
    )
    transaction.run(session, lambda: session.execute(statement))
