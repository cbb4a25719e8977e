"""The board as of an instant against a slow replay of the history, and how both engines go about it."""

import random
import re
from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.factories import DAY, NOW, World, at_status, make_world
from tests.queries.analytics.stories import FIRST, Told, live, tell
from tests.queries.conftest import FEW, MANY, DeskOf
from tests.support.statements import postgres_plan, sqlite_plan
from webapp.lifecycle import attendance
from webapp.models import Appointment
from webapp.queries import board, board_past
from webapp.queries.board import Filters
from webapp.queries.rows import Row
from webapp.vocabulary import LIVE, Action, AttendanceSide, AttendanceSource, CancellationKind, Status

KINDS = {
    Action.DECLINE: CancellationKind.DECLINED,
    Action.EXPIRE: CancellationKind.EXPIRED,
    Action.TIME_OUT: CancellationKind.TIMED_OUT,
    Action.CANCEL: CancellationKind.CANCELLED,
}
SPAN = (FIRST, FIRST + timedelta(days=40))
EVERYTHING = Filters()
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(session: Session) -> World:
    mine = make_world(session)
    live(session, mine, random.Random(8), 60)
    live(session, make_world(session, "other"), random.Random(9), 10)
    return mine


def facts(row: Row) -> tuple[object, ...]:
    return (
        row.appointment_id,
        row.status,
        row.status_reason,
        row.cancellation_kind,
        row.cancelled_by,
        row.no_show_party,
        row.moved_to is not None,
        row.successor_id is not None,
    )


def slowly(told: Told) -> tuple[object, ...]:
    last = told.last
    gone = last.to_status is Status.CANCELLED
    moved = last.to_status is Status.RESCHEDULED
    return (
        told.appointment.appointment_id,
        last.to_status,
        last.reason,
        KINDS[last.action] if gone else None,
        last.cancelled_by,
        last.no_show_party,
        moved,
        moved,
    )


def key(appointment: Appointment) -> tuple[datetime, int]:
    return appointment.start_time, appointment.appointment_id


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(minutes=st.integers(-60 * 24 * 45, 60 * 24 * 45), seconds=st.integers(0, 59))
def test_rows_and_counts_are_those_of_a_slow_replay(
    session: Session, world: World, minutes: int, seconds: int
) -> None:
    at = FIRST + timedelta(minutes=minutes, seconds=seconds)
    told = [
        each for each in tell(session, world.firm, at) if SPAN[0] <= each.appointment.start_time < SPAN[1]
    ]
    told.sort(key=lambda each: key(each.appointment))
    firm_id = world.firm.firm_id
    found = board_past.rows(session, firm_id=firm_id, span=SPAN, filters=EVERYTHING, at=at)
    assert [facts(row) for row in found] == [slowly(each) for each in told]
    counts = board_past.counts(session, firm_id=firm_id, span=SPAN, at=at)
    assert +Counter(counts.by_status) == Counter(each.last.to_status for each in told)
    staff = Counter(each.appointment.staff_user_id for each in told)
    assert {person.staff_user_id: person.count for person in counts.staff if person.count} == staff


def test_after_the_last_change_it_is_the_board_of_now(session: Session, world: World) -> None:
    firm_id, at = world.firm.firm_id, FIRST + timedelta(days=400)
    for filters in (
        EVERYTHING,
        Filters(statuses=frozenset({Status.CANCELLED, Status.NO_SHOW})),
        Filters(staff=frozenset({world.staff.staff_user_id})),
        Filters(hide_finished=True),
        Filters(q="byron"),
        Filters(q="nobody"),
    ):
        now = board.rows(session, firm_id=firm_id, span=SPAN, filters=filters)
        then = board_past.rows(session, firm_id=firm_id, span=SPAN, filters=filters, at=at)
        assert then == now
    assert board_past.counts(session, firm_id=firm_id, span=SPAN, at=at).by_status == (
        board.counts(session, firm_id=firm_id, span=SPAN).by_status
    )


def test_filters_are_by_the_status_of_then(session: Session, world: World) -> None:
    at = FIRST + timedelta(days=12)
    then = {each.appointment.appointment_id: each.last.to_status for each in tell(session, world.firm, at)}
    for filters, wanted in (
        (Filters(statuses=frozenset({Status.CONFIRMED})), {Status.CONFIRMED}),
        (Filters(hide_finished=True), LIVE),
    ):
        found = board_past.rows(
            session, firm_id=world.firm.firm_id, span=SPAN, filters=filters, at=at, limit=None
        )
        assert found
        assert {row.appointment_id for row in found} == {n for n, status in then.items() if status in wanted}


def test_an_arrival_is_known_from_its_recording_until_it_is_taken_back(
    session: Session, world: World
) -> None:
    one = at_status(session, Status.CONFIRMED, world, start=NOW + DAY)
    start, lena, client = one.start_time, world.acting(), AttendanceSide.CLIENT
    attendance.record(
        session,
        one,
        actor=lena,
        side=client,
        source=AttendanceSource.FRONT_DESK,
        joined_at=start + 3 * MINUTE,
        now=start + 5 * MINUTE,
    )
    attendance.withdraw(session, one, actor=lena, side=client, now=start + 9 * MINUTE)
    session.commit()
    seen = {}
    for minute in (4, 5, 8, 9, 10):
        at = start + minute * MINUTE
        span = (start, start + MINUTE)
        rows = board_past.rows(session, firm_id=one.firm_id, span=span, filters=EVERYTHING, at=at)
        seen[minute] = next(row for row in rows if row.appointment_id == one.appointment_id).client_joined_at
    arrived = start + 3 * MINUTE
    assert seen == {4: None, 5: arrived, 8: arrived, 9: None, 10: None}


PATHS = (
    "/day/2026-01-13?as_of=2026-01-13T10:00",
    "/day/2026-01-13?as_of=2026-01-10T10:00&status=confirmed&staff=3&hide_closed=on",
    "/day/2026-01-13?as_of=2026-01-10T10:00&q=abara",
    "/day/2026-01-13.csv?as_of=2026-01-10T10:00",
)


@pytest.mark.parametrize("path", PATHS)
def test_few_statements_and_as_many_for_forty_thousand(desk_of: DeskOf, path: str) -> None:
    many, few = desk_of(MANY).statements(path), desk_of(FEW).statements(path)
    assert len(many) == len(few) <= 6


@pytest.mark.parametrize("path", PATHS)
def test_it_reads_the_days_appointments_and_their_histories_by_index(desk_of: DeskOf, path: str) -> None:
    desk = desk_of(MANY)
    asked = [found for found in desk.statements(path) if "appointment_status_history" in found.sql]
    assert asked
    for statement in asked:
        if desk.engine.dialect.name == "sqlite":
            for line in sqlite_plan(desk.engine, statement):
                assert not re.match(r"SCAN (appointment|state|appointment_status_history\w*)\b", line), line
        else:
            for node in postgres_plan(desk.engine, statement):
                large = node.get("Relation Name") in {"appointment", "appointment_status_history"}
                assert not (large and node["Node Type"] == "Seq Scan"), node


def test_the_day_before_all_bookings_is_empty(session: Session, world: World) -> None:
    at = NOW - 900 * DAY
    firm_id = world.firm.firm_id
    assert board_past.rows(session, firm_id=firm_id, span=SPAN, filters=EVERYTHING, at=at) == []
    assert board_past.counts(session, firm_id=firm_id, span=SPAN, at=at).total == 0
