"""The figures at the top of the report, each with its fraction, its interval and its change."""

from dataclasses import dataclass, replace

from webapp.queries.analytics.classes import Figure
from webapp.queries.analytics.rates import Rate
from webapp.queries.analytics.tallies import Chains, Tallies
from webapp.queries.analytics.tally import Tally
from webapp.ui.figures import Change, change, count_change
from webapp.ui.reports.forms import Filters
from webapp.ui.reports.parts import EVER, MOVED, Fraction, Links, Number, Part

ENOUGH = 0.95
"""With outcomes of a smaller share the page warns."""


@dataclass(frozen=True, slots=True)
class Tile:
    """``basis`` names what the whole of the fraction is. A tile without one shows ``number``."""

    label: str
    change: Change
    basis: str
    fraction: Fraction | None = None
    number: Number | None = None
    before: Fraction | Number | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Rates:
    """One kind of share, by what it is of."""

    label: str
    name: str
    part: Figure
    whole: Figure
    basis: str
    good: int


DUE = "due"
OUTCOME = "completed or no-show"
RATES = (
    _Rates("Completion rate", "completion", Figure.COMPLETED, Figure.DUE, DUE, 1),
    _Rates("Cancellation rate", "cancellation", Figure.CANCELLED, Figure.DUE, DUE, -1),
    _Rates("No-show rate, any", "no_show", Figure.NO_SHOW, Figure.WITH_OUTCOME, OUTCOME, -1),
    _Rates("Client no-show rate", "client_no_show", Figure.CLIENT_MISSING, Figure.WITH_OUTCOME, OUTCOME, -1),
    _Rates("Staff no-show rate", "staff_no_show", Figure.STAFF_MISSING, Figure.WITH_OUTCOME, OUTCOME, -1),
    _Rates("Attendance", "attendance", Figure.COMPLETED, Figure.WITH_OUTCOME, OUTCOME, 1),
)


def tiles(found: Tallies, filters: Filters, links: Links) -> list[Tile]:
    first, last = filters.previous()
    before = Part(first=first, last=last)
    made = {each.name: _tile(each, found.total, found.before, before, links) for each in RATES}
    return [
        _due(found, before, links),
        made["completion"],
        made["cancellation"],
        _rescheduled(found.chains, found.chains_before, before, links),
        made["no_show"],
        made["client_no_show"],
        made["staff_no_show"],
        made["attendance"],
    ]


def _due(found: Tallies, before: Part, links: Links) -> Tile:
    now, then = found.total.of(Figure.DUE), found.before.of(Figure.DUE)
    due = Part(Figure.DUE)
    return Tile(
        "Appointments due",
        count_change(now, then),
        "",
        number=links.number(now, due),
        before=links.number(then, replace(before, figure=Figure.DUE)),
    )


def _tile(each: _Rates, total: Tally, earlier: Tally, before: Part, links: Links) -> Tile:
    now: Rate = getattr(total, each.name)
    then: Rate = getattr(earlier, each.name)
    return Tile(
        each.label,
        change(now, then, good=each.good),
        each.basis,
        fraction=links.fraction(now, each.part, each.whole, Part()),
        before=links.fraction(then, each.part, each.whole, before),
    )


def _rescheduled(chains: Chains, earlier: Chains, before: Part, links: Links) -> Tile:
    spread = chains.spread
    note = f"average chain {spread.mean:.1f} bookings, longest {spread.largest:.0f}" if spread else ""
    return Tile(
        "Reschedule rate",
        change(chains.rescheduled, earlier.rescheduled, good=-1),
        "confirmed",
        fraction=chained(chains.rescheduled, Part(), links),
        before=chained(earlier.rescheduled, before, links),
        note=note,
    )


def chained(rate: Rate, within: Part, links: Links) -> Fraction:
    """Chains that were moved, of those that were ever confirmed; a chain counts where it ends."""
    return Fraction(
        rate,
        links.number(rate.part, replace(within, chain=MOVED)),
        links.number(rate.whole, replace(within, chain=EVER)),
    )


@dataclass(frozen=True, slots=True)
class Coverage:
    """Too few outcomes are recorded: the rates are of those only."""

    fraction: Fraction
    missing: Number


def coverage(total: Tally, links: Links) -> Coverage | None:
    """None where enough are recorded."""
    rate = total.coverage
    if rate.value is None or rate.value >= ENOUGH:
        return None
    missing = links.number(rate.whole - rate.part, Part(Figure.UNRECORDED))
    ended = links.fraction(rate, Figure.WITH_OUTCOME, Figure.ENDED, Part())
    return Coverage(ended, missing)
