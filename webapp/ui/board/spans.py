"""What a board's address means: the days it covers, its neighbours, its month, its filters."""

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from webapp.localtime import FIRST_DATE, LAST_DATE, MONTHS, Local, day_bounds
from webapp.queries.board import Filters
from webapp.vocabulary import Status

Q_LENGTH = 100
MAX_ID = 2**62


@dataclass(frozen=True, slots=True)
class Span:
    """One day or one week (Monday first) of a firm's calendar."""

    kind: str
    first: date
    days: int
    bounds: tuple[datetime, datetime]
    local: Local

    @classmethod
    def of(cls, kind: str, day: date, local: Local) -> "Span":
        if kind == "day":
            return cls(kind, day, 1, day_bounds(day, local.zone), local)
        monday = day - timedelta(days=day.weekday())
        return cls(kind, monday, 7, day_bounds(monday, local.zone, 7), local)

    @property
    def last(self) -> date:
        return self.first + timedelta(days=self.days - 1)

    @property
    def title(self) -> str:
        if self.kind == "day":
            return self.local.long_day(self.first)
        return f"{self.local.day(self.first)} to {self.local.day(self.last)}"

    @property
    def url(self) -> str:
        return f"/{self.kind}/{self.first.isoformat()}"

    def covers(self, day: date) -> bool:
        return self.first <= day <= self.last

    def neighbour(self, steps: int) -> "Span":
        return Span.of(self.kind, clamp(self.first + timedelta(days=self.days * steps)), self.local)


def clamp(day: date) -> date:
    return min(max(day, FIRST_DATE + timedelta(days=7)), LAST_DATE - timedelta(days=7))


@dataclass(frozen=True, slots=True)
class Month:
    """The month beside the list: weeks of days, and the same day a month earlier and later."""

    label: str
    weeks: list[list[date]]
    month: int
    before: tuple[str, date]
    after: tuple[str, date]


def month_of(day: date) -> Month:
    weeks = calendar.Calendar().monthdatescalendar(day.year, day.month)
    before, after = _shift(day, -1), _shift(day, 1)
    return Month(_label(day), weeks, day.month, (_label(before), before), (_label(after), after))


def _label(day: date) -> str:
    return f"{MONTHS[day.month - 1]} {day.year}"


def _shift(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return clamp(date(year, month + 1, min(day.day, last)))


def filters_of(args: MultiDict[str, str]) -> Filters:
    """The filters in a query string; words that mean nothing are left out."""
    statuses = {Status(word) for word in args.getlist("status") if word in set(Status)}
    staff = {int(word) for word in args.getlist("staff") if word.isascii() and word.isdigit()}
    return Filters(
        statuses=frozenset(statuses),
        staff=frozenset(number for number in staff if number < MAX_ID),
        q=args.get("q", "").replace("\x00", "").strip()[:Q_LENGTH],
        hide_finished="hide_closed" in args,
    )


class Kept(Protocol):
    """What an address carries besides the filters."""

    @property
    def pair(self) -> str: ...


def query_string(filters: Filters, kept: Kept | None = None, *, without_q: bool = False) -> str:
    """The filters and what is kept beside them as a query string, ``?`` included; empty without any."""
    found = urlencode([pair for pair in pairs(filters) if not (without_q and pair[0] == "q")])
    query = "&".join(filter(None, [found, kept.pair if kept else ""]))
    return f"?{query}" if query else ""


def pairs(filters: Filters) -> list[tuple[str, str]]:
    """The filters as fields of a form."""
    found = [("status", status.value) for status in Status if status in filters.statuses]
    found += [("staff", str(number)) for number in sorted(filters.staff)]
    if filters.q:
        found.append(("q", filters.q))
    if filters.hide_finished:
        found.append(("hide_closed", "on"))
    return found
