"""The charts of the report: what each shows, and the same numbers for the table beside it."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta

from webapp.localtime import DAYS, MONTHS, Local
from webapp.queries.analytics.classes import Figure
from webapp.queries.analytics.rates import Rate
from webapp.queries.analytics.tallies import Chains, Tallies
from webapp.queries.analytics.tally import Tally
from webapp.ui import charts
from webapp.ui.charts import Column, Heat, Shares, Stacked
from webapp.ui.charts import Part as Piece
from webapp.ui.reports.forms import Filters
from webapp.ui.reports.parts import Fraction, Links, Number, Part, lead_label, lead_words

DAY = timedelta(days=1)
MOST_DAYS, MOST_WEEKS = 31, 27
WORKDAYS = range(5)
STACK = (
    ("completed", "Completed", Figure.COMPLETED),
    ("confirmed", "No outcome", Figure.UNRECORDED),
    ("no_show", "No-show", Figure.NO_SHOW),
    ("cancelled", "Cancelled", Figure.CANCELLED),
    ("rescheduled", "Rescheduled", Figure.RESCHEDULED),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a chart's table: ``numbers`` in the order of its heads, and a share where it has one."""

    name: str
    numbers: list[Number]
    share: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """``unit`` is day, week or month."""

    unit: str
    chart: Stacked
    legend: list[tuple[str, str, Number]]
    lines: list[Line]
    heads: list[str]


def unit_of(days: int) -> str:
    if days <= MOST_DAYS:
        return "day"
    return "week" if days <= 7 * MOST_WEEKS else "month"


def spans(first: date, last: date, unit: str) -> list[tuple[date, date]]:
    """The days, weeks (from Monday) or months of a period; the first and last may be cut."""
    found = []
    while first <= last:
        if unit == "day":
            end = first
        elif unit == "week":
            end = first + (6 - first.weekday()) * DAY
        else:
            end = (first.replace(day=1) + 32 * DAY).replace(day=1) - DAY
        found.append((first, min(end, last)))
        first = end + DAY
    return found


def timeline(found: Tallies, filters: Filters, links: Links, local: Local) -> Timeline:
    unit = unit_of(filters.days)
    columns, lines = [], []
    by_span = _by_span(found.by_day, spans(filters.first, filters.last, unit))
    for (first, last), tally in by_span.items():
        within = Part(first=first, last=last)
        numbers = [
            links.number(tally.of(figure), replace(within, figure=figure))
            for figure in [*(figure for _, _, figure in STACK), Figure.DUE]
        ]
        pieces = tuple(
            Piece(status, name, number.count, number.url)
            for (status, name, _), number in zip(STACK, numbers, strict=False)
        )
        columns.append(Column(_label(first, unit, local, filters), pieces))
        lines.append(Line(_named(first, last, local), numbers))
    legend = [
        (status, name, links.number(found.total.of(figure), Part(figure))) for status, name, figure in STACK
    ]
    return Timeline(unit, charts.stacked(columns), legend, lines, [*(name for _, name, _ in STACK), "Due"])


def _by_span(by_day: dict[date, Tally], found: list[tuple[date, date]]) -> dict[tuple[date, date], Tally]:
    sums: dict[tuple[date, date], Counter[object]] = {span: Counter() for span in found}
    days = iter(sorted(by_day.items()))
    day, tally = next(days, (None, Tally()))
    for span in found:
        while day is not None and day <= span[1]:
            sums[span].update(tally.counts)
            day, tally = next(days, (None, Tally()))
    return {span: Tally(counts) for span, counts in sums.items()}  # type: ignore[arg-type]


def _label(first: date, unit: str, local: Local, filters: Filters) -> str:
    if unit == "month":
        year = f" {first.year % 100:02d}" if filters.first.year != filters.last.year else ""
        return f"{MONTHS[first.month - 1][:3]}{year}"
    return local.day(first)[4:]


