"""A number's address: which appointments it counts, written into a link and read back from it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

from werkzeug.datastructures import MultiDict

from webapp.localtime import DAYS, day_start, parse_date
from webapp.queries.analytics.behind import Behind
from webapp.queries.analytics.classes import Figure
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.listing import Slice
from webapp.queries.analytics.names import Names
from webapp.queries.analytics.rates import Rate
from webapp.queries.analytics.tallies import LEADS
from webapp.ui import figures
from webapp.ui.reports.forms import Filters, number

LIST = "/reports/appointments"
MOVED, EVER = -1, -2
LONGEST_CHAIN = 10_000
ROWS = ("staff", "type", "account")

WORDS = {
    Figure.ALL: "All appointments",
    Figure.DUE: "Appointments due",
    Figure.WITH_OUTCOME: "With an outcome",
    Figure.COMPLETED: "Completed",
    Figure.NO_SHOW: "No-shows",
    Figure.NO_SHOW_CLIENT: "Client didn’t show, staff was there",
    Figure.NO_SHOW_STAFF: "Staff didn’t show, client was there",
    Figure.NO_SHOW_BOTH: "Both didn’t show",
    Figure.CLIENT_MISSING: "Client didn’t show",
    Figure.STAFF_MISSING: "Staff didn’t show",
    Figure.COMPLETED_OR_CLIENT: "Completed, or client didn’t show while staff was there",
    Figure.CANCELLED: "Cancelled",
    Figure.CANCELLED_CLIENT: "Cancelled by the client",
    Figure.CANCELLED_STAFF: "Cancelled by staff",
    Figure.CANCELLED_SYSTEM: "Cancelled by the system",
    Figure.CANCELLED_LATE: "Cancelled late",
    Figure.CANCELLED_TIMELY: "Cancelled in time",
    Figure.CANCELLED_AHEAD: "Cancelled, their time still to come",
    Figure.RESCHEDULED: "Rescheduled to another time",
    Figure.ENDED: "Ended, with an outcome or without",
    Figure.UNRECORDED: "Ended without an outcome",
    Figure.UPCOMING: "Confirmed, still to end",
    Figure.REQUESTED: "Requested",
    Figure.AWAITING: "Awaiting confirmation",
    Figure.DECLINED: "Declined requests",
    Figure.EXPIRED: "Expired requests",
    Figure.TIMED_OUT: "Confirmations that ran out of time",
    Figure.WITHDRAWN: "Proposals called off",
    Figure.NOT_COMPLETED: "Ended otherwise than completed",
}


BEHIND = {
    Behind.AUTOMATIC: "outcome recorded by the system",
    Behind.MANUAL: "outcome recorded by people",
    Behind.IMPORTED: "outcome brought along by an import",
    Behind.CORRECTED: "outcome corrected",
    Behind.CONFIRMED: "confirmed after a proposal",
    Behind.APPROVED: "requested in this period and approved",
    Behind.DECLINED: "requested in this period and declined",
    Behind.EXPIRED: "requested in this period and expired",
}


def lead_words(band: int) -> str:
    """``under 1 day``, ``2 to 3 days``, ``31 days or more`` between booking and start."""
    if band == 0:
        return "under 1 day"
    first = LEADS[band - 1]
    if band == len(LEADS):
        return f"{first} days or more"
    last = LEADS[band] - 1
    if first == last:
        return f"{first} day" if first == 1 else f"{first} days"
    return f"{first} to {last} days"


def lead_label(band: int) -> str:
    """The same for the foot of a chart, in days: ``0``, ``2–3``, ``31+``."""
    if band == len(LEADS):
        return f"{LEADS[-1]}+"
    first, last = (LEADS[band - 1] if band else 0), LEADS[band] - 1
    return str(first) if first == last else f"{first}–{last}"


def chain_words(chain: int) -> str:
    if chain == MOVED:
        return "last booking of a chain that was moved at least once"
    if chain == EVER:
        return "last booking of a chain that was ever confirmed"
    if chain == 0:
        return "last booking of a chain that has ended"
    return f"last booking of a chain of {chain} that has ended" if chain > 1 else "never moved, and ended"


@dataclass(frozen=True, slots=True)
class Part:
    """Which of a report's appointments. ``first`` and ``last`` replace its days, ``row`` is a table's row."""

    figure: Figure = Figure.ALL
    first: date | None = None
    last: date | None = None
    row: tuple[str, int] | None = None
    weekday: int | None = None
    hour: int | None = None
    lead: int | None = None
    chain: int | None = None
    behind: Behind | None = None

    def pairs(self) -> list[tuple[str, str]]:
        found = [
            ("figure", self.figure.value),
            ("first", self.first.isoformat() if self.first else ""),
            ("last", self.last.isoformat() if self.last else ""),
            ("row", f"{self.row[0]}.{self.row[1]}" if self.row else ""),
            *((name, _text(getattr(self, name))) for name in ("weekday", "hour", "lead", "chain")),
            ("behind", self.behind or ""),
        ]
        return [(name, value) for name, value in found if value]

    @property
    def slice(self) -> Slice:
        return Slice(
            figure=self.figure,
            weekday=self.weekday,
            hour=self.hour,
            lead=self.lead,
            chain=self.chain,
            behind=self.behind,
        )

    def narrow(self, scope: Scope) -> Scope:
        """The report's cohort, within this part's days and row."""
        if self.first and self.last:
            after = day_start(self.last + timedelta(days=1), scope.zone)
            scope = scope.during(day_start(self.first, scope.zone), after)
        match self.row:
            case "staff", key:
                return replace(scope, staff_user_id=key)
            case "type", key:
                return replace(scope, appointment_type_id=key)
            case "account", key:
                return replace(scope, account_id=key)
        return scope

    def days(self, filters: Filters) -> tuple[date, date]:
        return (self.first, self.last) if self.first and self.last else (filters.first, filters.last)

    def told(self, filters: Filters, names: Names, day: Callable[[date], str]) -> str:
        """The days and what narrows them, in words."""
        first, last = self.days(filters)
        found = [day(first) if first == last else f"{day(first)} to {day(last)}"]
        if self.weekday is not None:
            found.append(f"{DAYS[self.weekday]}s")
        if self.hour is not None:
            found.append(f"starting {self.hour:02d}:00 to {self.hour:02d}:59")
        if self.lead is not None:
            found.append(f"booked {lead_words(self.lead)} ahead")
        if self.chain is not None:
            found.append(chain_words(self.chain))
        if self.behind is not None:
            found.append(BEHIND[self.behind])
        if self.row is not None:
            known = {"staff": names.staff, "type": names.types, "account": names.accounts}
            found.append(known[self.row[0]].get(self.row[1], "somebody who is not in the list"))
        return ", ".join(found)


def _text(value: int | None) -> str:
    return "" if value is None else str(value)


def read(args: MultiDict[str, str]) -> Part | None:
    """A part as an address carries it; None where nobody could have written it so."""
    try:
        first, last = (parse_date(args[name]) if name in args else None for name in ("first", "last"))
        weekday, hour, lead, chain = (_between(args.get(name), low, high) for name, low, high in _RANGES)
        return Part(
            figure=Figure(args.get("figure", Figure.ALL.value)),
            first=first,
            last=last if first is None or last is None or first <= last else first,
            row=_row(args["row"]) if "row" in args else None,
            weekday=weekday,
            hour=hour,
            lead=lead,
            chain=chain,
            behind=Behind(args["behind"]) if "behind" in args else None,
        )
    except ValueError:
        return None


_RANGES = (
    ("weekday", 0, 6),
    ("hour", 0, 23),
    ("lead", 0, len(LEADS)),
    ("chain", EVER, LONGEST_CHAIN),
)


def _row(text: str) -> tuple[str, int]:
    name, _, key = text.partition(".")
    found = number(key)
    if name not in ROWS or found is None:
        raise ValueError(text)
    return name, found


def _between(text: str | None, low: int, high: int) -> int | None:
    if text is None:
        return None
    sign = -1 if text.startswith("-") else 1
    found = number(text.removeprefix("-"))
    if found is None or not low <= sign * found <= high:
        raise ValueError(text)
    return sign * found


@dataclass(frozen=True, slots=True)
class Number:
    """A count, and the address of the rows that it counts."""

    count: int
    url: str


@dataclass(frozen=True, slots=True)
class Fraction:
    """A share as pages print it: both numbers lead to what they count."""

    rate: Rate
    part: Number
    whole: Number

    @property
    def value(self) -> str:
        return figures.rate(self.rate)

    @property
    def interval(self) -> str:
        return figures.interval(self.rate)

    @property
    def few(self) -> bool:
        return self.rate.few


class Links:
    """Addresses of the numbers of one report."""

    def __init__(self, filters: Filters) -> None:
        self._address = partial(filters.url, LIST)

    def to(self, part: Part, *more: tuple[str, str]) -> str:
        return self._address(*part.pairs(), *more)

    def number(self, count: int, part: Part) -> Number:
        return Number(count, self.to(part))

    def fraction(self, rate: Rate, part: Figure, whole: Figure, within: Part) -> Fraction:
        """A share of appointments of one part of the report."""
        return Fraction(
            rate,
            self.number(rate.part, replace(within, figure=part)),
            self.number(rate.whole, replace(within, figure=whole)),
        )
