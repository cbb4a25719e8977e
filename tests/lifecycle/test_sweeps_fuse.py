"""The fuse: too much at once, or a clock that jumped, waits for a manager."""

from collections.abc import Callable
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
from webapp.models import AuditEvent, FirmSweep, SweepHold
from webapp.queries import invariants
from webapp.vocabulary import Status, SweepKind

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def swept(session: Session, world: World, now: datetime, last: datetime | None = None) -> Report:
    """A sweep; ``last`` is when the one before it was, by a clock that was believed."""
    if last is not None:
        session.merge(FirmSweep(firm_id=world.firm.firm_id, looked_at=last, believed_at=last))
        session.commit()
    return sweep(session, firm_id=world.firm.firm_id, now=now)


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
        (-timedelta(hours=23), False),
        (-timedelta(hours=23, seconds=1), True),
        (-timedelta(days=1), True),
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


def factory_of(engine: Engine) -> Callable[[], Session]:
    return lambda: Session(engine, execution_options={"write": True}, expire_on_commit=False)


def test_a_dry_run_says_what_a_jump_would_hold_and_writes_nothing(
    session: Session, engine: Engine, world: World
) -> None:
    many(session, world, 2, last_end=world.now + 22 * HOUR)
    sweep_all(factory_of(engine), now=world.now)
    (dry,) = sweep_all(factory_of(engine), now=world.now + DAY, dry_run=True)
    assert dry.jumped
    assert dry.of(SweepKind.COMPLETE).held is not None
    assert session.scalars(sa.select(SweepHold)).all() == []


@pytest.mark.parametrize("jump", [DAY, 3 * DAY, -DAY])
def test_a_clock_that_stays_wrong_decides_nothing_ever(
    session: Session, engine: Engine, world: World, jump: timedelta
) -> None:
    """Nothing is due when it jumps; what falls due by it later is held back too."""
    sweep_all(factory_of(engine), now=world.now)
    many(session, world, 2, last_end=world.now + jump + 3 * HOUR)
    for hours in range(0, 9, 2):
        (report,) = sweep_all(factory_of(engine), now=world.now + jump + hours * HOUR)
        assert (report.jumped, report.moved) == (True, 0)
    assert the_hold(session).why == "clock"


def test_a_clock_that_comes_back_is_believed_at_once(session: Session, engine: Engine, world: World) -> None:
    many(session, world, 2, last_end=world.now - 30 * MINUTE)
    sweep_all(factory_of(engine), now=world.now)
    sweep_all(factory_of(engine), now=world.now - 3 * DAY)
    (report,) = sweep_all(factory_of(engine), now=world.now + HOUR)
    assert (report.jumped, report.moved) == (False, 2)


def test_a_manager_who_decides_says_that_the_clock_is_right(
    session: Session, engine: Engine, world: World
) -> None:
    """Nobody swept for three days, and what was due is released: later rows of every kind are decided."""
    many(session, world, 2, last_end=world.now + 2 * DAY)
    sweep_all(factory_of(engine), now=world.now)
    back = world.now + 3 * DAY
    sweep_all(factory_of(engine), now=back)
    holds.release(session, the_hold(session).sweep_hold_id, actor=manager(world), now=back + MINUTE)
    session.commit()
    many(session, world, 3, last_end=back, status=Status.REQUESTED, staff_user=world.staff2)
    (report,) = sweep_all(factory_of(engine), now=back + 2 * MINUTE)
    assert not report.jumped
    assert (report.of(SweepKind.COMPLETE).moved, report.of(SweepKind.EXPIRE).moved) == (2, 3)
    (again,) = sweep_all(factory_of(engine), now=back + 22 * HOUR)
    assert not again.jumped


@pytest.mark.parametrize("status", [Status.REQUESTED, Status.AWAITING_CONFIRMATION])
def test_what_is_over_is_released_and_not_left_with_its_slot(
    session: Session, world: World, status: Status
) -> None:
    many(session, world, 2, last_end=world.now, status=status, confirm_by=world.now - HOUR)
    swept(session, world, world.now, world.now - 2 * DAY)
    number = the_hold(session).sweep_hold_id
    with pytest.raises(NotAllowed, match="Release them"):
        holds.dismiss(session, number, actor=manager(world), now=world.now)
    session.rollback()
    holds.release(session, number, actor=manager(world), now=world.now)


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
