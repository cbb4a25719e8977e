"""Wall-clock time: zones, local times that do not exist or exist twice, and how times are written.

Everything is stored in UTC; this module is the only bridge to what a firm's clock on the wall shows.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
FIRST_DATE = date(1990, 1, 1)
LAST_DATE = date(2100, 12, 31)


class NonexistentTime(ValueError):
    """A wall-clock time that the zone skips; ``before`` and ``after`` are the nearest that exist (UTC)."""

    def __init__(self, local: datetime, before: datetime, after: datetime) -> None:
        self.local, self.before, self.after = local, before, after
        super().__init__(f"{local:%H:%M} does not exist on {local:%Y-%m-%d}")


class AmbiguousTime(ValueError):
    """A wall-clock time that the zone shows twice; ``first`` and ``second`` are both instants (UTC)."""

    def __init__(self, local: datetime, first: datetime, second: datetime) -> None:
        self.local, self.first, self.second = local, first, second
        super().__init__(f"{local:%H:%M} happens twice on {local:%Y-%m-%d}")


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """The IANA names that a firm or a contact may choose."""
    return frozenset(name for name in available_timezones() if "/" in name or name == "UTC")


@lru_cache(maxsize=1)
def _places() -> list[tuple[str, str, ZoneInfo]]:
    """``(region, place, zone)`` of each zone that may be chosen, by region and place."""
    found = []
    for name in zone_names():
        region, *inner = name.replace("_", " ").split("/")
        elsewhere = region in {"Etc", "UTC"}
        found.append(
            ("Other" if elsewhere else region, ", ".join(reversed(inner or [region])), ZoneInfo(name))
        )
    return sorted(found, key=lambda place: place[:2])


def zone_choices(moment: datetime) -> dict[str, list[tuple[str, str]]]:
    """The zones by region, each as ``(name, label)`` with its city and its offset at an instant.

    A label reads ``London (UTC+00:00)`` or ``Buenos Aires, Argentina (UTC-03:00)``.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for region, place, zone in _places():
        offset = moment.astimezone(zone).strftime("%z")
        found.setdefault(region, []).append((zone.key, f"{place} (UTC{offset[:3]}:{offset[3:5]})"))
    return found


def instant(local: datetime, zone: ZoneInfo, *, second: bool | None = None) -> datetime:
    """The UTC instant of a naive wall-clock time.

    Args:
        second: which of the two instants is meant where the time exists twice; None asks.

    Raises:
        NonexistentTime: the zone skips it (spring forward).
        AmbiguousTime: the zone shows it twice (fall back) and ``second`` is None.
    """
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    last = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first == last:
        return first
    if first.astimezone(zone).replace(tzinfo=None) != local:
        transition = _transition(last, first, zone)  # in a gap the reading by the old offset is the later one
        raise NonexistentTime(local, transition - timedelta(minutes=1), transition)
    if second is None:
        raise AmbiguousTime(local, first, last)
    return last if second else first


