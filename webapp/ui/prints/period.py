"""The monthly report, and the report of no-shows: figures, charts and lists of a period."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from webapp.localtime import MONTHS, Local
from webapp.queries.analytics import tallies
from webapp.queries.analytics.classes import Figure
from webapp.queries.analytics.rates import Rate
from webapp.queries.analytics.tallies import Chains, Tallies
from webapp.queries.analytics.tally import Tally
from webapp.queries.analytics.times import Times
from webapp.ui import figures
from webapp.ui.figures import change, count_change
from webapp.ui.prints import lists, tables
from webapp.ui.prints.forms import MONTH, NO_SHOWS, Asked
from webapp.ui.prints.paper import Paper
from webapp.ui.prints.tables import Share, share

SHORT = 60
"""Lines of each list of the monthly report."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure: ``number`` alone or a share with its ``basis``, and how it has changed, in words."""

    label: str
    value: str
    changed: str
    fraction: str
    interval: str
    few: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table as a file."""

    table: str
    name: str
    tally: Tally


def month(session: Any, asked: Asked) -> Paper:
    """Eight statements."""
    found = _found(session, asked)
    total = found.total
    return Paper(
        template="prints/month.html",
        title=f"Appointments report, {period(asked.first, asked.last, asked.local)}",
        stem=f"report-from-{asked.first}-to-{asked.last}",
        back=(asked.url("/reports"), "Reports"),
        context={
            **_heading(asked),
            "tiles": _tiles(found),
            "timeline": tables.timeline(found.by_day, total, asked),
            "parties": tables.parties(total),
            "tables": [
                tables.table("By staff", "Staff", found.by_staff, asked.names.staff, total),
                tables.table("By type", "Type", found.by_type, asked.names.types, total),
            ],
            "chains": _chains(found.chains),
            "coverage": share(total.coverage),
            "times": _times(found.times),
            "lists": [
                lists.load(session, asked, figure, title, status, SHORT)
                for figure, title, status in (
                    (Figure.NO_SHOW, "No-shows", "no_show"),
                    (Figure.CANCELLED, "Cancelled", "cancelled"),
                    (Figure.UNRECORDED, "Ended without an outcome", "confirmed"),
                )
            ],
        },
        columns=_columns(asked),
        records=lambda: list(_lines(found, asked)),
    )


def no_shows(session: Any, asked: Asked) -> Paper:
    """Three statements."""
    found = _found(session, asked)
    total = found.total
    staff = tables.by_client_rate(tables.table("By staff", "Staff", found.by_staff, asked.names.staff, total))
    answer = tables.answer(staff)
    order = [*(answer.keys if answer else []), *(row.key for row in staff.rows)]
    return Paper(
        template="prints/no_shows.html",
        title=f"No-show report, {period(asked.first, asked.last, asked.local)}",
        stem=f"no-shows-from-{asked.first}-to-{asked.last}",
        back=(asked.url("/reports"), "Reports"),
        context={
            **_heading(asked),
            "tiles": _no_show_tiles(found),
            "parties": tables.parties(total),
            "tables": [
                staff,
                tables.table("By type", "Type", found.by_type, asked.names.types, total),
            ],
            "answer": answer,
            "coverage": share(total.coverage),
            "list": lists.by_staff(session, asked, order, total.of(Figure.NO_SHOW)),
        },
        columns=lists.COLUMNS,
        records=lambda: lists.every(asked, Figure.NO_SHOW),
    )


BUILDERS: dict[str, Callable[[Any, Asked], Paper]] = {MONTH: month, NO_SHOWS: no_shows}


def period(first: date, last: date, local: Local) -> str:
    """``December 2025`` for a whole month, else ``1 Dec 2025 to 14 Jan 2026``."""
    after = date.fromordinal(last.toordinal() + 1)
    if first.day == 1 and after.day == 1 and (first.year, first.month) == (last.year, last.month):
        return f"{MONTHS[first.month - 1]} {first.year}"
    told = [local.full_day(day)[4:] for day in (first, last)]
    return told[0] if first == last else " to ".join(told)


def _heading(asked: Asked) -> dict[str, str]:
    return {
        "period": period(asked.first, asked.last, asked.local),
        "previous": period(*asked.before, asked.local),
        "zone": asked.local.city(),
    }


def _found(session: Any, asked: Asked) -> Tallies:
    return tallies.load(session, asked.scope(), asked.scope(*asked.before))


def _tiles(found: Tallies) -> list[Tile]:
    now, then = found.total, found.before
    return [
        _due(now, then),
        _tile("Completion rate", now.completion, then.completion, "due", good=1),
        _tile("No-show rate", now.no_show, then.no_show, "completed or no-show", good=-1),
        _tile("Cancellation rate", now.cancellation, then.cancellation, "due", good=-1),
        _tile("Late cancellation rate", now.late_cancellation, then.late_cancellation, "due", good=-1),
        _tile(
            "Reschedule rate",
            found.chains.rescheduled,
            found.chains_before.rescheduled,
            "chains ever confirmed",
            good=-1,
        ),
    ]


def _no_show_tiles(found: Tallies) -> list[Tile]:
    now, then, whole = found.total, found.before, "completed or no-show"
    return [
        _tile("No-show rate, any", now.no_show, then.no_show, whole, good=-1),
        _tile("Client no-show rate", now.client_no_show, then.client_no_show, whole, good=-1),
        _tile("Staff no-show rate", now.staff_no_show, then.staff_no_show, whole, good=-1),
    ]


def _due(now: Tally, then: Tally) -> Tile:
    due, before = now.of(Figure.DUE), then.of(Figure.DUE)
    return Tile("Appointments due", f"{due:,}", count_change(due, before).words, f"before: {before:,}", "")


def _tile(label: str, now: Rate, then: Rate, basis: str, *, good: int) -> Tile:
    told, before = share(now), share(then)
    changed = change(now, then, good=good).words
    return Tile(
        label,
        told.value,
        f"{changed}; before: {before.value}, {before.fraction}" if then.whole else changed,
        f"{told.fraction} {basis}",
        told.interval,
        now.few,
    )


def _chains(found: Chains) -> dict[str, Any]:
    spread = found.spread
    words = ""
    if spread:
        middle = f"mean {spread.mean:.2f}, median {spread.median:g}"
        words = f"{middle}, 90 % within {spread.p90:g}, longest {spread.largest:g}."
    lines: list[tuple[int, int, Share]] = [
        (length, count, share(Rate(found.tallies[length].of(Figure.COMPLETED), count)))
        for length, count in sorted(found.lengths.items())
        if count
    ]
    return {"words": words, "lines": lines, "completion": share(found.completion)}


def _times(found: Times) -> list[tuple[str, str]]:
    return [
        (name, f"{figures.middle(middle)}, of {middle.count:,}")
        for name, middle in (
            ("Booked before the start", found.lead),
            ("Cancelled or moved before the start", found.notice),
        )
        if middle
    ]


def _columns(asked: Asked) -> list[tuple[str, Callable[[Line], object]]]:
    """Every row says its period, so that files may be put together."""
    counted = [(name, _of(value)) for name, value in tables.COUNTED]
    return [
        ("Table", lambda line: line.table),
        ("Row", lambda line: line.name),
        ("From", lambda _line: asked.first.isoformat()),
        ("To", lambda _line: asked.last.isoformat()),
        *counted,
    ]


def _of(value: tables.Value) -> Callable[[Line], object]:
    return lambda line: value(line.tally)


def _lines(found: Tallies, asked: Asked) -> Iterator[Line]:
    """Shares are of 1."""
    yield Line("All", "All", found.total)
    for table, by_key, known in (
        ("Staff", found.by_staff, asked.names.staff),
        ("Type", found.by_type, asked.names.types),
    ):
        for key, tally in sorted(by_key.items(), key=lambda pair: known.get(pair[0], "").casefold()):
            yield Line(table, known.get(key, str(key)), tally)
    for day, tally in found.by_day.items():
        yield Line("Day", day.isoformat(), tally)
