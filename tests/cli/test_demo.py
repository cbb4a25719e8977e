"""``daybook demo``: two firms, once, never beside a real one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from sqlalchemy.orm import Session

from tests.cli.conftest import Daybook
from tests.factories import NOW, World
from tests.support.engines import settings_for
from webapp import demo
from webapp.delivery import events
from webapp.demo.build import build
from webapp.demo.people import ALDER, MARLOW, PASSWORD
from webapp.lifecycle import signing_in
from webapp.lifecycle.sweeps import sweep
from webapp.localtime import Local, day_bounds
from webapp.models import (
    Appointment,
    AppointmentStatusHistory,
    Attendance,
    Firm,
    MailMessage,
    OutboxEvent,
    Poll,
    PollInvitee,
)
from webapp.queries import invariants
from webapp.vocabulary import (
    AttendanceSource,
    CancellationKind,
    MailState,
    NoShowParty,
    PollStatus,
    Status,
)


def count(session: Session) -> tuple[int, int, int]:
    """Firms, appointments and history rows."""
    numbers = [
        session.scalar(sa.select(sa.func.count()).select_from(model)) or 0
        for model in (Firm, Appointment, AppointmentStatusHistory)
    ]
    session.rollback()
    return numbers[0], numbers[1], numbers[2]


def test_it_loads_two_firms_once_and_prints_how_to_sign_in(daybook: Daybook, session: Session) -> None:
    first = daybook("demo")
    assert first.exit_code == 0, first.stderr
    loaded = count(session)
    assert loaded[0] == 2
    assert all(firm.is_demo for firm in session.scalars(sa.select(Firm)))
    assert list(invariants.check(session)) == []
    for house in (MARLOW, ALDER):
        for colleague in house.staff:
            assert f"{colleague.role.value:<8} {colleague.email:<28} {PASSWORD}" in first.stdout
        found = signing_in.matches(session, email=house.staff[0].email, password=PASSWORD)
        assert [match.firm_name for match in found] == [house.name]
    session.rollback()
    second = daybook("demo")
    assert second.exit_code == 0
    assert second.stdout.startswith("The demo is there already")
    assert count(session) == loaded
    assert daybook("verify").exit_code == 0


@pytest.mark.one_engine("sqlite")  # what is told does not depend on where it is kept
def test_it_has_everything_there_is_to_see(session: Session) -> None:
    marlow = demo.load(session, now=datetime(2026, 11, 24, 14, 30, tzinfo=UTC))[0]
    mine = Appointment.firm_id == marlow.firm_id

    def seen(column: Any) -> set[object]:
        return set(session.scalars(sa.select(column).where(mine).distinct())) - {None}

    assert seen(Appointment.status) == set(Status)
    assert seen(Appointment.cancellation_kind) == set(CancellationKind)
    assert seen(Appointment.no_show_party) == set(NoShowParty)
    assert seen(Appointment.chain_position) == {1, 2, 3, 4}
    assert True in seen(Appointment.overbooked)
    later, earlier = session.execute(
        sa.text(
            "SELECT sum(CASE WHEN b.start_time > a.start_time THEN 1 ELSE 0 END), "
            "sum(CASE WHEN b.start_time < a.start_time THEN 1 ELSE 0 END) "
            "FROM appointment a JOIN appointment b ON b.rescheduled_from_id = a.appointment_id"
        )
    ).one()
    assert later > 0
    assert earlier > 0
    assert (session.scalar(sa.select(sa.func.count()).where(mine)) or 0) > 2500


@pytest.mark.one_engine("sqlite")  # as above
def test_it_has_polls_attendance_and_mail(daybook: Daybook, session: Session) -> None:
    now = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
    with time_machine.travel(now, tick=False):
        assert daybook("demo").exit_code == 0
    polls = {poll.status: poll for poll in session.scalars(sa.select(Poll))}
    assert set(polls) == {PollStatus.OPEN, PollStatus.HELD, PollStatus.CONFIRMED, PollStatus.TIMED_OUT}
    voted = sa.select(PollInvitee.timezone).where(
        PollInvitee.poll_id == polls[PollStatus.OPEN].poll_id, PollInvitee.voted_at.is_not(None)
    )
    assert set(session.scalars(voted)) == {"America/New_York", "Asia/Tokyo", "Europe/London"}
    held = session.get_one(Appointment, polls[PollStatus.HELD].appointment_id)
    assert held.status is Status.AWAITING_CONFIRMATION

    tracked = session.scalars(sa.select(Appointment).where(Appointment.tracked)).all()
    assert {one.no_show_party for one in tracked if one.status is Status.NO_SHOW} == set(NoShowParty)
    assert {one.status for one in tracked} == {
        Status.NO_SHOW,
        Status.COMPLETED,
        Status.CONFIRMED,
        Status.CANCELLED,
    }
    arrived = session.scalars(
        sa.select(Attendance.joined_at).where(Attendance.source == AttendanceSource.FRONT_DESK)
    ).all()
    assert arrived
    assert all(timedelta() < now - moment < timedelta(hours=1) for moment in arrived)

    mails = session.execute(sa.select(MailMessage.state, MailMessage.template).distinct()).all()
    assert {state for state, _template in mails} == {MailState.KEPT}
    assert len(mails) >= 4
    waiting = sa.select(sa.func.count()).where(OutboxEvent.handled_at.is_(None))
    assert session.scalar(waiting) == 0
    for firm_id in session.scalars(sa.select(Firm.firm_id)).all():
        dry = sweep(session, firm_id=firm_id, now=now, dry_run=True)
        assert all(kind.held is None for kind in dry.kinds)


@pytest.mark.one_engine("sqlite")  # as above
@pytest.mark.parametrize("moment", ["2026-11-22T18:30", "2026-11-23T08:00", "2026-11-26T13:00"])
def test_a_worker_leaves_something_for_people_to_do(session: Session, moment: str) -> None:
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    for firm in demo.load(session, now=now):
        session.commit()
        sweep(session, firm_id=firm.firm_id, now=now + timedelta(minutes=2))
        session.expire_all()
        waiting = session.scalars(
            sa.select(Appointment).where(
                Appointment.firm_id == firm.firm_id,
                Appointment.status == Status.CONFIRMED,
                Appointment.end_time <= now,
            )
        ).all()
        assert len(waiting) >= 3, firm.name
        if firm.slug == ALDER.slug:
            assert any(one.tracked for one in waiting)
        late = session.scalars(
            sa.select(Appointment.appointment_id)
            .join(Attendance, Attendance.appointment_id == Appointment.appointment_id)
            .where(Appointment.firm_id == firm.firm_id, Attendance.joined_at > Appointment.no_show_at)
        ).all()
        assert bool(late) == (firm.slug == MARLOW.slug)
    assert list(invariants.check(session)) == []


@pytest.mark.one_engine("sqlite")  # as above
def test_its_people_get_no_mail_whatever_server_is_set(session: Session, tmp_path: Path) -> None:
    settings = replace(settings_for("sqlite://", tmp_path), smtp_url="smtp://127.0.0.1:1")
    build(session, ALDER, now=NOW)
    session.commit()

    def sessions() -> Session:
        return Session(session.get_bind(), execution_options={"write": True}, expire_on_commit=False)

    assert events.handle(sessions, settings=settings, now=NOW, worker="one", limit=2000) > 0
    states = session.scalars(sa.select(MailMessage.state).distinct()).all()
    assert states == [MailState.KEPT]


def test_reset_loads_it_again(daybook: Daybook, session: Session) -> None:
    session.add(Firm(name="Old", slug="old", timezone="UTC", is_demo=True, created_at=NOW))
    session.commit()
    before = session.scalars(sa.select(Firm.created_at)).first()
    session.rollback()
    result = daybook("demo", "--reset")
    assert result.exit_code == 0, result.stderr
    assert count(session)[0] == 2
    assert session.scalars(sa.select(Firm.created_at)).first() != before
    assert list(invariants.check(session)) == []


@pytest.mark.parametrize("arguments", [("demo",), ("demo", "--reset")], ids=" ".join)
def test_it_leaves_a_database_with_a_real_firm_alone(
    daybook: Daybook, session: Session, world: World, arguments: tuple[str, ...]
) -> None:
    before = count(session)
    result = daybook(*arguments)
    assert result.exit_code == 1
    assert "The database has a firm of its own, Marlow" in result.stderr
    assert count(session) == before


@pytest.mark.one_engine("sqlite")  # nothing reaches the database
def test_beside_a_real_firm_it_can_step_aside(daybook: Daybook, world: World, session: Session) -> None:
    before = count(session)
    result = daybook("demo", "--if-empty")
    assert result.exit_code == 0
    assert "No demo is loaded: the database has a firm of its own, Marlow." in result.stdout
    assert count(session) == before


def test_it_refuses_production(daybook: Daybook, monkeypatch: pytest.MonkeyPatch, session: Session) -> None:
    monkeypatch.setenv("DAYBOOK_ENV", "production")
    result = daybook("demo")
    assert result.exit_code == 1
    assert "Demo data is not for production" in result.stderr
    assert count(session) == (0, 0, 0)


@pytest.mark.one_engine("sqlite")
@pytest.mark.parametrize(
    "moment", ["2026-11-22T03:00", "2026-11-23T14:30", "2026-03-29T00:30", "2026-10-25T01:30"]
)
def test_today_is_alive_at_any_hour(session: Session, moment: str) -> None:
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    firm = demo.load(session, now=now)[0]
    local = Local.named(firm.timezone)
    low, high = day_bounds(local.day_of(now), local.zone)
    today = session.scalars(
        sa.select(Appointment.status).where(
            Appointment.firm_id == firm.firm_id, Appointment.start_time >= low, Appointment.start_time < high
        )
    ).all()
    assert 12 <= len(today) <= 34
    assert len(set(today)) >= 4
    ahead = sa.select(sa.func.count()).where(AppointmentStatusHistory.changed_at > now)
    assert session.scalar(ahead) == 0, "nothing is recorded before it happens"
    assert list(invariants.check(session)) == []
