"""Free time: what a staff user's working day still offers, and the lock that orders those who want it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.localtime import Local, day_bounds
from webapp.models import HOLDS_SLOT_SQL, Appointment, Firm

MAX_DURATION = timedelta(hours=24)
TAKEN = (
    sa.select(Appointment.start_time, Appointment.end_time)
    .where(
        Appointment.firm_id == sa.bindparam("firm_id"),
        Appointment.staff_user_id == sa.bindparam("staff_user_id"),
        Appointment.start_time < sa.bindparam("end"),
        Appointment.start_time > sa.bindparam("earliest"),
        Appointment.end_time > sa.bindparam("start"),
        sa.text(HOLDS_SLOT_SQL),
        Appointment.appointment_id != sa.bindparam("ignore"),
    )
    .order_by(Appointment.start_time)
)


@dataclass(frozen=True, slots=True)
class DayOffer:
    """One local day and the starts that are free on it (UTC, ascending)."""

    day: date
    starts: tuple[datetime, ...]


def lock_staff(session: Session, staff_user_ids: Iterable[int]) -> None:
    """Order the writers of these calendars, so that racing moves wait instead of deadlocking.

    SQLite has one writer at a time and needs nothing.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    for staff_user_id in sorted(set(staff_user_ids)):
        session.execute(
            sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
            {"key": f"slot:{staff_user_id}"},
        )


def taken(
    session: Session,
    *,
    firm_id: int,
    staff_user_id: int,
    start: datetime,
    end: datetime,
    ignore: int | None = None,
) -> list[tuple[datetime, datetime]]:
    """Intervals that live, not overbooked appointments hold within ``[start, end)``, ascending.

    ``ignore`` is an appointment to leave out: the one that is being moved.
    """
    rows = session.execute(
        TAKEN,
        {
            "firm_id": firm_id,
            "staff_user_id": staff_user_id,
            "start": start,
            "end": end,
            "earliest": start - MAX_DURATION,
            "ignore": ignore or 0,
        },
    )
    return [(row.start_time, row.end_time) for row in rows]


def is_free(
    session: Session,
    *,
    firm_id: int,
    staff_user_id: int,
    start: datetime,
    end: datetime,
    ignore: int | None = None,
) -> bool:
    """Whether nothing holds the interval. Only a hint: the database decides when it is written."""
    return not taken(
        session, firm_id=firm_id, staff_user_id=staff_user_id, start=start, end=end, ignore=ignore
    )


def offers(
    session: Session,
    *,
    firm: Firm,
    staff_user_id: int,
    first: date,
    days: int,
    minutes: int,
    now: datetime,
    ignore: int | None = None,
) -> list[DayOffer]:
    """Free starts of a meeting of so many minutes, per local day, within the firm's working hours.

    Starts lie on the firm's grid (``slot_step`` minutes) and in the future. One SQL statement.
    """
    local = Local.named(firm.timezone)
    low, high = day_bounds(first, local.zone, days)
    busy = taken(
        session, firm_id=firm.firm_id, staff_user_id=staff_user_id, start=low, end=high, ignore=ignore
    )
    return [
        DayOffer(day, tuple(_free_starts(firm, local, day, minutes, busy, now)))
        for day in (first + timedelta(days=offset) for offset in range(days))
    ]


def _free_starts(
    firm: Firm, local: Local, day: date, minutes: int, busy: list[tuple[datetime, datetime]], now: datetime
) -> Iterable[datetime]:
    length, step = timedelta(minutes=minutes), timedelta(minutes=firm.slot_step)
    for opens, closes in firm.working_hours[day.weekday()]:
        start, close = wall(day, opens, local), wall(day, closes, local)
        while start + length <= close:
            if start > now and not any(a < start + length and start < b for a, b in busy):
                yield start
            start += step


def wall(day: date, minutes: int, local: Local) -> datetime:
    """The instant at so many minutes past local midnight by the clock on the wall (a gap moves it on)."""
    naive = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minutes)
    return naive.replace(tzinfo=local.zone).astimezone(UTC)
