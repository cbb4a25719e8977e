"""Sweeps that meet: several workers, rows that cannot be moved, workers that are killed."""

import os
import random
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World, at_status, make_world
from tests.lifecycle import rows
from tests.lifecycle.due_rows import many
from tests.lifecycle.threads import at_once
from tests.support.striking import wait_until_alone
from webapp.lifecycle.sweeps import sweep, sweep_all
from webapp.models import Appointment, AppointmentStatusHistory, OutboxEvent, SweepProblem
from webapp.queries import invariants
from webapp.vocabulary import Status, SweepKind

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ROOT = Path(__file__).resolve().parents[2]
KILLS = 100 if os.environ.get("DAYBOOK_FULL") else 20
MANY = 10_000


def release_in_advance(session: Session, world: World) -> None:
    """A manager has let through whatever is due at the world's time."""
    from webapp.models import SweepHold

    session.add(
        SweepHold(
            firm_id=world.firm.firm_id,
            kind=SweepKind.COMPLETE,
            row_count=1,
            usual=20,
            why="volume",
            due_until=world.now,
            held_at=world.now,
            decision="released",
            decided_at=world.now,
            decided_by_id=world.manager.staff_user_id,
            decided_by=world.manager.name,
        )
    )
    session.commit()


def counted(session: Session, world: World) -> tuple[int, int, int]:
    """Appointments completed, history rows and outbox events that say so, all as of one moment."""
    session.rollback()
    here = world.firm.firm_id

    def number(model: Any, *where: Any) -> Any:
        counts = sa.select(sa.func.count()).select_from(model).where(model.firm_id == here, *where)
        return counts.scalar_subquery()

    completed, histories, events = session.execute(
        sa.select(
            number(Appointment, Appointment.status == Status.COMPLETED),
            number(AppointmentStatusHistory, AppointmentStatusHistory.to_status == Status.COMPLETED),
            number(OutboxEvent, OutboxEvent.event_type == "appointment.completed"),
        )
    ).one()
    session.rollback()  # on SQLite the question alone would keep every writer out, and so would one after it
    return completed, histories, events


def test_four_workers_move_each_row_once(session: Session, engine: Engine, world: World) -> None:
    many(session, world, MANY, last_end=world.now - 2 * HOUR)
    release_in_advance(session, world)

    def job(own: Session) -> int:
        return sweep(own, firm_id=world.firm.firm_id, now=world.now).moved

    moved = at_once(engine, [job] * 4)
    assert sum(moved) == MANY, moved
    assert counted(session, world) == (MANY, MANY, MANY)
    assert list(invariants.check(session)) == []


