"""The half year that the demo firms have behind them: whole, honest, and worth a look at the reports."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp import demo
from webapp.demo.build import build
from webapp.demo.people import ALDER
from webapp.localtime import Local, day_start
from webapp.models import Appointment, AppointmentStatusHistory, Firm, Poll, StaffUser
from webapp.models.engine import make_engine
from webapp.queries import invariants
from webapp.queries.analytics import tallies
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.rates import beyond_chance
from webapp.queries.analytics.tallies import LEADS, Tallies
from webapp.queries.analytics.tally import Tally
from webapp.vocabulary import ActorKind, PollStatus, Status

NOW = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
WEEK = timedelta(weeks=1)
MONDAY = datetime(2026, 11, 23, tzinfo=UTC).date()
STANDING = (Status.CONFIRMED, Status.COMPLETED, Status.NO_SHOW)


@pytest.fixture(scope="module")
def loaded(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Both firms. What is told does not depend on where it is kept, so one engine is enough."""
    copy = tmp_path_factory.mktemp("demo") / "daybook.sqlite3"
    shutil.copyfile(sqlite_template, copy)
    engine = make_engine(f"sqlite:///{copy}")
    with Session(engine) as session:
        demo.load(session, now=NOW)
        session.commit()
        yield session
    engine.dispose()


def weeks(session: Session, count: int, *, before: int = 0) -> Tallies:
    """The report of so many whole weeks of the first firm, ``before`` weeks ago."""
    firm = session.scalars(sa.select(Firm).order_by(Firm.firm_id)).first()
    assert firm is not None
    zone = Local.named(firm.timezone).zone
    since, until = (day_start(MONDAY - WEEK * weeks, zone) for weeks in (before + count, before))
    scope = Scope(firm_id=firm.firm_id, zone=zone, since=since, before=until, now=NOW)
    return tallies.load(session, scope, scope.during(since - WEEK * count, since))


def test_both_firms_have_half_a_year_behind_them_and_every_rule_holds(loaded: Session) -> None:
    for firm in loaded.scalars(sa.select(Firm)):
        first = loaded.scalar(sa.select(sa.func.min(Appointment.start_time)).filter_by(firm_id=firm.firm_id))
        assert first is not None
        assert WEEK * 25 < NOW - first < WEEK * 27, firm.name
    assert list(invariants.check(loaded)) == []


def test_twelve_weeks_have_twelve_before_them_with_fewer_meetings(loaded: Session) -> None:
    found = weeks(loaded, 12)
    assert found.before.completion.whole > 300
    assert found.total.completion.whole > found.before.completion.whole


def test_nothing_of_long_ago_is_left_open(loaded: Session) -> None:
    still_open = sa.select(Appointment.appointment_id).where(
        Appointment.end_time < NOW - timedelta(days=9),
        Appointment.status.in_([Status.REQUESTED, Status.AWAITING_CONFIRMATION, Status.CONFIRMED]),
    )
    assert loaded.scalars(still_open).all() == []
    waiting = sa.select(sa.func.count()).where(
        Appointment.end_time < NOW, Appointment.status == Status.CONFIRMED
    )
    assert (loaded.scalar(waiting) or 0) < 25


@pytest.mark.parametrize("count", [4, 12, 26])
def test_one_person_waits_in_vain_more_often_than_chance_explains(loaded: Session, count: int) -> None:
    names = {user.staff_user_id: user.name for user in loaded.scalars(sa.select(StaffUser))}
    found = weeks(loaded, count)
    above = {
        names[key]: tally.client_alone.value or 0
        for key, tally in found.by_staff.items()
        if beyond_chance(tally.client_alone, (found.total - tally).client_alone) > 0
    }
    assert set(above) == {"Tomas Reid"}
    assert 0.1 < above["Tomas Reid"] < 0.25


def test_who_booked_long_ago_comes_less_often(loaded: Session) -> None:
    leads = weeks(loaded, 26).by_lead
    long_ahead = LEADS.index(15) + 1
    soon, late = (sum(part, Tally()) for part in (leads[: LEADS.index(8)], leads[long_ahead:]))
    assert beyond_chance(late.client_alone, soon.client_alone) == 1


def test_moving_a_meeting_mostly_saves_it(loaded: Session) -> None:
    chains = weeks(loaded, 26).chains.tallies
    moved = sum((tally for length, tally in chains.items() if length > 1), Tally())
    assert moved.completion.whole > 50
    assert 0.6 < (moved.completion.value or 0) < 0.95


def test_the_system_entered_some_outcomes_and_people_most(loaded: Session) -> None:
    rows = loaded.execute(
        sa.select(AppointmentStatusHistory.to_status, AppointmentStatusHistory.actor_kind, sa.func.count())
        .where(AppointmentStatusHistory.to_status.in_([Status.COMPLETED, Status.NO_SHOW]))
        .group_by(AppointmentStatusHistory.to_status, AppointmentStatusHistory.actor_kind)
    )
    counts = {(status, kind): count for status, kind, count in rows}
    for status in (Status.COMPLETED, Status.NO_SHOW):
        assert 5 < counts[status, ActorKind.SYSTEM] < counts[status, ActorKind.STAFF]


def test_polls_of_the_past_found_a_time_or_ran_out(loaded: Session) -> None:
    over = [poll for poll in loaded.scalars(sa.select(Poll)) if poll.deadline < NOW]
    assert {poll.status for poll in over} >= {PollStatus.CONFIRMED, PollStatus.TIMED_OUT}
    held = {poll.appointment_id for poll in over if poll.status is PollStatus.CONFIRMED}
    statuses = sa.select(Appointment.status).where(Appointment.appointment_id.in_(held)).distinct()
    assert loaded.scalars(statuses).all() == [Status.COMPLETED]


def test_nobody_is_in_two_meetings_at_once_and_no_room_has_two(loaded: Session) -> None:
    """But for the double bookings that a manager made on purpose."""
    meetings = loaded.scalars(
        sa.select(Appointment)
        .where(Appointment.status.in_(STANDING), ~Appointment.overbooked)
        .order_by(Appointment.start_time)
    ).all()
    keys = (
        lambda one: (one.firm_id, "staff", one.staff_user_id),
        lambda one: (one.firm_id, "client", one.contact_id or f"account {one.account_id}"),
        lambda one: (one.firm_id, "room", one.location if one.location[:5] in ("Room ", "Suite") else one),
    )
    for key in keys:
        kept: dict[object, list[Appointment]] = {}
        for one in meetings:
            kept.setdefault(key(one), []).append(one)
        for name, line in kept.items():
            assert all(one.end_time <= other.start_time for one, other in pairwise(line)), name


@pytest.mark.one_engine("sqlite")
def test_the_same_day_gives_the_same_calendar(session: Session) -> None:
    def told() -> list[object]:
        firm = build(session, ALDER, now=NOW)
        rows = session.execute(
            sa.select(
                Appointment.start_time, Appointment.status, Appointment.created_at, Appointment.status_reason
            )
            .where(Appointment.firm_id == firm.firm_id)
            .order_by(Appointment.appointment_id)
        )
        found: list[object] = [tuple(row) for row in rows]
        session.rollback()
        return found

    first = told()
    assert len(first) > 300
    assert told() == first
