"""``GET`` and ``POST /appointments/{id}/attendance``."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.api.conftest import CallsAs
from tests.factories import NOW, World, at_status
from tests.support.api import Program, fields, without
from webapp.lifecycle import attendance
from webapp.models import Appointment, AppointmentStatusHistory, Attendance
from webapp.vocabulary import AttendanceSide, AttendanceSource, Scope, Status


def running(session: Session, world: World) -> Appointment:
    """A meeting that began ten minutes ago."""
    return at_status(session, Status.CONFIRMED, world, start=NOW - timedelta(minutes=10))


def joined(side: str = "client", at: datetime = NOW, **more: Any) -> dict[str, Any]:
    return {"side": side, "joined_at": at.isoformat(), **more}


def kept(session: Session) -> int:
    session.rollback()
    return session.scalar(sa.select(sa.func.count()).select_from(Attendance)) or 0


def test_it_records_who_joined_and_leaves_the_status_alone(
    api: Program, session: Session, world: World
) -> None:
    made = running(session, world)
    answer = api.post(f"/appointments/{made.appointment_id}/attendance", joined())
    assert answer.status_code == 200, answer.json
    assert answer.json == {
        "appointment": made.appointment_id,
        "client_joined_at": "2026-01-13T10:00:00Z",
        "staff_joined_at": None,
        "attendance": [
            {
                "side": "client",
                "source": "api",
                "joined_at": "2026-01-13T10:00:00Z",
                "recorded_at": "2026-01-13T10:00:00Z",
                "recorded_by": "Lena Fischer (API: Website)",
                "external_id": None,
                "withdrawn_at": None,
                "withdrawn_by": None,
            }
        ],
        "recorded": True,
    }
    assert kept(session) == 1
    session.refresh(made)
    assert made.status is Status.CONFIRMED
    history = sa.select(sa.func.count()).select_from(AppointmentStatusHistory)
    assert session.scalar(history) == 1


def test_it_reads_back_what_is_known(api: Program, session: Session, world: World) -> None:
    made = running(session, world)
    path = f"/appointments/{made.appointment_id}/attendance"
    assert api.get(path).json == {
        "appointment": made.appointment_id,
        "client_joined_at": None,
        "staff_joined_at": None,
        "attendance": [],
    }
    posted = api.post(path, joined("staff", external_id="room-7/join/1")).json
    found = api.get(path).json
    assert found == {name: value for name, value in posted.items() if name != "recorded"}
    assert found["attendance"][0]["external_id"] == "room-7/join/1"


def test_what_the_desk_took_back_stays_and_says_so(api: Program, session: Session, world: World) -> None:
    made = running(session, world)
    lena = world.acting()
    attendance.record(
        session,
        made,
        actor=lena,
        side=AttendanceSide.CLIENT,
        source=AttendanceSource.FRONT_DESK,
        joined_at=NOW,
        now=NOW,
    )
    attendance.withdraw(session, made, actor=lena, side=AttendanceSide.CLIENT, now=NOW)
    session.commit()
    found = api.get(f"/appointments/{made.appointment_id}/attendance").json
    assert found["client_joined_at"] is None
    assert found["attendance"][0]["source"] == "front_desk"
    assert found["attendance"][0]["withdrawn_by"] == "Lena Fischer"


def test_the_same_report_again_is_kept_once(api: Program, session: Session, world: World) -> None:
    made = running(session, world)
    path = f"/appointments/{made.appointment_id}/attendance"
    first, again = (api.post(path, joined(external_id="a")) for _ in range(2))
    assert (first.json["recorded"], again.json["recorded"]) == (True, False)
    assert first.json["attendance"] == again.json["attendance"]
    assert kept(session) == 1


def test_the_same_report_without_a_reference_is_one_fact_for_each_token(
    calls_as: CallsAs, session: Session, world: World
) -> None:
    made = running(session, world)
    path = f"/appointments/{made.appointment_id}/attendance"
    program, other = calls_as(), calls_as(world.manager)
    answers = [program.post(path, joined()) for _ in range(5)]
    assert [answer.json["recorded"] for answer in answers] == [True, False, False, False, False]
    assert kept(session) == 1
    assert program.post(path, joined("staff")).json["recorded"] is True
    assert program.post(path, joined(at=NOW - timedelta(minutes=1))).json["recorded"] is True
    assert other.post(path, joined()).json["recorded"] is True
    assert kept(session) == 4


def test_a_known_report_with_other_facts_is_a_conflict(api: Program, session: Session, world: World) -> None:
    made = running(session, world)
    path = f"/appointments/{made.appointment_id}/attendance"
    api.post(path, joined(external_id="a"))
    answer = api.post(path, joined("staff", external_id="a"))
    assert (answer.status_code, answer.json["code"]) == (409, "conflict")
    assert kept(session) == 1


def test_what_is_said_of_a_moved_booking_counts_for_its_successor(
    api: Program, session: Session, world: World
) -> None:
    made = at_status(session, Status.RESCHEDULED, world, start=NOW - timedelta(days=1, minutes=10))
    successor = made.rescheduled_to
    assert successor is not None
    path = f"/appointments/{made.appointment_id}/attendance"
    answer = api.post(path, joined(external_id="a"))
    assert answer.status_code == 200, answer.json
    assert answer.json["appointment"] == successor.appointment_id
    assert api.get(path).json["attendance"] == []
    assert len(api.get(f"/appointments/{successor.appointment_id}/attendance").json["attendance"]) == 1
    assert api.post(path, joined(external_id="a")).json["recorded"] is False
    assert kept(session) == 1


@pytest.mark.parametrize("hours", [-48, 2])
def test_a_time_that_the_meeting_cannot_have_seen_is_named(
    api: Program, session: Session, world: World, hours: int
) -> None:
    made = running(session, world)
    answer = api.post(
        f"/appointments/{made.appointment_id}/attendance", joined(at=NOW + timedelta(hours=hours))
    )
    assert answer.status_code == 422
    assert fields(answer) == ["joined_at"]
    assert kept(session) == 0


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, ["joined_at", "side"]),
        ({"side": "both", "joined_at": NOW.isoformat()}, ["side"]),
        ({"side": "client", "joined_at": "2026-01-13T10:00:00"}, ["joined_at"]),
        ({"side": "client", "joined_at": 1768298400}, ["joined_at"]),
        (joined(external_id=""), ["external_id"]),
        (joined(external_id=" "), ["external_id"]),
        (joined(external_id="\u200b \u2060"), ["external_id"]),
        (joined(external_id="x" * 121), ["external_id"]),
        (joined(source="front_desk"), ["source"]),
    ],
)
def test_garbage_is_named_by_field_and_nothing_is_written(
    api: Program, session: Session, world: World, body: dict[str, Any], named: list[str]
) -> None:
    made = running(session, world)
    answer = api.post(f"/appointments/{made.appointment_id}/attendance", body)
    assert answer.status_code == 422
    assert sorted(fields(answer)) == named
    assert kept(session) == 0


def test_a_token_without_the_scope_writes_nothing(calls_as: CallsAs, session: Session, world: World) -> None:
    made = running(session, world)
    path = f"/appointments/{made.appointment_id}/attendance"
    answer = calls_as(scopes=without(Scope.ATTENDANCE_WRITE)).post(path, joined())
    assert (answer.status_code, answer.json["code"]) == (403, "missing_scope")
    answer = calls_as(scopes=without(Scope.APPOINTMENTS_READ)).get(path)
    assert (answer.status_code, answer.json["code"]) == (403, "missing_scope")
    assert kept(session) == 0


def test_a_viewers_token_writes_nothing(calls_as: CallsAs, session: Session, world: World) -> None:
    made = running(session, world)
    path = f"/appointments/{made.appointment_id}/attendance"
    answer = calls_as(world.viewer).post(path, joined())
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert kept(session) == 0


def test_the_same_key_reports_once(api: Program, session: Session, world: World) -> None:
    made = running(session, world)
    path = f"/appointments/{made.appointment_id}/attendance"
    first, again = (api.post(path, joined(), Idempotency_Key="k1") for _ in range(2))
    assert first.data == again.data
    assert kept(session) == 1
