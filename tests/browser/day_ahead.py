"""A day at Marlow's that comes due by itself, laid out a little before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.browser.town import Town
from tests.factories import DAY, World, draft, make_contact
from webapp import clock
from webapp.lifecycle import attendance, booking
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.booking import Draft
from webapp.models import Appointment, AppointmentType, StaffUser
from webapp.vocabulary import AttendanceSide, AttendanceSource

MINUTE = timedelta(minutes=1)
HALF = 30 * MINUTE
SOON = timedelta(seconds=60)
"""From when the day is laid out until all of it is due: time for a letter to be opened before."""
LONDON = ZoneInfo("Europe/London")


@dataclass(frozen=True)
class Today:
    """The appointments by name, and the instant at which all of them are due."""

    due: datetime
    made: dict[str, int]


def weekdays(after: int) -> Iterator[date]:
    """London's weekdays, from so many days after today on."""
    day = clock.now().astimezone(LONDON).date() + timedelta(days=after)
    while True:
        if day.weekday() < 5:
            yield day
        day += timedelta(days=1)


def london(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=LONDON)


def short(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"


def lay_out_today(town: Town, world: World) -> Today:
    """What was booked yesterday for today, so that everything is due shortly; a proposal; a move to come."""
    now = clock.now().replace(microsecond=0)
    due = now + SOON
    with town.session() as session:
        call = session.scalars(
            sa.select(AppointmentType.appointment_type_id).where(AppointmentType.name == "Call")
        ).one()

        def plan(name: str, user: StaffUser, start: datetime, minutes: int, *, tracked: bool = True) -> Draft:
            return Draft(
                appointment_type_id=world.kind.appointment_type_id if tracked else call,
                staff_user_id=user.staff_user_id,
                contact_id=make_contact(session, world.firm, name).contact_id,
                start_time=start,
                end_time=start + minutes * MINUTE,
            )

        def booked(draft: Draft, at: datetime) -> int:
            return booking.book(session, actor=world.acting(), draft=draft, now=at).appointment_id

        began, ended = due - HALF, due - 60 * MINUTE
        made = {
            "client": booked(plan("Carol Video", world.staff, began, 45), now - DAY),
            "staff": booked(plan("Stefan Video", world.staff2, began, 45), now - DAY),
            "both": booked(plan("Beth Video", world.manager, began, 45), now - DAY),
            "kept": booked(plan("Karl Video", world.staff, ended - 45 * MINUTE, 45), now - DAY),
            "called": booked(plan("Cleo Call", world.staff2, ended - HALF, 30, tracked=False), now - DAY),
            "moved": booked(plan("Ivy Thompson", world.staff2, london(next(weekdays(2)), 10), 45), now),
        }
        proposed = draft(world, staff_user=world.owner, start=now + 2 * DAY, confirm_by=due)
        made["proposed"] = booking.propose(
            session, actor=world.acting(), draft=proposed, now=now
        ).appointment_id
        _kept_was_joined(session, made["kept"])
        session.commit()
    return Today(due, made)


def _kept_was_joined(session: Session, number: int) -> None:
    """An hour ago the provider reported both sides; the worker may look as soon as the meeting is there."""
    kept = session.get_one(Appointment, number)
    for side, early in ((AttendanceSide.STAFF, -1), (AttendanceSide.CLIENT, 4)):
        joined = kept.start_time + early * MINUTE
        attendance.record(
            session,
            kept,
            actor=Actor.system(kept.firm_id, "the video provider"),
            side=side,
            source=AttendanceSource.PROVIDER,
            joined_at=joined,
            now=joined,
        )


def joins(town: Town, today: Today, secret: str) -> None:
    """The video provider calls: these joined in time."""
    began = today.due - HALF
    town.reports(secret, today.made["client"], "staff", began - MINUTE)
    town.reports(secret, today.made["staff"], "client", began + 2 * MINUTE)