def _named(first: date, last: date, local: Local) -> str:
    if first == last:
        return local.full_day(first)
    return f"{local.full_day(first)[4:]} to {local.full_day(last)[4:]}"


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars that lie: name, number, share of all in percent, and whose colour."""

    rows: list[tuple[str, Number, float, str]]


def _bars(rows: list[tuple[str, Figure, str]], total: Tally, links: Links) -> Bars:
    counts = [total.of(figure) for _, figure, _ in rows]
    whole = sum(counts) or 1
    return Bars(
        [
            (name, links.number(count, Part(figure)), round(100 * count / whole, 1), status)
            for (name, figure, status), count in zip(rows, counts, strict=True)
        ]
    )


def parties(total: Tally, links: Links) -> Bars:
    return _bars(
        [
            ("Client didn’t show", Figure.NO_SHOW_CLIENT, "no_show"),
            ("Staff didn’t show", Figure.NO_SHOW_STAFF, "no_show"),
            ("Both didn’t show", Figure.NO_SHOW_BOTH, "no_show"),
        ],
        total,
        links,
    )


@dataclass(frozen=True, slots=True)
class Cancellations:
    notice: Bars
    sides: Bars
    late: Fraction


def cancellations(total: Tally, links: Links) -> Cancellations:
    """Late ones inside the type's notice, and who called off."""
    notice = [
        ("Late, inside the notice", Figure.CANCELLED_LATE, "cancelled"),
        ("In time", Figure.CANCELLED_TIMELY, "cancelled"),
    ]
    sides = [
        ("By the client", Figure.CANCELLED_CLIENT, "cancelled"),
        ("By staff", Figure.CANCELLED_STAFF, "cancelled"),
        ("By the system", Figure.CANCELLED_SYSTEM, "cancelled"),
    ]
    late = links.fraction(total.late_cancellation, Figure.CANCELLED_LATE, Figure.DUE, Part())
    return Cancellations(_bars(notice, total, links), _bars(sides, total, links), late)


@dataclass(frozen=True, slots=True)
class Hours:
    """Weekday by hour. ``lines`` are its rows of the table, one share for each hour, None without cases."""

    chart: Heat
    heads: list[str]
    lines: list[tuple[str, list[Fraction | None]]]


def hours(by_hour: dict[tuple[int, int], Tally], links: Links) -> Hours | None:
    """Client no-shows where there were meetings with an outcome; None without any."""
    counted = {key: tally for key, tally in by_hour.items() if tally.of(Figure.WITH_OUTCOME)}
    if not counted:
        return None
    days = sorted({*WORKDAYS, *(day for day, _ in counted)})
    clock = range(min(hour for _, hour in counted), max(hour for _, hour in counted) + 1)
    shares = {
        (days.index(day), clock.index(hour)): links.fraction(
            tally.client_no_show,
            Figure.CLIENT_MISSING,
            Figure.WITH_OUTCOME,
            Part(weekday=day, hour=hour),
        )
        for (day, hour), tally in counted.items()
    }
    heads = [f"{hour:02d}" for hour in clock]
    chart = charts.heat(
        [DAYS[day][:3] for day in days],
        heads,
        {key: (share.rate, share.part.url) for key, share in shares.items()},
    )
    lines = [
        (DAYS[day], [shares.get((row, column)) for column in range(len(clock))])
        for row, day in enumerate(days)
    ]
    return Hours(chart, [f"{head}:00" for head in heads], lines)


@dataclass(frozen=True, slots=True)
class Leads:
    chart: Shares
    lines: list[Line]


def leads(by_lead: list[Tally], links: Links) -> Leads:
    """Client no-show rate by how long ahead the meeting was booked."""
    shares = [
        links.fraction(tally.client_no_show, Figure.CLIENT_MISSING, Figure.WITH_OUTCOME, Part(lead=band))
        for band, tally in enumerate(by_lead)
    ]
    return Leads(
        charts.shares([(lead_label(band), share.rate, share.part.url) for band, share in enumerate(shares)]),
        [Line(lead_words(band).capitalize(), [], share) for band, share in enumerate(shares)],
    )


@dataclass(frozen=True, slots=True)
class ChainPanel:
    chart: Stacked
    lines: list[Line]
    completion: Fraction
    words: str


def chains(found: Chains, links: Links) -> ChainPanel:
    """Ended chains by how many bookings they had, and how many of them ended in a meeting."""
    columns, lines = [], []
    for length, count in sorted(found.lengths.items()):
        if not count:
            continue
        done = found.tallies[length].of(Figure.COMPLETED)
        share = chain_share(done, count, length, links)
        otherwise = links.number(count - done, Part(Figure.NOT_COMPLETED, chain=length))
        pieces = (
            Piece("completed", "Completed", done, share.part.url),
            Piece("cancelled", "Ended otherwise", otherwise.count, otherwise.url),
        )
        columns.append(Column(str(length), pieces))
        lines.append(Line(f"{length} {'booking' if length == 1 else 'bookings'}", [], share))
    spread = found.spread
    words = (
        f"Mean {spread.mean:.2f}, median {spread.median:g}, 90 % within {spread.p90:g}, "
        f"longest {spread.largest:g} bookings."
        if spread
        else ""
    )
    rate = found.completion
    return ChainPanel(charts.stacked(columns), lines, chain_share(rate.part, rate.whole, 0, links), words)


def chain_share(done: int, count: int, length: int, links: Links) -> Fraction:
    return Fraction(
        Rate(done, count),
        links.number(done, Part(Figure.COMPLETED, chain=length)),
        links.number(count, Part(chain=length)),
    )
