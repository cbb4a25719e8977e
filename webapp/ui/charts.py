"""Where the shapes of a chart lie. Pure: numbers in, coordinates out; ``macros/chart_*.html`` print them."""

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.queries.analytics.rates import Rate

WIDTH = 760.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 754.0, 20.0, 236.0
MOST_TOTALS = 16
"""With more bars than these their totals would touch."""
MOST_LABELS = 13
LEVELS = (0.05, 0.1, 0.15, 0.25)
"""Shares at which a cell of the heat map is a shade darker; 0 has a shade of its own."""


@dataclass(frozen=True, slots=True)
class Part:
    """A number of a column: whose colour it has, what it is called, and the rows that it counts."""

    status: str
    name: str
    count: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    parts: tuple[Part, ...]

    @property
    def total(self) -> int:
        return sum(part.count for part in self.parts)


@dataclass(frozen=True, slots=True)
class Segment:
    y: float
    height: float
    part: Part


@dataclass(frozen=True, slots=True)
class Bar:
    """``total`` and ``label`` are empty where there is no room for them."""

    x: float
    width: float
    middle: float
    top: float
    total: str
    label: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Stacked:
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]


def steps(largest: float, most: int = 5) -> list[float]:
    """Round numbers from 0 to the first that is not below the largest, at most ``most`` steps apart."""
    step = 1.0
    while largest / step > most:
        step *= 2.5 if str(step)[0] == "2" else 2
    count = max(1, -int(-largest // step))
    return [step * number for number in range(count + 1)]


def stacked(columns: Sequence[Column]) -> Stacked:
    """Bars side by side, the parts of each on top of each other, none of them for a part of 0."""
    scale = steps(max((column.total for column in columns), default=0))
    room = (RIGHT - LEFT) / max(len(columns), 1)
    return Stacked(
        tuple(_bar(column, number, room, scale[-1], len(columns)) for number, column in enumerate(columns)),
        tuple(Tick(_y(value / scale[-1]), f"{value:,.0f}") for value in scale),
    )


def _y(share: float) -> float:
    return round(BOTTOM - share * (BOTTOM - TOP), 1)


def _bar(column: Column, number: int, room: float, highest: float, count: int) -> Bar:
    width = min(room * 0.62, 64.0)
    x = LEFT + room * (number + 0.5) - width / 2
    segments, below = [], 0
    for part in column.parts:
        if part.count:
            top = _y((below + part.count) / highest)
            segments.append(Segment(top, round(_y(below / highest) - top, 1), part))
            below += part.count
    every = -(-count // MOST_LABELS)
    return Bar(
        round(x, 1),
        round(width, 1),
        round(x + width / 2, 1),
        _y(column.total / highest),
        f"{column.total:,}" if count <= MOST_TOTALS and column.total else "",
        "" if number % every else column.label,
        tuple(segments),
    )


@dataclass(frozen=True, slots=True)
class Whisker:
    """A share with its interval; ``rate`` without cases has no shape but its label.

    ``clipped`` where the interval goes on above the scale.
    """

    x: float
    y: float
    low: float
    high: float
    label: str
    rate: Rate
    url: str
    clipped: bool


@dataclass(frozen=True, slots=True)
class Shares:
    whiskers: tuple[Whisker, ...]
    ticks: tuple[Tick, ...]


def shares(found: Sequence[tuple[str, Rate, str]]) -> Shares:
    """Shares side by side, ``(label, share, address)``, each with the interval that it may lie in."""
    tops = [rate.interval[1] * 100 for _, rate, _ in found if rate.interval and not rate.few]
    values = [rate.value * 100 for _, rate, _ in found if rate.value is not None]
    scale = steps(min(100.0, max([*tops, *values, 5.0])))
    room = (RIGHT - LEFT) / max(len(found), 1)
    highest = scale[-1] / 100
    whiskers = []
    for number, (label, rate, url) in enumerate(found):
        low, high = rate.interval or (0.0, 0.0)
        x = round(LEFT + room * (number + 0.5), 1)
        whiskers.append(
            Whisker(
                x,
                _y((rate.value or 0.0) / highest),
                _y(low / highest),
                _y(min(high, highest) / highest),
                label,
                rate,
                url,
                high > highest,
            )
        )
    return Shares(tuple(whiskers), tuple(Tick(_y(value / scale[-1]), f"{value:.0f} %") for value in scale))


@dataclass(frozen=True, slots=True)
class Cell:
    """``level`` 0 to 5 is the shade: 0 where nobody was missing."""

    x: float
    y: float
    level: int
    rate: Rate
    url: str
    name: str


@dataclass(frozen=True, slots=True)
class Heat:
    """Rows by columns; only those that have cases or lie between such."""

    cells: tuple[Cell, ...]
    rows: tuple[tuple[float, str], ...]
    columns: tuple[tuple[float, str], ...]
    width: float
    height: float
    cell_width: float


CELL_HEIGHT = 28.0
HEAD = 20.0


def heat(
    rows: Sequence[str], columns: Sequence[str], values: dict[tuple[int, int], tuple[Rate, str]]
) -> Heat:
    """A table of shades. ``values`` are by number of row and column: the share and its address."""
    width = round((RIGHT - LEFT) / max(len(columns), 1), 1)
    cells = [
        Cell(
            round(LEFT + column * width, 1),
            HEAD + row * CELL_HEIGHT,
            level(rate),
            rate,
            url,
            f"{rows[row]} {columns[column]}",
        )
        for (row, column), (rate, url) in sorted(values.items())
    ]
    return Heat(
        tuple(cells),
        tuple((HEAD + row * CELL_HEIGHT + CELL_HEIGHT / 2 + 4, name) for row, name in enumerate(rows)),
        tuple((round(LEFT + (column + 0.5) * width, 1), name) for column, name in enumerate(columns)),
        WIDTH,
        HEAD + len(rows) * CELL_HEIGHT + 2,
        width,
    )


def level(rate: Rate) -> int:
    """Which shade a share has, 0 to 5."""
    if not rate.part or rate.value is None:
        return 0
    return 1 + sum(rate.value >= edge for edge in LEVELS)
