"""The tables by staff, type and account: the same columns, sorted by any of them."""

from collections.abc import Callable
from dataclasses import dataclass

from webapp.queries.analytics.classes import Figure
from webapp.queries.analytics.rates import beyond_chance
from webapp.queries.analytics.tally import Tally
from webapp.ui.reports.forms import Filters
from webapp.ui.reports.parts import Fraction, Links, Number, Part


@dataclass(frozen=True, slots=True)
class Row:
    """``beyond`` says whether the rate of client no-shows, staff present, is above (1) or below (-1) that
    of all the others by more than chance. ``url`` is the report of this row alone."""

    name: str
    url: str
    due: Number
    completed: Number
    completion: Fraction
    no_shows: Number
    no_show: Fraction
    client_no_shows: Number
    client_no_show: Fraction
    cancelled: Number
    cancellation: Fraction
    rescheduled: Number
    beyond: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A column and the addresses that sort by it. ``sorted`` is ascending, descending or empty."""

    key: str
    label: str
    sorted: str
    url: str


@dataclass(frozen=True, slots=True)
class Table:
    """``left_out`` is how many have appointments and no row."""

    name: str
    title: str
    first: str
    columns: list[Column]
    rows: list[Row]
    total: Row
    left_out: int = 0


Key = Callable[[Row], float | str | None]
COLUMNS: dict[str, tuple[str, Key]] = {
    "due": ("Due", lambda row: row.due.count),
    "completed": ("Completed", lambda row: row.completed.count),
    "completion": ("Completion rate", lambda row: row.completion.rate.value),
    "no-shows": ("No-shows", lambda row: row.no_shows.count),
    "no-show": ("No-show rate", lambda row: row.no_show.rate.value),
    "client-no-shows": ("Client didn’t show", lambda row: row.client_no_shows.count),
    "client-no-show": ("Client no-show, staff present", lambda row: row.client_no_show.rate.value),
    "cancelled": ("Cancelled", lambda row: row.cancelled.count),
    "cancellation": ("Cancellation rate", lambda row: row.cancellation.rate.value),
    "rescheduled": ("Rescheduled", lambda row: row.rescheduled.count),
}
USUAL = "-due"


def sort_of(text: str | None) -> str:
    """A column's key, with a minus for the largest first; the usual one for anything else."""
    return text if text and text.removeprefix("-") in {*COLUMNS, "name"} else USUAL


def table(
    name: str,
    title: str,
    found: dict[int, Tally],
    total: Tally,
    names: dict[int, str],
    filters: Filters,
    sort: str,
    left_out: int = 0,
) -> Table:
    """By staff, type or account.

    Args:
        name: ``staff``, ``type`` or ``account``.
        sort: what :func:`sort_of` gave.
    """
    links = Links(filters)
    rows = [
        _row(
            names.get(key, str(key)),
            filters.only(name, key).url("/reports"),
            tally,
            Part(row=(name, key)),
            links,
            beyond_chance(tally.client_alone, (total - tally).client_alone),
        )
        for key, tally in found.items()
    ]
    first = {"staff": "Staff", "type": "Type", "account": "Account"}[name]
    return Table(
        name,
        title,
        first,
        [_column(key, label, name, filters, sort) for key, label in _heads(first)],
        ordered(rows, sort),
        _row("All", "", total, Part(), links),
        left_out,
    )


def _heads(first: str) -> list[tuple[str, str]]:
    return [("name", first), *((key, label) for key, (label, _) in COLUMNS.items())]


def ordered(rows: list[Row], sort: str) -> list[Row]:
    """By a column, rows without a value last, equal ones by name."""
    key, down = sort.removeprefix("-"), sort.startswith("-")
    rows = sorted(rows, key=lambda row: row.name.casefold(), reverse=key == "name" and down)
    if key == "name":
        return rows
    value = COLUMNS[key][1]
    known = [row for row in rows if value(row) is not None]
    known.sort(key=lambda row: (-1 if down else 1) * float(value(row) or 0))
    return known + [row for row in rows if value(row) is None]


def _column(key: str, label: str, name: str, filters: Filters, sort: str) -> Column:
    """Another press turns the order round; numbers begin with the largest."""
    current = sort.removeprefix("-") == key
    down = sort.startswith("-")
    turned = key if down else f"-{key}"
    following = turned if current else key if key == "name" else f"-{key}"
    state = ("descending" if down else "ascending") if current else ""
    return Column(key, label, state, filters.url("/reports", ("sort", following)) + f"#by-{name}")


def _row(name: str, url: str, tally: Tally, part: Part, links: Links, beyond: int = 0) -> Row:
    def of(part_: Figure, whole: Figure) -> Fraction:
        return links.fraction(tally.rate(part_, whole), part_, whole, part)

    completion = of(Figure.COMPLETED, Figure.DUE)
    no_show = of(Figure.NO_SHOW, Figure.WITH_OUTCOME)
    client = of(Figure.NO_SHOW_CLIENT, Figure.COMPLETED_OR_CLIENT)
    cancellation = of(Figure.CANCELLED, Figure.DUE)
    moved = of(Figure.RESCHEDULED, Figure.ALL)
    return Row(
        name,
        url,
        due=completion.whole,
        completed=completion.part,
        completion=completion,
        no_shows=no_show.part,
        no_show=no_show,
        client_no_shows=client.part,
        client_no_show=client,
        cancelled=cancellation.part,
        cancellation=cancellation,
        rescheduled=moved.part,
        beyond=beyond,
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """Who loses most meetings to client no-shows (``most``), and whose rate is above the others'."""

    most: list[Row]
    above: list[Row]
    alone: bool


def answer(staff: Table) -> Answer | None:
    """None where no client missed a meeting that staff was at."""
    largest = max((row.client_no_shows.count for row in staff.rows), default=0)
    if not largest:
        return None
    return Answer(
        [row for row in staff.rows if row.client_no_shows.count == largest],
        [row for row in staff.rows if row.beyond > 0],
        len(staff.rows) == 1,
    )
