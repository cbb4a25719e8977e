"""How fast a sweep is, against the loop that it replaces and against its own statements run bare.

Run with ``make bench``. ``DAYBOOK_BENCH_ROWS`` is how many appointments there are when nothing is due. Both
engines wait for the disk at each commit, as in production: the control would be too cheap without.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import perf_counter
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World, make_world
from tests.lifecycle.due_rows import many
from tests.lifecycle.test_sweeps_at_once import release_in_advance
from webapp.lifecycle.outcomes import COMPLETED_REASON
from webapp.lifecycle.sweeps import BATCH, due, sweep
from webapp.lifecycle.sweeps import plan as plans
from webapp.models import Appointment, AppointmentStatusHistory
from webapp.vocabulary import Action, ActorKind, Status, SweepKind

pytestmark = pytest.mark.benchmark

DUE = 10_000
ROUNDS = 3
CONTROL = 100
ALL = int(os.environ.get("DAYBOOK_BENCH_ROWS") or 100_000)
HOUR = timedelta(hours=1)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def analyse(session: Session) -> None:
    session.execute(sa.text("ANALYZE"))
    session.commit()


def timed(work: Callable[[], Any]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def save_each(session: Session, world: World, ids: list[int]) -> None:
    """The control: each appointment is loaded, saved and committed, and then its history row."""
    now = world.now
    for number in ids:
        meeting = session.get_one(Appointment, number, populate_existing=True)
        setattr(meeting, "status", Status.COMPLETED)  # noqa: B010 - the control does what only recording may
        meeting.completed_at = meeting.end_time
        meeting.status_reason = COMPLETED_REASON
        meeting.version += 1
        session.commit()
        session.add(
            AppointmentStatusHistory(
                firm_id=world.firm.firm_id,
                appointment_id=number,
                sequence=2,
                action=Action.COMPLETE,
                from_status=Status.CONFIRMED,
                to_status=Status.COMPLETED,
                reason=COMPLETED_REASON,
                actor_kind=ActorKind.SYSTEM,
                actor_label="the system",
                changed_at=now,
                occurred_at=meeting.end_time,
            )
        )
        session.commit()


@contextmanager
def recorded(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Every statement with its parameters, in order, as the driver got it."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, text: str, parameters: Any, *_more: Any) -> None:
        seen.append((text, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", note)


def run_bare(engine: Engine, statements: list[tuple[str, Any]]) -> None:
    """The same statements by the driver alone; a commit before each batch's first."""
    connection = engine.raw_connection()
    cursor = connection.cursor()
    for text, parameters in statements:
        if text.lstrip().startswith("BEGIN"):
            continue
        if text.lstrip().startswith("SELECT"):
            connection.commit()
            if engine.dialect.name == "sqlite":
                cursor.execute("BEGIN IMMEDIATE")
        cursor.execute(text, parameters)
        if cursor.description:
            cursor.fetchall()
    connection.commit()
    connection.close()


def test_completing_ten_thousand(session: Session, engine: Engine) -> None:
    """At least 20 times the control, within twice the bare statements, three writes for each batch.

    In three rounds, of which the best counts: other work on the machine only ever makes it slower.
    """
    _require_durability(session)
    ours, bare, controls = [], [], []
    for turn in range(ROUNDS):
        swept, stripped, loop = (
            make_world(session, slug=f"{name}{turn}") for name in ("sweep", "bare", "loop")
        )
        for world in (swept, stripped):
            many(session, world, DUE, last_end=world.now - 2 * HOUR)
            release_in_advance(session, world)
        ids = many(session, loop, CONTROL, last_end=loop.now - 2 * HOUR)
        statements = _statements_of_a_sweep(session, engine, stripped)
        ours.append(timed(lambda here=swept: sweep(session, firm_id=here.firm.firm_id, now=here.now)))
        bare.append(timed(lambda sent=statements: run_bare(engine, sent)))
        controls.append(timed(lambda here=loop, ids=ids: save_each(session, here, ids)))
        writes = [text for text, _ in statements if text.split(maxsplit=1)[0] in ("UPDATE", "INSERT")]
        assert len(writes) == 3 * (DUE // BATCH)
    session.rollback()
    done = session.scalar(sa.select(sa.func.count()).where(Appointment.status == Status.COMPLETED))
    assert done == ROUNDS * (2 * DUE + CONTROL)
    each = min(ours) / DUE
    each_bare = min(bare) / DUE
    each_control = min(controls) / CONTROL
    print(
        f"\n{engine.dialect.name}: sweep {1 / each:,.0f} rows/s, bare {1 / each_bare:,.0f} rows/s "
        f"(x{each / each_bare:.2f}), control {1 / each_control:,.0f} rows/s (x{each_control / each:.1f})"
    )
    assert each_control / each >= 20
    assert each / each_bare <= 2


def _require_durability(session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert session.scalar(sa.text(f"SHOW {setting}")) == "on", setting
    else:
        assert session.scalar(sa.text("PRAGMA synchronous")) == 2  # FULL
    session.rollback()


def _statements_of_a_sweep(session: Session, engine: Engine, world: World) -> list[tuple[str, Any]]:
    """What a sweep of this firm sends, found out and then undone: nothing of it was committed."""
    from webapp.lifecycle.sweeps import batches

    plan = plans.load(session, firm_id=world.firm.firm_id, now=world.now)
    session.rollback()
    with recorded(engine) as seen:
        session.connection(execution_options={"write": True})
        cursor = None
        for _ in range(DUE // BATCH):
            batch = due.fetch(session, plan, SweepKind.COMPLETE, after=cursor, limit=BATCH, lock=True)
            batches.move(session, batch.moves, SweepKind.COMPLETE, firm_id=plan.firm_id, now=plan.now)
            cursor = batch.last
    session.rollback()
    return seen


def test_nothing_due(session: Session, engine: Engine, world: World) -> None:
    """Under 5 ms of database time, however many appointments there are: printed; tests assert the plans."""
    tenth = ALL // 10
    many(session, world, ALL - 2 * tenth, last_end=world.now - 24 * HOUR, status=Status.COMPLETED)
    many(session, world, tenth, last_end=world.now + tenth * timedelta(minutes=15) + HOUR)
    many(
        session,
        world,
        tenth,
        last_end=world.now + tenth * timedelta(minutes=15) + HOUR,
        staff_user=world.staff2,
        tracked=True,
    )
    analyse(session)
    sweep(session, firm_id=world.firm.firm_id, now=world.now)
    spent: list[float] = []

    def before(_c: Any, cursor: Any, *_more: Any) -> None:
        spent.append(-perf_counter())

    def after(_c: Any, cursor: Any, *_more: Any) -> None:
        spent[-1] += perf_counter()

    sa.event.listen(engine, "before_cursor_execute", before)
    sa.event.listen(engine, "after_cursor_execute", after)
    runs = []
    for _ in range(15):
        spent.clear()
        whole = timed(lambda: sweep(session, firm_id=world.firm.firm_id, now=world.now))
        runs.append((sum(spent), whole, len(spent)))
    database, whole, count = sorted(runs)[len(runs) // 2]
    print(
        f"\n{engine.dialect.name}: nothing due at {ALL:,} rows: {database * 1000:.2f} ms of database time "
        f"in {count} statements, {whole * 1000:.2f} ms in all"
    )
