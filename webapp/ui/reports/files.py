"""The report and its lists as files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from webapp.localtime import DAYS
from webapp.queries.analytics.classes import Figure
from webapp.queries.analytics.listing import Listed
from webapp.queries.analytics.names import Names
from webapp.queries.analytics.rates import Rate
from webapp.queries.analytics.tallies import Tallies
from webapp.queries.analytics.tally import Tally
from webapp.ui.reports.forms import Filters
from webapp.ui.reports.listed import FATES
from webapp.ui.reports.parts import lead_words


@dataclass(frozen=True, slots=True)
class Line:
    """One row of one of the report's tables."""

    table: str
    name: str
    tally: Tally


COUNTS = (
    ("Due", Figure.DUE),
    ("Completed", Figure.COMPLETED),
    ("No-shows", Figure.NO_SHOW),
    ("Client no-shows, staff present", Figure.NO_SHOW_CLIENT),
    ("Staff no-shows, client present", Figure.NO_SHOW_STAFF),
    ("Both missing", Figure.NO_SHOW_BOTH),
    ("Cancelled", Figure.CANCELLED),
    ("Cancelled late", Figure.CANCELLED_LATE),
    ("Rescheduled", Figure.RESCHEDULED),
    ("No outcome", Figure.UNRECORDED),
)
RATES: tuple[tuple[str, Callable[[Tally], Rate]], ...] = (
    ("Completion rate", lambda tally: tally.completion),
    ("No-show rate", lambda tally: tally.no_show),
    ("Client no-show rate", lambda tally: tally.client_no_show),
    ("Staff no-show rate", lambda tally: tally.staff_no_show),
    ("Client no-show rate, staff present", lambda tally: tally.client_alone),
    ("Cancellation rate", lambda tally: tally.cancellation),
    ("Late cancellation rate", lambda tally: tally.late_cancellation),
)
Column = tuple[str, Callable[[Line], object]]


def _count(figure: Figure) -> Callable[[Line], object]:
    return lambda line: line.tally.of(figure)


def _share(rate: Callable[[Tally], Rate]) -> Callable[[Line], object]:
    return lambda line: _digits(rate(line.tally).value)


def _bound(rate: Callable[[Tally], Rate], end: int) -> Callable[[Line], object]:
    def bound(line: Line) -> object:
        interval = rate(line.tally).interval
        return _digits(interval[end] if interval else None)

    return bound


def _digits(share: float | None) -> str | None:
    return None if share is None else f"{share:.4f}"


def columns(filters: Filters) -> list[Column]:
    """Every row says its period, so that files may be put together."""
    found: list[Column] = [
        ("Table", lambda line: line.table),
        ("Row", lambda line: line.name),
        ("From", lambda _line: filters.first.isoformat()),
        ("To", lambda _line: filters.last.isoformat()),
        *((name, _count(figure)) for name, figure in COUNTS),
    ]
    for name, rate in RATES:
        found += [
            (name, _share(rate)),
            (f"{name}, from", _bound(rate, 0)),
            (f"{name}, to", _bound(rate, 1)),
        ]
    return found


def lines(found: Tallies, names: Names) -> Iterator[Line]:
    """All tables below each other; shares are of 1, with their 95 % interval."""
    yield Line("All", "All", found.total)
    for table, tallies, known in (
        ("Staff", found.by_staff, names.staff),
        ("Type", found.by_type, names.types),
        ("Account", found.by_account, names.accounts),
    ):
        for key, tally in sorted(tallies.items(), key=lambda pair: known.get(pair[0], "").casefold()):
            yield Line(table, known.get(key, str(key)), tally)
    for day, tally in found.by_day.items():
        yield Line("Day", day.isoformat(), tally)
    for (weekday, hour), tally in sorted(found.by_hour.items()):
        yield Line("Weekday and hour", f"{DAYS[weekday]} {hour:02d}:00", tally)
    for band, tally in enumerate(found.by_lead):
        yield Line("Booked ahead", lead_words(band), tally)


LISTED: tuple[tuple[str, Callable[[Listed], object]], ...] = (
    ("Reference", lambda row: row.appointment_id),
    ("Start", lambda row: row.start_time),
    ("End", lambda row: row.end_time),
    ("Status", lambda row: FATES[row.fate].status.value),
    ("What became of it", lambda row: FATES[row.fate].words),
    ("Client", lambda row: row.client),
    ("Account", lambda row: row.account),
    ("Type", lambda row: row.type_name),
    ("Staff", lambda row: row.staff_name),
    ("Created", lambda row: row.created_at),
    ("Cancelled or moved", lambda row: row.ended_at),
    ("Booking of its chain", lambda row: row.chain_position),
)
