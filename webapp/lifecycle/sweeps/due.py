"""Which rows are due, found by the partial indexes. SQL narrows; ``decide_outcome`` has the last word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.lifecycle.appointments import NO_SHOW_REASONS
from webapp.lifecycle.outcomes import (
    COMPLETED_REASON,
    Facts,
    Meeting,
    Verdict,
    absence_note,
    decide_outcome,
)
from webapp.lifecycle.recording_sets import Move
from webapp.lifecycle.sweeps.instants import minutes_after
from webapp.lifecycle.sweeps.plan import Plan
from webapp.models import Appointment, Attendance, SweepProblem
from webapp.vocabulary import AttendanceSide, NoShowParty, OutcomePolicy, Status, SweepKind

EXPIRED_REASON = "Nobody answered the request before its start"
TIMED_OUT_REASON = "Not confirmed before the deadline"
BACKOFF = (timedelta(minutes=5), timedelta(hours=1), timedelta(days=1))
"""How long a row stays aside after its first, second, and every further failure."""
PAGE = 5000

Cursor = tuple[datetime, int]

KEYS: dict[SweepKind, InstrumentedAttribute[Any]] = {
    SweepKind.COMPLETE: Appointment.end_time,
    SweepKind.NO_SHOW: Appointment.start_time,
    SweepKind.EXPIRE: Appointment.start_time,
    SweepKind.TIME_OUT: Appointment.confirm_by,
}
SOURCES = {
    SweepKind.COMPLETE: Status.CONFIRMED,
    SweepKind.NO_SHOW: Status.CONFIRMED,
    SweepKind.EXPIRE: Status.REQUESTED,
    SweepKind.TIME_OUT: Status.AWAITING_CONFIRMATION,
}

STEPS_TO = {SweepKind.COMPLETE: Status.COMPLETED, SweepKind.NO_SHOW: Status.NO_SHOW}


@dataclass(frozen=True, slots=True)
class Batch:
    """The moves of a page of rows. ``seen`` counts the rows, ``last`` is where the next page begins."""

    moves: list[Move]
    seen: int
    last: Cursor | None


def fetch(
    session: Session,
    plan: Plan,
    kind: SweepKind,
    *,
    after: Cursor | None = None,
    limit: int,
    lock: bool = False,
    since: datetime | None = None,
    only: int | None = None,
) -> Batch:
    """A page of rows in the order in which they fell due, and what is to become of each. One statement.

    ``lock`` keeps them (on PostgreSQL) for this transaction and passes by what another one has. ``since``
    leaves out what was due before; ``only`` looks at one appointment alone.
    """
    key = KEYS[kind]
    statement = (
        select(plan, kind, *_columns(plan, kind), since=since or plan.floor.get(kind))
        .order_by(Appointment.appointment_id)
        .limit(limit)
    )
    if after is not None:
        mark = sa.tuple_(sa.bindparam(None, after[0], key.type), sa.bindparam(None, after[1]))
        statement = statement.where(sa.tuple_(key, Appointment.appointment_id) > mark)
    if only is not None:
        statement = statement.where(Appointment.appointment_id == only)
    if lock:
        statement = statement.with_for_update(skip_locked=True, key_share=True, of=Appointment)
    rows = session.connection().execute(statement).all()  # plain rows: there is nothing for a session to keep
    last = (getattr(rows[-1], key.key), rows[-1].appointment_id) if rows else None
    return Batch(_moves(rows, plan, kind), len(rows), last)


def pages(session: Session, plan: Plan, kind: SweepKind, *, since: datetime | None = None) -> Iterator[Batch]:
    """Everything that is due, without locks, a page at a time."""
    batch = fetch(session, plan, kind, limit=PAGE, since=since)
    yield batch
    while batch.seen == PAGE:
        batch = fetch(session, plan, kind, after=batch.last, limit=PAGE, since=since)
        yield batch


def count(session: Session, plan: Plan, kind: SweepKind, *, since: datetime | None = None) -> int:
    """How many rows a sweep would move."""
    return sum(len(batch.moves) for batch in pages(session, plan, kind, since=since))


def capped(
    session: Session, plan: Plan, wanted: dict[tuple[SweepKind, datetime | None], int]
) -> dict[Any, int]:
    """About how many rows are due for each (kind, since), counted up to a cap each. One statement."""
    keys = list(wanted)
    if not keys:
        return {}
    parts = [
        sa.select(sa.func.count()).select_from(
            select(plan, kind, Appointment.appointment_id, since=since).limit(wanted[kind, since]).subquery()
        )
        for kind, since in keys
    ]
    row = session.execute(sa.select(*(part.scalar_subquery() for part in parts))).one()
    return dict(zip(keys, row, strict=True))


def select(plan: Plan, kind: SweepKind, *columns: Any, since: datetime | None = None) -> sa.Select[Any]:
    """What is due, in the order of its index: without an order PostgreSQL may read the whole table."""
    return (
        sa.select(*columns)
        .select_from(Appointment)
        .where(*_conditions(plan, kind, since))
        .order_by(KEYS[kind])
    )


def _conditions(plan: Plan, kind: SweepKind, since: datetime | None) -> list[Any]:
    """Whose time has come. Status and ``tracked`` are written out, so that the partial indexes serve."""
    key, offset = KEYS[kind], plan.offset(kind)
    found: list[Any] = [
        Appointment.firm_id == plan.firm_id,
        Appointment.status == sa.literal_column(f"'{SOURCES[kind].value}'"),
        key < plan.now - offset,
    ]
    if since is not None:
        found.append(key >= since - offset)
    if kind is SweepKind.NO_SHOW:
        found += [sa.text("appointment.tracked"), ~_both_joined(plan, in_time=True)]
    if kind is SweepKind.COMPLETE:
        in_time = plan.policy.no_show is not OutcomePolicy.OFF
        found.append(sa.or_(Appointment.tracked.is_(sa.false()), _both_joined(plan, in_time=in_time)))
    if kind in plan.aside:
        found.append(~_aside(plan, kind))
    return found


def _columns(plan: Plan, kind: SweepKind) -> list[Any]:
    found: list[Any] = [Appointment.appointment_id, Appointment.version]
    if SOURCES[kind] is not Status.CONFIRMED:
        return [*found, KEYS[kind]]
    joins = [
        sa.case((Appointment.tracked, _first_join(plan, side))).label(f"{side}_joined_at")
        for side in (AttendanceSide.CLIENT, AttendanceSide.STAFF)
    ]
    return [*found, Appointment.start_time, Appointment.end_time, Appointment.tracked, *joins]


def _joins(plan: Plan, side: AttendanceSide) -> list[Any]:
    return [
        Attendance.firm_id == plan.firm_id,
        Attendance.appointment_id == Appointment.appointment_id,
        Attendance.side == side,
        Attendance.withdrawn_at.is_(None),
        Attendance.joined_at <= plan.now,
    ]


def _first_join(plan: Plan, side: AttendanceSide) -> Any:
    return (
        sa.select(sa.func.min(Attendance.joined_at))
        .where(*_joins(plan, side))
        .correlate(Appointment)
        .scalar_subquery()
    )


def _both_joined(plan: Plan, *, in_time: bool) -> sa.ColumnElement[bool]:
    threshold = minutes_after(
        Appointment.start_time, sa.bindparam(None, plan.policy.no_show_after, sa.Integer())
    )
    early = [Attendance.joined_at <= threshold] if in_time else []
    return sa.and_(
        *(
            sa.select(Attendance.attendance_id)
            .where(*_joins(plan, side), *early)
            .correlate(Appointment)
            .exists()
            for side in AttendanceSide
        )
    )


def _aside(plan: Plan, kind: SweepKind) -> sa.ColumnElement[bool]:
    """It failed, and the time to try again has not come."""
    *few, last = BACKOFF
    waits = [
        (SweepProblem.tries == tries) & (SweepProblem.last_at > plan.now - wait)
        for tries, wait in enumerate(few, 1)
    ]
    waits.append((SweepProblem.tries > len(few)) & (SweepProblem.last_at > plan.now - last))
    return (
        sa.select(SweepProblem.appointment_id)
        .where(
            SweepProblem.firm_id == plan.firm_id,
            SweepProblem.appointment_id == Appointment.appointment_id,
            SweepProblem.kind == kind,
            sa.or_(*waits),
        )
        .correlate(Appointment)
        .exists()
    )


def _moves(rows: Sequence[Any], plan: Plan, kind: SweepKind) -> list[Move]:
    """What is to become of the rows; those are left out which the rule leaves as they are."""
    if kind is SweepKind.EXPIRE:
        return [Move(number, version, start, EXPIRED_REASON) for number, version, start in rows]
    if kind is SweepKind.TIME_OUT:
        return [Move(number, version, confirm_by, TIMED_OUT_REASON) for number, version, confirm_by in rows]
    found = []
    for number, version, start, end, tracked, client, staff in rows:
        decision = decide_outcome(Meeting(start, end, tracked), Facts(client, staff), plan.policy, plan.now)
        if decision.verdict is not Verdict.DECIDE or decision.outcome is not STEPS_TO[kind]:
            continue
        at = cast(datetime, decision.occurred_at)
        found.append(Move(number, version, at, _reason(decision.party, plan), decision.party))
    return found


def _reason(party: NoShowParty | None, plan: Plan) -> str:
    if party is None:
        return COMPLETED_REASON
    return f"{NO_SHOW_REASONS[party]}. {absence_note(plan.policy)}"
