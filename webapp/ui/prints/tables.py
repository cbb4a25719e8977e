"""Figures of a period in rows: by staff and type, by span of days, by who did not show."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from webapp.localtime import MONTHS, Local
from webapp.queries.analytics.classes import Fate, Figure
from webapp.queries.analytics.rates import Rate, beyond_chance
from webapp.queries.analytics.tally import Tally
from webapp.ui import charts, figures
from webapp.ui.charts import Column, Part, Stacked
from webapp.ui.prints.forms import Asked

DAY = timedelta(days=1)
MOST_WEEKS = 27
STACK = (
    ("completed", "Completed", Figure.COMPLETED),
    ("confirmed", "No outcome", Figure.UNRECORDED),
    ("no_show", "No-show", Figure.NO_SHOW),
    ("cancelled", "Cancelled", Figure.CANCELLED),
    ("rescheduled", "Rescheduled", Figure.RESCHEDULED),
)
PARTIES = (
    ("Client", Figure.NO_SHOW_CLIENT),
    ("Staff", Figure.NO_SHOW_STAFF),
    ("Both", Figure.NO_SHOW_BOTH),
)


@dataclass(frozen=True, slots=True)
class Share:
    """A rate as paper prints it: value, fraction, interval, whether it is of few, and whether of all."""

    value: str
    fraction: str
    interval: str
    few: bool
    partial: bool


def share(rate: Rate) -> Share:
    fraction = f"{rate.part:,} of {rate.whole:,}"
    return Share(figures.rate(rate), fraction, figures.interval(rate), rate.few, rate.part < rate.whole)


@dataclass(frozen=True, slots=True)
class Row:
    """``beyond`` is 1 where the client no-show rate is above the others' by more than chance, -1 below.
    ``key`` is whose row it is; two may have one name."""

    key: int
    name: str
    tally: Tally
    completion: Share
    no_show: Share
    client_alone: Share
    beyond: int

    def of(self, figure: str) -> int:
        return self.tally.of(Figure(figure))


def row(key: int, name: str, tally: Tally, total: Tally | None = None) -> Row:
    beyond = beyond_chance(tally.client_alone, (total - tally).client_alone) if total else 0
    shares = (share(tally.completion), share(tally.no_show), share(tally.client_alone))
    return Row(key, name, tally, *shares, beyond)


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    first: str
    rows: list[Row]
    total: Row


@dataclass(frozen=True, slots=True)
class Answer:
    """Who loses most meetings to clients who don't show while staff is there (``most``), whose rate is above
    the others' by more than chance (``above``), and whether there is nobody else (``alone``)."""

    most: list[Row]
    above: list[Row]
    alone: bool

    @property
    def keys(self) -> list[int]:
        return [row.key for row in (*self.most, *self.above)]


def answer(staff: Table) -> Answer | None:
    """None where no client missed a meeting that staff was at."""
    largest = max((row.tally.of(Figure.NO_SHOW_CLIENT) for row in staff.rows), default=0)
    if not largest:
        return None
    return Answer(
        [row for row in staff.rows if row.tally.of(Figure.NO_SHOW_CLIENT) == largest],
        [row for row in staff.rows if row.beyond > 0],
        len(staff.rows) == 1,
    )


def _lowered(found: Row) -> tuple[bool, float]:
    value = found.tally.client_alone.value
    return value is None, -(value or 0)


def by_client_rate(found: Table) -> Table:
    """The same with the highest client no-show rate first, those without one last."""
    return replace(found, rows=sorted(found.rows, key=_lowered))


def table(title: str, first: str, found: dict[int, Tally], names: dict[int, str], total: Tally) -> Table:
    """Those with most due meetings first."""
    rows = [row(key, names.get(key, str(key)), tally, total) for key, tally in found.items()]
    rows.sort(key=lambda one: (-one.tally.of(Figure.DUE), one.name.casefold()))
    return Table(title, first, rows, row(0, "All", total))


@dataclass(frozen=True, slots=True)
class Timeline:
    """``unit`` is week or month. ``legend``: status, name, count. ``lines``: a name, and its numbers
    under ``heads``."""

    unit: str
    chart: Stacked
    legend: list[tuple[str, str, int]]
    heads: list[str]
    lines: list[tuple[str, list[int]]]


def timeline(by_day: dict[date, Tally], total: Tally, asked: Asked) -> Timeline:
    weekly = (asked.last - asked.first).days < 7 * MOST_WEEKS
    sums: dict[date, Counter[Fate]] = {start: Counter() for start in _starts(asked, weekly)}
    for day, tally in by_day.items():
        start = day - day.weekday() * DAY if weekly else day.replace(day=1)
        sums[max(start, asked.first)].update(tally.counts)
    columns, lines = [], []
    for start, counts in sums.items():
        tally = Tally(counts)
        parts = [Part(status, name, tally.of(figure)) for status, name, figure in STACK]
        columns.append(Column(_label(start, asked.local, weekly), tuple(parts)))
        name = asked.local.full_day(start)[4:] if weekly else f"{MONTHS[start.month - 1]} {start.year}"
        lines.append((name, [*(part.count for part in parts), tally.of(Figure.DUE)]))
    return Timeline(
        "week" if weekly else "month",
        charts.stacked(columns),
        [(status, name, total.of(figure)) for status, name, figure in STACK],
        [*(name for _, name, _ in STACK), "Due"],
        lines,
    )


def _starts(asked: Asked, weekly: bool) -> list[date]:
    """Where each week or month of the period begins; the first may be cut."""
    found, day = [], asked.first
    while day <= asked.last:
        found.append(day)
        day += (7 - day.weekday()) * DAY if weekly else (day.replace(day=1) + 32 * DAY).replace(day=1) - day
    return found


def _label(start: date, local: Local, weekly: bool) -> str:
    return local.day(start)[4:] if weekly else f"{MONTHS[start.month - 1][:3]} {start.year % 100:02d}"


def parties(total: Tally) -> list[tuple[str, int, Share, Share]]:
    """Who did not show: how often, of all no-shows, of the meetings with an outcome."""
    whole, outcomes = total.of(Figure.NO_SHOW), total.of(Figure.WITH_OUTCOME)
    counts = [(name, total.of(figure)) for name, figure in PARTIES]
    return [(name, count, share(Rate(count, whole)), share(Rate(count, outcomes))) for name, count in counts]


Value = Callable[[Tally], object]


def _count(figure: Figure) -> Value:
    return lambda tally: tally.of(figure)


def _digits(rate: Callable[[Tally], Rate]) -> Value:
    def digits(tally: Tally) -> object:
        value = rate(tally).value
        return None if value is None else f"{value:.4f}"

    return digits


COUNTED: tuple[tuple[str, Value], ...] = (
    ("Due", _count(Figure.DUE)),
    ("Completed", _count(Figure.COMPLETED)),
    ("No-shows", _count(Figure.NO_SHOW)),
    ("Client no-shows, staff present", _count(Figure.NO_SHOW_CLIENT)),
    ("Staff no-shows, client present", _count(Figure.NO_SHOW_STAFF)),
    ("Both missing", _count(Figure.NO_SHOW_BOTH)),
    ("Cancelled", _count(Figure.CANCELLED)),
    ("Rescheduled", _count(Figure.RESCHEDULED)),
    ("No outcome", _count(Figure.UNRECORDED)),
    ("Completion rate", _digits(lambda tally: tally.completion)),
    ("No-show rate", _digits(lambda tally: tally.no_show)),
    ("Cancellation rate", _digits(lambda tally: tally.cancellation)),
)
