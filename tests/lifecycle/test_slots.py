"""What a day still offers, against a slow and obvious computation, also on the days when clocks change."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_world
from tests.lifecycle import raw
from webapp.lifecycle import slots
from webapp.lifecycle.slots import offers, wall
from webapp.localtime import Local, day_start
from webapp.models import Firm
from webapp.vocabulary import LIVE, Status

MINUTE = timedelta(minutes=1)
PLACES = (
    ("Europe/London", date(2026, 1, 13)),
    ("Europe/London", date(2026, 3, 29)),  # 01:00 to 02:00 is skipped
    ("Europe/London", date(2026, 10, 25)),  # 01:00 to 02:00 comes twice
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour comes twice
    ("Asia/Kathmandu", date(2026, 1, 13)),
)
HOURS = (
    [[540, 720], [780, 1080]],
    [[0, 1440]],
    [[30, 270]],
    [[1200, 1440]],
    [],
)


@st.composite
def calendars(draw: st.DrawFn) -> dict[str, Any]:
    """A firm's day and what lies in and around it, on a grid of five minutes."""
    busy, end = [], -600
    while end < 2000 and draw(st.booleans()):
        start = end + 5 * draw(st.integers(0, 60))
        end = start + 5 * draw(st.integers(1, 48))
        busy.append((start, end, draw(st.sampled_from(Status)), draw(st.booleans())))
    return {
        "place": draw(st.sampled_from(PLACES)),
        "hours": draw(st.sampled_from(HOURS)),
        "step": draw(st.sampled_from([5, 15, 40])),
        "minutes": draw(st.sampled_from([5, 45, 90])),
        "now": draw(st.integers(-60, 1500)),
        "busy": busy,
    }


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calendar=calendars())
def test_a_day_offers_exactly_what_is_free(session: Session, world: World, calendar: dict[str, Any]) -> None:
    zone, day = calendar["place"]
    midnight = day_start(day, ZoneInfo(zone))
    firm = world.firm
    firm.timezone, firm.slot_step = zone, calendar["step"]
    firm.working_hours = [calendar["hours"]] * 7
    for start, end, status, overbooked in calendar["busy"]:
        times = {"start_time": midnight + start * MINUTE, "end_time": midnight + end * MINUTE}
        raw.appointment(session, world, status, overbooked=overbooked, **times)
    now = midnight + calendar["now"] * MINUTE
    found = offers(
        session,
        firm=firm,
        staff_user_id=world.staff.staff_user_id,
        first=day,
        days=1,
        minutes=calendar["minutes"],
        now=now,
    )
    assert [offer.day for offer in found] == [day]
    assert list(found[0].starts) == list(obvious(firm, midnight, day, now, calendar))
    session.rollback()


def obvious(
    firm: Firm, midnight: datetime, day: date, now: datetime, calendar: dict[str, Any]
) -> list[datetime]:
    """Walk the open hours minute by minute: ahead, and no minute of the meeting is held."""
    zone = ZoneInfo(firm.timezone)
    busy = {
        minute
        for start, end, status, overbooked in calendar["busy"]
        if status in LIVE and not overbooked
        for minute in range(start, end)
    }
    length, found = calendar["minutes"], []
    for opens, closes in calendar["hours"]:
        opened, shut = (_first_minute(midnight, zone, day, clock) for clock in (opens, closes))
        for start in range(opened, shut - length + 1, calendar["step"]):
            ahead = midnight + start * MINUTE > now
            if ahead and not busy.intersection(range(start, start + length)):
                found.append(midnight + start * MINUTE)
    return found


def _first_minute(midnight: datetime, zone: ZoneInfo, day: date, clock: int) -> int:
    """Minutes from midnight until the wall clock first shows so many minutes of the day, or more."""
    walked = 0
    while True:
        local = (midnight + walked * MINUTE).astimezone(zone)
        if (local.date() - day).days * 1440 + local.hour * 60 + local.minute >= clock:
            return walked
        walked += 1


def test_the_meeting_that_is_moved_is_not_in_its_own_way(session: Session, world: World) -> None:
    held = at_status(session, Status.CONFIRMED, world)
    asked = {
        "firm": world.firm,
        "staff_user_id": world.staff.staff_user_id,
        "first": date(2026, 1, 14),
        "days": 1,
        "minutes": 45,
        "now": world.now,
    }
    (with_it,) = offers(session, **asked)
    (without,) = offers(session, **asked, ignore=held.appointment_id)
    assert held.start_time not in with_it.starts
    assert held.start_time in without.starts


def test_a_week_is_one_statement(session: Session, world: World) -> None:
    session.refresh(world.firm)
    said: list[str] = []
    bind = session.get_bind()
    listen = lambda *args: said.append(args[2])  # noqa: E731 - removed again by this very name
    event.listen(bind, "before_cursor_execute", listen)
    found = offers(
        session,
        firm=world.firm,
        staff_user_id=world.staff.staff_user_id,
        first=date(2026, 1, 12),
        days=7,
        minutes=45,
        now=world.now,
    )
    event.remove(bind, "before_cursor_execute", listen)
    assert len(said) == 1
    # Today is offered from 10:15 on.
    assert [len(offer.starts) for offer in found] == [0, 29, 34, 34, 34, 0, 0]


def test_what_is_offered_can_be_booked(session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    (offer,) = offers(
        session,
        firm=world.firm,
        staff_user_id=world.staff.staff_user_id,
        first=date(2026, 1, 14),
        days=1,
        minutes=45,
        now=world.now,
    )
    for start in offer.starts[::3]:
        assert at_status(session, Status.CONFIRMED, world, start=start).overbooked is False


def test_an_hour_that_is_skipped_is_moved_on() -> None:
    london = Local.named("Europe/London")
    assert wall(date(2026, 3, 29), 90, london) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("shift", [-DAY, DAY, 45 * MINUTE, -45 * MINUTE])
def test_a_slot_is_free_beside_a_meeting(session: Session, world: World, shift: timedelta) -> None:
    held = at_status(session, Status.CONFIRMED, world)
    where = {"firm_id": world.firm.firm_id, "staff_user_id": world.staff.staff_user_id}
    assert slots.is_free(session, **where, start=held.start_time + shift, end=held.end_time + shift)
    assert not slots.is_free(session, **where, start=held.start_time - DAY / 2, end=held.end_time + DAY / 2)


def test_the_calendars_of_two_firms_are_apart(session: Session, world: World) -> None:
    other = make_world(session, "other")
    held = at_status(session, Status.CONFIRMED, other)
    assert slots.is_free(
        session,
        firm_id=world.firm.firm_id,
        staff_user_id=world.staff.staff_user_id,
        start=held.start_time,
        end=held.end_time,
    )
    assert session.scalar(sa.text("SELECT count(*) FROM appointment")) == 1
