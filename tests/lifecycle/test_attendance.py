"""Facts of attendance: what is taken, what is one fact twice, what is taken back."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.factories import NOW, World, at_status, make_world
from tests.lifecycle.threads import at_once
from webapp.lifecycle import appointments, attendance, transaction
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.appointments import NewSlot
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


def moved(session: Session, world: World, meeting: Appointment, minutes: int) -> Appointment:
    by = timedelta(minutes=minutes)
    slot = NewSlot(start_time=meeting.start_time + by, end_time=meeting.end_time + by)
    return appointments.reschedule(
        session, meeting, actor=world.acting(), slot=slot, reason="", now=world.now - timedelta(hours=1)
    )


def test_a_report_of_a_booking_that_was_moved_counts_for_where_it_was_moved_to(
    session: Session, world: World, meeting: Appointment
) -> None:
    last = moved(session, world, moved(session, world, meeting, 60), 60)
    system = Actor.system(world.firm.firm_id, "the video provider")
    assert arrive(session, world, meeting, actor=system, source=PROVIDER, external_id="msg_1")
    assert not arrive(session, world, meeting, actor=system, source=PROVIDER, external_id="msg_1")
    assert session.scalars(sa.select(Attendance.appointment_id)).all() == [last.appointment_id]


def test_a_report_taken_before_the_move_is_known_after_it(
    session: Session, world: World, meeting: Appointment
) -> None:
    system = Actor.system(world.firm.firm_id, "the video provider")
    assert arrive(session, world, meeting, actor=system, source=PROVIDER, external_id="msg_1")
    far = moved(session, world, meeting, 7 * 24 * 60)
    for named in (meeting, far):
        assert not arrive(session, world, named, actor=system, source=PROVIDER, external_id="msg_1")


def test_the_desk_says_nothing_of_a_booking_that_was_moved(
    session: Session, world: World, meeting: Appointment
) -> None:
    moved(session, world, meeting, 30)
    with pytest.raises(NotAllowed):
        arrive(session, world, meeting)


@pytest.mark.parametrize("other", [{"side": STAFF}, {"joined_at": NOW - timedelta(seconds=1)}])
def test_a_reference_that_comes_again_with_other_facts_is_refused(
    session: Session, world: World, meeting: Appointment, other: dict[str, object]
) -> None:
    arrive(session, world, meeting, source=PROVIDER, external_id="msg_1")
    with pytest.raises(attendance.OtherFacts, match="'msg_1' is known with other facts"):
        arrive(session, world, meeting, source=PROVIDER, external_id="msg_1", **other)
    third = at_status(session, Status.CONFIRMED, world, start=NOW + timedelta(hours=3))
    with pytest.raises(attendance.OtherFacts):
        arrive(session, world, third, source=PROVIDER, external_id="msg_1")
    assert count(session) == 1


def bare(meeting: Appointment, **more: object) -> dict[str, object]:
    """A row as a careless script would write it."""
    return {
        "firm_id": meeting.firm_id,
        "appointment_id": meeting.appointment_id,
        "side": CLIENT,
        "source": DESK,
        "joined_at": NOW,
        "recorded_at": NOW,
        "actor_label": "a script",
        **more,
    }


def test_the_database_keeps_one_open_word_of_the_desk_for_each_side(
    session: Session, world: World, meeting: Appointment
) -> None:
    taken_back = {"withdrawn_at": NOW, "withdrawn_by": "a script"}
    for more in (taken_back, taken_back, {}, {"side": STAFF}, {"source": PROVIDER}, {"source": PROVIDER}):
        session.execute(sa.insert(Attendance).values(bare(meeting, **more)))
    session.commit()
    with pytest.raises(IntegrityError):
        session.execute(sa.insert(Attendance).values(bare(meeting)))
    session.rollback()
    session.execute(sa.insert(Attendance).values(bare(meeting, source=AttendanceSource.IMPORT)))


def test_of_many_desks_that_say_it_at_once_one_is_new_and_the_others_knew(
    engine: Engine, session: Session, world: World, meeting: Appointment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also without the lock on the appointment: the database's own guard makes the loser one who knew."""
    session.commit()

    def say(own: Session) -> bool:
        return transaction.run(
            own, lambda: arrive(own, world, own.get_one(Appointment, meeting.appointment_id))
        )

    def take_back(own: Session) -> bool:
        mine = own.get_one(Appointment, meeting.appointment_id)
        return attendance.withdraw(own, mine, actor=world.acting(), side=CLIENT, now=NOW)

    assert sorted(at_once(engine, [say] * 8)) == [False] * 7 + [True]
    monkeypatch.setattr(attendance, "_lock", lambda *_given: None)
    for _round in range(5):
        assert take_back(session)
        session.commit()
        assert sorted(at_once(engine, [say] * 8)) == [False] * 7 + [True]
