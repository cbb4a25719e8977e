"""One batch: rows found and locked, moved by set-based statements, in a transaction of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session

from webapp.lifecycle import audit, recording, transaction
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.recording_sets import Move
from webapp.lifecycle.sweeps import due, problems
from webapp.lifecycle.sweeps.due import SOURCES, TIMED_OUT_REASON, Batch, Cursor
from webapp.lifecycle.sweeps.plan import Plan
from webapp.models import Poll
from webapp.vocabulary import Action, CancelledBy, PollStatus, Status, SweepKind

STEPS = {
    SweepKind.COMPLETE: (Action.COMPLETE, Status.COMPLETED),
    SweepKind.NO_SHOW: (Action.MARK_NO_SHOW, Status.NO_SHOW),
    SweepKind.EXPIRE: (Action.EXPIRE, Status.CANCELLED),
    SweepKind.TIME_OUT: (Action.TIME_OUT, Status.CANCELLED),
}


@dataclass(slots=True)
class Tally:
    """How many rows were moved and how many stepped aside."""

    moved: int = 0
    problems: int = 0


def run(
    session: Session, plan: Plan, kind: SweepKind, *, limit: int, stop: Callable[[], bool] | None = None
) -> Tally:
    """Batch after batch until nothing is due. ``stop`` is asked between two of them."""
    tally, cursor, seen = Tally(), None, limit
    while seen == limit and not (stop and stop()):
        try:
            batch, moved = _transacted(session, plan, kind, after=cursor, limit=limit)
            tally.moved += len(moved)
        except DatabaseError as error:
            if isinstance(error, OperationalError):
                raise  # the database is busy or gone: that is no row's fault
            batch = _one_by_one(session, plan, kind, tally, after=cursor, limit=limit)
        cursor, seen = batch.last, batch.seen
    return tally


def _transacted(
    session: Session,
    plan: Plan,
    kind: SweepKind,
    *,
    limit: int,
    after: Cursor | None = None,
    only: int | None = None,
) -> tuple[Batch, list[int]]:
    def work() -> tuple[Batch, list[int]]:
        batch = due.fetch(session, plan, kind, after=after, limit=limit, lock=True, only=only)
        return batch, move(session, batch.moves, kind, firm_id=plan.firm_id, now=plan.now)

    return transaction.run(session, work)


def move(session: Session, moves: list[Move], kind: SweepKind, *, firm_id: int, now: datetime) -> list[int]:
    """Take the step for a set of rows in the caller's transaction: three statements, four for polls."""
    action, to = STEPS[kind]
    moved = recording.bulk_record(
        session,
        moves,
        action=action,
        source=SOURCES[kind],
        to=to,
        actor=Actor.system(firm_id),
        now=now,
        cancelled_by=CancelledBy.SYSTEM if to is Status.CANCELLED else None,
    )
    if moved and kind is SweepKind.TIME_OUT:
        _time_out_polls(session, firm_id, moved, now)
    return moved


def _time_out_polls(session: Session, firm_id: int, appointment_ids: list[int], now: datetime) -> None:
    """The polls that held these appointments are out of time too, each with its row in the audit log."""
    polls = session.scalars(
        sa.update(Poll)
        .where(
            Poll.firm_id == firm_id,
            Poll.appointment_id.in_(appointment_ids),
            Poll.status == PollStatus.HELD,
        )
        .values(
            {
                Poll.status: PollStatus.TIMED_OUT,
                Poll.status_reason: TIMED_OUT_REASON,
                Poll.version: Poll.version + 1,
            }
        )
        .returning(Poll.poll_id)
        .execution_options(synchronize_session=False)
    ).all()
    actor = Actor.system(firm_id)
    for poll_id in polls:
        audit.note(
            session,
            actor=actor,
            subject="poll",
            subject_id=poll_id,
            action=PollStatus.TIMED_OUT.value,
            changed={"reason": [None, TIMED_OUT_REASON]},
            now=now,
        )


def _one_by_one(
    session: Session, plan: Plan, kind: SweepKind, tally: Tally, *, after: Cursor | None, limit: int
) -> Batch:
    """A batch that a constraint refused, again row by row: the bad ones step aside, the rest goes on."""
    batch = transaction.run(session, lambda: due.fetch(session, plan, kind, after=after, limit=limit))
    for suspect in batch.moves:
        appointment_id = suspect.appointment_id
        try:
            _batch, moved = _transacted(session, plan, kind, limit=1, only=appointment_id)
            tally.moved += len(moved)
        except DatabaseError as error:
            if isinstance(error, OperationalError):
                raise
            problems.note(session, plan, kind, appointment_id, error)
            tally.problems += 1
    return batch
