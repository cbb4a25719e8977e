"""Times: the start that a row states, or a place in the working day for a row that states only the day."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.slots import wall
from webapp.localtime import (
    FIRST_DATE,
    LAST_DATE,
    AmbiguousTime,
    Local,
    NonexistentTime,
    instant,
    parse_clock,
    parse_date,
)

CLOSED_DAY = [[540, 1080]]
"""Working hours (minutes after midnight) for a day on which the firm is closed but the file has rows."""


class Start(NamedTuple):
    """An instant (UTC), and what had to be decided to get there."""

    at: datetime
    warning: str = ""


class Place(NamedTuple):
    """A start within a working day; ``again`` if the day was full and the row shares its time with others."""

    at: datetime
    again: bool


@lru_cache(maxsize=4096)
def parse_instant(text: str, zone: ZoneInfo) -> Start:
    """An ISO 8601 date and time; without an offset it is the zone's wall clock.

    Raises:
        Invalid: it cannot be read, or the zone skips it.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text!r} is not a date and time such as 2026-01-13T14:30.") from None
    if not FIRST_DATE <= found.date() <= LAST_DATE:
        raise Invalid(f"{text!r} is not between 1990 and 2100.")
    return Start(found.astimezone(UTC)) if found.tzinfo else _on_the_wall(found, zone)


@lru_cache(maxsize=4096)
def parse_day(text: str) -> date:
    """An ISO date; a time of midnight behind it is how some systems write a day, and is left out.

    Raises:
        Invalid: it cannot be read, or has a time of day.
    """
    day, _, clock = text.replace("T", " ").partition(" ")
    if clock and clock.rstrip("Z").strip(":0.+") != "":
        raise Invalid(f"{text!r} has a time of day: map it as start instead of date.")
    try:
        return parse_date(day)
    except ValueError as error:
        raise Invalid(f"{text!r}: {error}") from None


@lru_cache(maxsize=4096)
def parse_wall(day: date, text: str, zone: ZoneInfo) -> Start:
    """A day and a time of day on the zone's wall clock (Invalid if it cannot be read or does not exist)."""
    try:
        clock = parse_clock(text)
    except ValueError as error:
        raise Invalid(f"{text!r}: {error}") from None
    return _on_the_wall(datetime.combine(day, clock), zone)


def _on_the_wall(naive: datetime, zone: ZoneInfo) -> Start:
    try:
        return Start(instant(naive, zone))
    except NonexistentTime as error:
        before, after = (moment.astimezone(zone) for moment in (error.before, error.after))
        raise Invalid(
            f"{error} in {zone.key}; the nearest times are {before:%H:%M} and {after:%H:%M}."
        ) from None
    except AmbiguousTime as error:
        return Start(error.first, f"{error} in {zone.key}; the first is taken")


@dataclass(slots=True)
class Spread:
    """Lays the rows of one day and staff user one after another over the firm's working hours.

    When the day is full it begins again at opening time. It remembers one number per staff user and day.
    """

    hours: list[list[list[int]]]
    local: Local
    _next: dict[tuple[int, date], tuple[int, bool]] = field(default_factory=dict)

    def place(self, staff_user_id: int, day: date, length: timedelta) -> Place:
        """The next start of that length (UTC)."""
        minutes = max(1, int(length.total_seconds() // 60))
        spans = self.hours[day.weekday()] or CLOSED_DAY
        start, again = self._next.get((staff_user_id, day), (spans[0][0], False))
        found = _fitting(spans, start, minutes)
        if found is None:
            found, again = _fitting(spans, spans[0][0], minutes), True
        if found is None:  # longer than any span of the day
            found = spans[0][0]
        self._next[staff_user_id, day] = (found + minutes, again)
        return Place(wall(day, found, self.local), again)


def _fitting(spans: list[list[int]], start: int, minutes: int) -> int | None:
    for opens, closes in spans:
        if max(start, opens) + minutes <= closes:
            return max(start, opens)
    return None
