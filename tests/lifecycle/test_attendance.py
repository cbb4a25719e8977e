"""Facts of attendance: what is taken, what is one fact twice, what is taken back."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import NOW, World, at_status, make_world
from webapp.lifecycle import attendance
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Forbidden, Invalid, NotAllowed
from webapp.models import Appointment, AppointmentStatusHistory, Attendance
from webapp.queries.attendance import facts
from webapp.vocabulary import AttendanceSide, AttendanceSource, Status

CLIENT, STAFF = AttendanceSide.CLIENT, AttendanceSide.STAFF
DESK, PROVIDER = AttendanceSource.FRONT_DESK, AttendanceSource.PROVIDER


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


@pytest.fixture
def meeting(session: Session, world: World) -> Appointment:
    return at_status(session, Status.CONFIRMED, world, start=NOW + timedelta(minutes=20))


def arrive(session: Session, world: World, meeting: Appointment, **more: object) -> bool:
    plan = {"actor": world.acting(), "side": CLIENT, "source": DESK, "joined_at": NOW, "now": NOW, **more}
    return attendance.record(session, meeting, **plan)  # type: ignore[arg-type]


def count(session: Session) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(Attendance)) or 0


def test_an_arrival_is_a_fact_and_never_a_status(
    session: Session, world: World, meeting: Appointment
) -> None:
    assert arrive(session, world, meeting)
    known = facts(session, firm_id=world.firm.firm_id, appointment_ids=[meeting.appointment_id])
    found = known[meeting.appointment_id]
    assert (found.client_joined_at, found.staff_joined_at) == (NOW, None)
    assert found.rows[0].actor_label == "Lena Fischer"
    assert (meeting.status, meeting.version) == (Status.CONFIRMED, 1)
    history = sa.select(sa.func.count()).select_from(AppointmentStatusHistory)
    assert session.scalar(history) == 1


def test_saying_it_twice_is_one_fact(session: Session, world: World, meeting: Appointment) -> None:
    assert arrive(session, world, meeting)
    assert not arrive(session, world, meeting, joined_at=NOW + timedelta(minutes=1))
    assert count(session) == 1


def test_a_callback_that_arrives_twice_is_one_fact(
    session: Session, world: World, meeting: Appointment
) -> None:
    system = Actor.system(world.firm.firm_id, "the video provider")
    assert arrive(session, world, meeting, actor=system, source=PROVIDER, external_id="msg_1")
    assert not arrive(session, world, meeting, actor=system, source=PROVIDER, external_id="msg_1")
    assert arrive(session, world, meeting, actor=system, source=PROVIDER, side=STAFF, external_id="msg_2")
    assert count(session) == 2


def test_an_arrival_is_taken_back_and_stays_readable(
    session: Session, world: World, meeting: Appointment
) -> None:
    arrive(session, world, meeting)
    later = NOW + timedelta(minutes=2)
    assert attendance.withdraw(session, meeting, actor=world.acting(world.manager), side=CLIENT, now=later)
    assert not attendance.withdraw(session, meeting, actor=world.acting(), side=CLIENT, now=later)
    known = facts(session, firm_id=world.firm.firm_id, appointment_ids=[meeting.appointment_id])
    found = known[meeting.appointment_id]
    assert found.client_joined_at is None
    assert (found.rows[0].withdrawn_at, found.rows[0].withdrawn_by) == (later, "Daniel Osei")
    assert arrive(session, world, meeting, joined_at=later, now=later)


def test_what_a_provider_reported_cannot_be_taken_back(
    session: Session, world: World, meeting: Appointment
) -> None:
    arrive(session, world, meeting, source=PROVIDER, external_id="msg_1")
    assert not attendance.withdraw(session, meeting, actor=world.acting(), side=CLIENT, now=NOW)


def test_a_viewer_says_nothing(session: Session, world: World, meeting: Appointment) -> None:
    with pytest.raises(Forbidden):
        arrive(session, world, meeting, actor=world.acting(world.viewer))
    with pytest.raises(Forbidden):
        attendance.withdraw(session, meeting, actor=world.acting(world.viewer), side=CLIENT, now=NOW)
    assert count(session) == 0


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.CONFIRMED])
def test_only_who_is_expected_arrives_at_the_desk(session: Session, world: World, status: Status) -> None:
    other = at_status(session, status, world)
    with pytest.raises(NotAllowed, match="Only who is expected can arrive"):
        arrive(session, world, other, joined_at=other.start_time, now=other.start_time)
    assert count(session) == 0


def test_a_late_join_after_the_outcome_is_kept_as_evidence(session: Session, world: World) -> None:
    missed = at_status(session, Status.NO_SHOW, world)
    late = missed.start_time + timedelta(minutes=50)
    assert arrive(session, world, missed, source=PROVIDER, external_id="msg_9", joined_at=late)
    assert missed.status is Status.NO_SHOW


def test_the_desk_opens_an_hour_before_the_start(session: Session, world: World) -> None:
    later = at_status(session, Status.CONFIRMED, world, start=NOW + timedelta(hours=3))
    with pytest.raises(NotAllowed, match="Arrived opens 12:00, an hour before the start"):
        arrive(session, world, later)


@pytest.mark.parametrize("away", [timedelta(days=-2), timedelta(minutes=6), timedelta(days=400)])
def test_a_time_that_the_meeting_cannot_have_seen_is_refused(
    session: Session, world: World, meeting: Appointment, away: timedelta
) -> None:
    with pytest.raises(Invalid, match="Give a time from"):
        arrive(session, world, meeting, joined_at=NOW + away)
    assert count(session) == 0
