"""Many at once: one wins, the others hear why, and nobody sees an error of the database.

The controls at the end show that these tests would notice: without the guards the same races do harm.
"""

from collections.abc import Callable
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, at_status, make_world
from tests.lifecycle import bare, raw, rows, steps
from tests.lifecycle.threads import Job, at_once
from webapp.lifecycle import recording, transaction
from webapp.lifecycle.appointments import NewSlot, reschedule
from webapp.lifecycle.errors import DomainError, NotAllowed, SlotTaken, Stale, Unavailable
from webapp.models import Appointment
from webapp.queries.invariants import check
from webapp.vocabulary import Action, Status

CROWD = 32


def split(results: list[Any]) -> tuple[list[Any], list[Exception]]:
    """Who won, and what the others were told."""
    lost = [result for result in results if isinstance(result, Exception)]
    return [result for result in results if not isinstance(result, Exception)], lost


def committing(work: Callable[[Session], Any]) -> Job:
    """The work as an entry point runs it."""
    return lambda session: transaction.run(session, lambda: work(session))


def only(kinds: tuple[type[DomainError], ...], lost: list[Exception]) -> None:
    assert [error for error in lost if not isinstance(error, kinds)] == []
    assert all(error.sentence for error in lost)


@pytest.mark.parametrize("told", [True, False], ids=["with the version seen", "without"])
def test_of_many_actions_on_one_appointment_one_wins(
    engine: Engine, session: Session, world: World, told: bool
) -> None:
    target = at_status(session, Status.CONFIRMED, world)
    actions = [Action.CANCEL, Action.RESCHEDULE, Action.COMPLETE, Action.MARK_NO_SHOW]

    def act(action: Action) -> Job:
        def work(own: Session) -> Action:
            mine = own.get_one(Appointment, target.appointment_id)
            steps.perform(
                own,
                action,
                mine,
                actor=world.acting(world.staff2),
                now=target.end_time,
                expected_version=1 if told else None,
            )
            return action

        return committing(work)

    won, lost = split(at_once(engine, [act(actions[place % 4]) for place in range(CROWD)]))
    assert len(won) == 1
    only((Stale,) if told else (Stale, NotAllowed), lost)
    assert len(rows.history(session, target)) == len(rows.outbox(session, target)) == 2
    assert rows.history(session, target)[-1]["action"] == won[0]
    (sentence,) = {error.sentence.split(".")[0] for error in lost}
    assert "Tomas Novak" in sentence
    assert list(check(session)) == []


def test_of_many_bookings_into_one_slot_one_wins(engine: Engine, session: Session, world: World) -> None:
    def make(place: int) -> Job:
        action = (Action.BOOK, Action.REQUEST, Action.PROPOSE)[place % 3]
        start = world.now + DAY + (place % 5) * LENGTH / 9
        return committing(
            lambda own: steps.create(own, action, world, actor=world.acting(), start=start).appointment_id
        )

    won, lost = split(at_once(engine, [make(place) for place in range(CROWD)]))
    assert len(won) == 1
    only((SlotTaken,), lost)
    assert len(rows.everything(session)["appointment"]) == 1
    assert list(check(session)) == []


def mover(world: World, number: int, start: Any, staff_user_id: int | None = None) -> Job:
    slot = NewSlot(start_time=start, end_time=start + LENGTH, staff_user_id=staff_user_id)

    def work(own: Session) -> int:
        mine = own.get_one(Appointment, number)
        moved = reschedule(own, mine, actor=world.acting(), slot=slot, reason="Swap", now=world.now)
        return moved.appointment_id

    return committing(work)


def test_of_many_moves_into_one_slot_one_wins(engine: Engine, session: Session, world: World) -> None:
    people = (world.staff, world.staff2)
    numbers = [
        at_status(
            session,
            Status.CONFIRMED,
            world,
            start=world.now + (2 + place) * DAY,
            staff_user=people[place % 2],
        ).appointment_id
        for place in range(12)
    ]
    goal = world.now + DAY
    jobs = [mover(world, number, goal, world.staff.staff_user_id) for number in numbers]
    won, lost = split(at_once(engine, jobs))
    assert len(won) == 1
    only((SlotTaken,), lost)
    assert list(check(session)) == []