def make_immovable(session: Session, appointment_id: int) -> None:
    """The database refuses every change of this appointment's status, as a constraint would."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(
            sa.text(
                "CREATE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'stuck' USING ERRCODE = 'check_violation'; END $$"
            )
        )
        session.execute(
            sa.text(
                "CREATE TRIGGER stuck BEFORE UPDATE ON appointment FOR EACH ROW "
                f"WHEN (OLD.appointment_id = {appointment_id}) EXECUTE FUNCTION stuck()"
            )
        )
    else:
        session.execute(
            sa.text(
                "CREATE TRIGGER stuck BEFORE UPDATE ON appointment "
                f"WHEN OLD.appointment_id = {appointment_id} "
                "BEGIN SELECT RAISE(ABORT, 'stuck'); END"
            )
        )
    session.commit()


def make_movable(session: Session) -> None:
    on = " ON appointment" if session.get_bind().dialect.name == "postgresql" else ""
    session.execute(sa.text(f"DROP TRIGGER stuck{on}"))
    session.commit()


def test_a_bad_row_steps_aside_and_the_rest_goes_on(session: Session, world: World) -> None:
    ids = many(session, world, 30, last_end=world.now - 2 * HOUR)
    make_immovable(session, ids[7])
    report = sweep(session, firm_id=world.firm.firm_id, now=world.now, limit=10).of(SweepKind.COMPLETE)
    assert (report.moved, report.problems) == (29, 1)
    assert counted(session, world) == (29, 29, 29)
    problem = session.scalars(sa.select(SweepProblem)).one()
    assert (problem.appointment_id, problem.tries) == (ids[7], 1)
    assert "stuck" in problem.sentence
    assert list(invariants.check(session)) == []


@pytest.mark.one_engine("postgresql")  # SQLite's only such error, a lock, stops every firm alike
def test_a_firm_that_the_database_gives_up_on_stops_no_other(
    session: Session, engine: Engine, world: World
) -> None:
    other = make_world(session, slug="selby")
    for firm in (world, other):
        many(session, firm, 3, last_end=world.now - 2 * HOUR)
    session.execute(
        sa.text(
            "CREATE FUNCTION caught() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'caught' USING ERRCODE = 'deadlock_detected'; END $$"
        )
    )
    session.execute(
        sa.text(
            "CREATE TRIGGER caught BEFORE UPDATE ON appointment FOR EACH ROW "
            f"WHEN (OLD.firm_id = {world.firm.firm_id}) EXECUTE FUNCTION caught()"
        )
    )
    session.commit()
    first, second = sweep_all(lambda: Session(engine, execution_options={"write": True}), now=world.now)
    assert (first.moved, bool(first.failed)) == (0, True)
    assert (second.moved, second.failed) == (3, "")
    assert session.scalars(sa.select(SweepProblem)).all() == []


def test_a_bad_row_is_tried_less_and_less_often(session: Session, world: World) -> None:
    (bad,) = many(session, world, 1, last_end=world.now - 2 * HOUR)
    make_immovable(session, bad)
    tried = []
    for minutes in (0, 1, 4, 6, 30, 65, 67, 600, 1506, 1508):
        now = world.now + timedelta(minutes=minutes)
        if sweep(session, firm_id=world.firm.firm_id, now=now).of(SweepKind.COMPLETE).problems:
            tried.append(minutes)
    assert tried == [0, 6, 67, 1508]


def test_a_row_that_can_be_moved_again_is_moved_and_forgotten(session: Session, world: World) -> None:
    (bad,) = many(session, world, 1, last_end=world.now - 2 * HOUR)
    make_immovable(session, bad)
    sweep(session, firm_id=world.firm.firm_id, now=world.now)
    make_movable(session)
    report = sweep(session, firm_id=world.firm.firm_id, now=world.now + HOUR)
    assert report.moved == 1
    session.rollback()
    assert session.scalars(sa.select(SweepProblem)).all() == []


def test_a_person_and_a_sweep_never_both_decide(session: Session, engine: Engine, world: World) -> None:
    from webapp.lifecycle import appointments, transaction

    for place in range(12):
        meeting = at_status(session, Status.CONFIRMED, world, start=world.now + place * HOUR)
        later = meeting.end_time + 2 * HOUR
        key = meeting.appointment_id

        def person(own: Session, key: int = key, later: Any = later) -> str:
            def work() -> None:
                appointments.complete(own, own.get_one(Appointment, key), actor=world.acting(), now=later)

            transaction.run(own, work)
            return "person"

        def machine(own: Session, later: Any = later) -> int:
            return sweep(own, firm_id=world.firm.firm_id, now=later).moved

        results = at_once(engine, [person, machine])
        won = [results[0] == "person", results[1] == 1]
        assert won.count(True) == 1, results
        session.rollback()
        session.refresh(meeting)
        assert len(rows.history(session, meeting)) == 2
    assert list(invariants.check(session)) == []


def spawn(url: str, firm_id: int, now: str, last: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.lifecycle.sweeping_process", url, str(firm_id), now, str(last)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_a_worker_that_is_killed_loses_and_doubles_nothing(
    session: Session, database_url: str, world: World
) -> None:
    """Killed without warning in the middle of a batch, by itself and from outside in turn, many times."""
    chance = random.Random(3)
    many(session, world, MANY, last_end=world.now - 2 * HOUR)
    release_in_advance(session, world)
    firm_id, done, growing = world.firm.firm_id, 0, 0
    for turn in range(KILLS):
        process = spawn(database_url, firm_id, world.now.isoformat(), chance.randint(20, 80))
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said == b"near\n", said + process.stdout.read()
        if turn % 2:
            process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
        completed, histories, events = counted(session, world)
        assert completed == histories == events
        assert completed >= done
        growing += completed > done
        done = completed
    assert 0 < done < MANY
    assert growing > KILLS / 2, "the kills did not come in the middle of the work"
    wait_until_alone(session)
    sweep(session, firm_id=firm_id, now=world.now)
    assert counted(session, world) == (MANY, MANY, MANY)
    assert list(invariants.check(session)) == []