def _transition(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The first whole second at which the zone's offset has changed, between two instants."""
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day (UTC), also where midnight is skipped or repeated."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def day_bounds(first: date, zone: ZoneInfo, days: int = 1) -> tuple[datetime, datetime]:
    """``[start, end)`` of so many local days, in UTC. A day has 23, 24 or 25 hours."""
    return day_start(first, zone), day_start(first + timedelta(days=days), zone)


def parse_date(text: str) -> date:
    """An ISO date between 1990 and 2100.

    Raises:
        ValueError: with a sentence for the person who typed it.
    """
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("Enter a date as year-month-day, such as 2026-01-13.") from None
    if not FIRST_DATE <= day <= LAST_DATE:
        raise ValueError("Enter a date between 1990 and 2100.")
    return day


def parse_clock(text: str) -> time:
    """A time of day as people type it: ``9``, ``9:45``, ``0945``, ``2.30pm``.

    Raises:
        ValueError: with a sentence for the person who typed it.
    """
    problem = "Enter a time such as 14:30."
    bare = text.strip().lower().replace(".", ":").replace(" ", "")
    half = bare[-2:] if bare[-2:] in {"am", "pm"} else ""
    bare = bare.removesuffix(half) if half else bare
    hours, colon, minutes = bare.partition(":")
    if not colon and len(bare) in (3, 4):
        hours, minutes = bare[:-2], bare[-2:]
    minutes = minutes or "00"
    if len(hours) > 2 or not all(part.isascii() and part.isdigit() for part in (hours, minutes)):
        raise ValueError(problem)
    hour, minute = int(hours), int(minutes)
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(problem)
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59 or len(minutes) != 2:
        raise ValueError(problem)
    return time(hour, minute)


def duration(minutes: int) -> str:
    """``45 min``, ``2 h 28 min``, ``1 day 3 h``, ``3 days``."""
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    if days > 1:
        return f"{days} days"
    if days:
        return f"1 day {hours} h" if hours else "1 day"
    if not hours:
        return f"{rest} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"


@dataclass(frozen=True, slots=True)
class Local:
    """How one firm writes times: its zone, its clock (24 or 12 hours) and its order of day and month."""

    zone: ZoneInfo
    twelve_hour: bool = False
    month_first: bool = False

    @classmethod
    def named(cls, timezone: str, *, twelve_hour: bool = False, month_first: bool = False) -> "Local":
        return cls(ZoneInfo(timezone), twelve_hour, month_first)

    def elsewhere(self, timezone: str) -> "Local":
        """The same way of writing times, by another zone's clocks."""
        return Local(ZoneInfo(timezone), self.twelve_hour, self.month_first)

    def at(self, moment: datetime) -> datetime:
        """The instant on the firm's wall clock (aware)."""
        return moment.astimezone(self.zone)

    def day_of(self, moment: datetime) -> date:
        """The local calendar day of an instant."""
        return moment.astimezone(self.zone).date()

    def time(self, moment: datetime) -> str:
        """``14:00`` or ``2:00 pm``."""
        local = moment.astimezone(self.zone)
        if not self.twelve_hour:
            return f"{local.hour:02d}:{local.minute:02d}"
        return f"{local.hour % 12 or 12}:{local.minute:02d} {'am' if local.hour < 12 else 'pm'}"

    def range(self, start: datetime, end: datetime) -> str:
        """``14:00–14:45``; an end on another day carries its date."""
        last = self.time(end)
        if self.day_of(start) != self.day_of(end):
            last = f"{last} {self.day(self.day_of(end))}"
        return f"{self.time(start)}–{last}"

    def _order(self, day: str, month: str) -> str:
        return f"{month} {day}" if self.month_first else f"{day} {month}"

    def day(self, day: date) -> str:
        """``Tue 13 Jan``."""
        return f"{DAYS[day.weekday()][:3]} {self._order(str(day.day), MONTHS[day.month - 1][:3])}"

    def long_day(self, day: date) -> str:
        """``Tuesday 13 January``."""
        return f"{DAYS[day.weekday()]} {self._order(str(day.day), MONTHS[day.month - 1])}"

    def full_day(self, day: date) -> str:
        """``Tue 13 Jan 2026``."""
        return f"{self.day(day)} {day.year}"

    def day_time(self, moment: datetime) -> str:
        """``Tue 13 Jan, 14:00``."""
        return f"{self.day(self.day_of(moment))}, {self.time(moment)}"

    def full_day_time(self, moment: datetime) -> str:
        """``Tue 13 Jan 2026, 14:00``."""
        return f"{self.full_day(self.day_of(moment))}, {self.time(moment)}"

    def relative(self, moment: datetime, now: datetime) -> str:
        """``14:00`` today, ``yesterday 14:00``, else ``Tue 13 Jan, 14:00``; another year is named."""
        day, today = self.day_of(moment), self.day_of(now)
        if day == today:
            return self.time(moment)
        if day == today - timedelta(days=1):
            return f"yesterday {self.time(moment)}"
        return self.day_time(moment) if day.year == today.year else self.full_day_time(moment)

    def city(self) -> str:
        """``London``: the zone by its city."""
        return self.zone.key.rsplit("/", 1)[-1].replace("_", " ")

    def zone_label(self, moment: datetime) -> str:
        """``London (GMT)``; zones without letters show their offset."""
        name = moment.astimezone(self.zone).tzname() or ""
        return f"{self.city()} ({'UTC' + name if name[:1] in '+-' and name else name})"
