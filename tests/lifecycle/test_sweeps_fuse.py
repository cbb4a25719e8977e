"""The fuse: too much at once, or a clock that jumped, waits for a manager."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, make_world
from tests.lifecycle import rows
from tests.lifecycle.due_rows import many
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Forbidden, Missing, NotAllowed
from webapp.lifecycle.sweeps import Report, holds, sweep, sweep_all
from webapp.models import AuditEvent, SweepHold, WorkerHeartbeat
from webapp.queries import invariants
from webapp.vocabulary import Status, SweepKind

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def swept(session: Session, world: World, now: datetime, last: datetime | None = None) -> Report:
    return sweep(session, firm_id=world.firm.firm_id, now=now, last_sweep=last)


def the_hold(session: Session) -> SweepHold:
    session.rollback()
    return session.scalars(sa.select(SweepHold).execution_options(populate_existing=True)).one()


def manager(world: World) -> Actor:
    return world.acting(world.manager)


@pytest.fixture
def backlog(session: Session, world: World) -> list[int]:
    """One more than five times the least that counts as a usual day."""
    return many(session, world, 101, last_end=world.now - 2 * HOUR)


def test_five_usual_days_and_one_are_held_back(session: Session, world: World, backlog: list[int]) -> None:
    before = rows.everything(session)
    report = swept(session, world, world.now).of(SweepKind.COMPLETE)
    assert report.moved == 0
    assert report.held is not None
    assert (report.held.why, report.held.row_count, report.held.usual, report.held.new) == (
        "volume",
        101,
        20,
        True,
    )
    assert rows.everything(session) == before
    assert the_hold(session).row_count == len(backlog)
    again = swept(session, world, world.now + MINUTE).of(SweepKind.COMPLETE)
    assert again.held is not None
    assert not again.held.new
    assert the_hold(session).held_at == world.now


def test_what_a_usual_day_is_follows_from_four_weeks(
    session: Session, world: World, backlog: list[int]
) -> None:
    for day in range(2, 28):
        many(session, world, 27, last_end=world.now - (60 + day) * DAY)
        assert swept(session, world, world.now - day * DAY).moved == 27
    assert swept(session, world, world.now).of(SweepKind.COMPLETE).held is None


def test_the_other_kinds_go_on(session: Session, world: World, backlog: list[int]) -> None:
    many(session, world, 3, last_end=world.now - HOUR, status=Status.REQUESTED, staff_user=world.staff2)
    report = swept(session, world, world.now)
    assert report.of(SweepKind.EXPIRE).moved == 3
    assert report.of(SweepKind.COMPLETE).held is not None


def test_released_rows_are_decided_without_asking_again(
    session: Session, world: World, backlog: list[int]
) -> None:
    swept(session, world, world.now)
    holds.release(session, the_hold(session).sweep_hold_id, actor=manager(world), now=world.now + MINUTE)
    session.commit()
    report = swept(session, world, world.now + 2 * MINUTE).of(SweepKind.COMPLETE)
    assert (report.moved, report.held) == (101, None)
    assert list(invariants.check(session)) == []


def test_dismissed_rows_are_left_to_people_and_later_ones_are_decided(
    session: Session, world: World, backlog: list[int]
) -> None:
    swept(session, world, world.now)
    holds.dismiss(session, the_hold(session).sweep_hold_id, actor=manager(world), now=world.now + MINUTE)
    session.commit()
    later = many(session, world, 2, last_end=world.now, staff_user=world.staff2)
    assert swept(session, world, world.now + 30 * MINUTE).moved == 0
    assert swept(session, world, world.now + 2 * HOUR).of(SweepKind.COMPLETE).moved == len(later)
    assert swept(session, world, world.now + 30 * DAY).moved == 0


def test_a_second_backlog_after_a_release_is_held_back_too(
    session: Session, world: World, backlog: list[int]
) -> None:
    swept(session, world, world.now)
    holds.release(session, the_hold(session).sweep_hold_id, actor=manager(world), now=world.now)
    session.commit()
    swept(session, world, world.now + MINUTE)
    many(session, world, 130, last_end=world.now + 33 * HOUR, staff_user=world.staff2)
    assert swept(session, world, world.now + 35 * HOUR).of(SweepKind.COMPLETE).held is not None


@pytest.mark.parametrize(
    ("last", "held"),
    [
        (-timedelta(minutes=1), False),
        (-timedelta(hours=26), False),
        (-timedelta(hours=26, seconds=1), True),
        (-timedelta(days=2), True),
        (timedelta(minutes=9), False),
        (timedelta(days=1), True),
    ],
)
def test_a_clock_that_jumped_holds_everything_back(
    session: Session, world: World, last: timedelta, held: bool
) -> None:
    many(session, world, 2, last_end=world.now - 2 * HOUR)
    report = swept(session, world, world.now, world.now + last).of(SweepKind.COMPLETE)
    assert (report.held is not None, report.moved) == (held, 0 if held else 2)
    if report.held is not None:
        assert report.held.why == "clock"


def test_a_jump_with_nothing_due_holds_nothing(session: Session, world: World) -> None:
    assert swept(session, world, world.now, world.now - 3 * DAY).kinds == ()
    assert session.scalars(sa.select(SweepHold)).all() == []


def test_a_sweep_of_all_firms_looks_at_the_heartbeats(session: Session, engine: Engine, world: World) -> None:
    many(session, world, 2, last_end=world.now - 2 * HOUR)
    session.add(
        WorkerHeartbeat(worker="w", started_at=world.now, seen_at=world.now, swept_at=world.now - 3 * DAY)
    )
    session.commit()

    def factory() -> Session:
        return Session(engine, execution_options={"write": True}, expire_on_commit=False)

    (dry,) = sweep_all(factory, now=world.now, dry_run=True)
    assert dry.of(SweepKind.COMPLETE).held is not None
    assert session.scalars(sa.select(SweepHold)).all() == []
    session.rollback()
    (report,) = sweep_all(factory, now=world.now)
    assert report.of(SweepKind.COMPLETE).held is not None


def test_a_decision_made_after_a_clock_ran_ahead_does_not_reach_into_the_future(
    session: Session, world: World
) -> None:
    many(session, world, 2, last_end=world.now - 2 * HOUR)
    swept(session, world, world.now + DAY, world.now - 3 * HOUR)
    assert the_hold(session).due_until == world.now + DAY
    holds.dismiss(session, the_hold(session).sweep_hold_id, actor=manager(world), now=world.now)
    session.commit()
    many(session, world, 2, last_end=world.now + HOUR, staff_user=world.staff2)
    assert swept(session, world, world.now + 3 * HOUR).of(SweepKind.COMPLETE).moved == 2


def test_who_decides_is_kept(session: Session, world: World, backlog: list[int]) -> None:
    swept(session, world, world.now)
    number = the_hold(session).sweep_hold_id
    holds.release(session, number, actor=manager(world), now=world.now)
    session.commit()
    audit = session.scalars(sa.select(AuditEvent).where(AuditEvent.subject == "sweep_hold")).one()
    assert (audit.action, audit.actor_label) == ("released", "Daniel Osei")
    with pytest.raises(NotAllowed, match="Daniel Osei released these"):
        holds.dismiss(session, number, actor=world.acting(world.owner), now=world.now)


def test_only_the_firms_own_manager_decides(session: Session, world: World, backlog: list[int]) -> None:
    swept(session, world, world.now)
    number = the_hold(session).sweep_hold_id
    with pytest.raises(Forbidden):
        holds.release(session, number, actor=world.acting(), now=world.now)
    other = make_world(session, slug="selby")
    with pytest.raises(Missing):
        holds.release(session, number, actor=other.acting(other.owner), now=world.now)