def test_moves_into_each_others_slots_do_not_lock_each_other_out(
    engine: Engine, session: Session, world: World
) -> None:
    """Lena's and Tomas's meetings change places, half of the movers in one order, half in the other."""
    lena, tomas = world.staff, world.staff2
    pairs = [
        tuple(
            at_status(session, Status.CONFIRMED, world, start=world.now + day * DAY, staff_user=user)
            for user in (lena, tomas)
        )
        for day in range(1, 7)
    ]
    jobs = []
    for hers, his in pairs:
        jobs.append(mover(world, hers.appointment_id, hers.start_time, tomas.staff_user_id))
        jobs.append(mover(world, his.appointment_id, his.start_time, lena.staff_user_id))
    following = [*pairs[1:], pairs[0]]
    for (hers, his), (next_hers, next_his) in zip(pairs, following, strict=True):
        jobs.append(mover(world, hers.appointment_id, next_hers.start_time))
        jobs.append(mover(world, his.appointment_id, next_his.start_time))
    _, lost = split(at_once(engine, jobs))
    only((SlotTaken, Stale, NotAllowed), lost)
    assert list(check(session)) == []


@pytest.mark.one_engine("postgresql")  # SQLite has one writer at a time anyway
def test_who_writes_in_a_calendar_waits_for_the_writer_before(
    engine: Engine, session: Session, world: World
) -> None:
    """Without this order, racing moves end as deadlocks: each holds a row that the other waits for."""
    hers = at_status(session, Status.CONFIRMED, world)
    steps.create(session, Action.BOOK, world, actor=world.acting(), start=world.now + 3 * DAY)
    with Session(engine) as other:
        other.execute(sa.text("SET lock_timeout = '100ms'"))
        other.commit()
        for work in (
            lambda: steps.create(other, Action.BOOK, world, actor=world.acting(), start=world.now + 5 * DAY),
            lambda: mover(world, hers.appointment_id, world.now + 6 * DAY, world.staff2.staff_user_id)(other),
        ):
            with pytest.raises((DatabaseError, Unavailable)) as waited:
                work()
            assert "lock timeout" in str(waited.value.__cause__ or waited.value)
            other.rollback()
        session.commit()
        mover(world, hers.appointment_id, world.now + 6 * DAY, world.staff2.staff_user_id)(other)


def test_the_database_alone_lets_one_of_many_in(engine: Engine, session: Session, world: World) -> None:
    """No look before, no lock: PostgreSQL may end some of them as a deadlock, which is no way in either."""
    job = committing(lambda own: raw.appointment(own, world))
    won, lost = split(at_once(engine, [job] * 12))
    assert len(won) == 1
    refusals = ("slot_taken", "ex_appointment_slot", "deadlock")
    assert [error for error in lost if not any(mark in str(error) for mark in refusals)] == []


def test_the_guards_refusal_is_told_as_a_taken_slot(session: Session, world: World) -> None:
    raw.appointment(session, world)
    session.commit()
    late = Appointment(**raw.columns(world))
    with pytest.raises(SlotTaken, match="taken a moment ago"):
        recording.create(
            session,
            late,
            action=Action.BOOK,
            status=Status.CONFIRMED,
            actor=world.acting(),
            now=world.now,
        )


@pytest.fixture
def stripped(engine: Engine, session: Session) -> World:
    """Marlow's in a database without guards."""
    bare.strip(engine)
    return make_world(session)


def test_control_without_the_guard_several_get_in_and_the_verifier_sees_it(
    engine: Engine, session: Session, stripped: World
) -> None:
    job = committing(lambda own: raw.appointment(own, stripped))
    won, lost = split(at_once(engine, [job] * 8))
    assert (len(won), lost) == (8, [])
    overlaps = [violation for violation in check(session) if "overlap" in violation.sentence]
    assert [len(violation.rows) for violation in overlaps] == [7]


@pytest.mark.parametrize("guarded", [True, False])
def test_control_read_then_save_lets_several_win(
    engine: Engine, session: Session, world: World, guarded: bool
) -> None:
    target = at_status(session, Status.CONFIRMED, world)
    table, together = Appointment.__table__, Barrier(8)
    one = table.c.appointment_id == target.appointment_id

    def read_then_save(own: Session) -> int:
        seen = own.execute(sa.select(table.c.status, table.c.version).where(one)).one()
        assert seen.status is Status.CONFIRMED
        own.commit()
        together.wait()
        where = [one, table.c.status == seen.status, table.c.version == seen.version] if guarded else [one]

        def save() -> int:
            values = raw.columns(world, Status.COMPLETED)
            changed = {name: values[name] for name in ("status", "completed_at")}
            return own.execute(
                sa.update(table).where(*where).values(**changed, version=seen.version + 1)
            ).rowcount

        return transaction.run(own, save)

    won = at_once(engine, [read_then_save] * 8)
    assert not any(isinstance(result, DatabaseError) for result in won)
    assert sum(won) == (1 if guarded else 8)
