"""The report and its lists as files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from webapp.localtime import DAYS
from webapp.queries.analytics.classes import Figure
from webapp.queries.analytics.events import Recorded, Requests
from webapp.queries.analytics.listing import Listed
from webapp.queries.analytics.names import Names
from webapp.queries.analytics.rates import Rate
from webapp.queries.analytics.tallies import Tallies
from webapp.queries.analytics.tally import Tally
from webapp.ui.reports.forms import Filters
from webapp.ui.reports.listed import FATES
from webapp.ui.reports.more import BESIDES
from webapp.ui.reports.parts import lead_words
from webapp.vocabulary import Status


@dataclass(frozen=True, slots=True)
class Line:
    """One row of one of the report's tables: counts by class, or one ``value`` or ``rate``."""

    table: str
    name: str
    tally: Tally | None = None
    value: object = None
    rate: Rate | None = None


COUNTS = (
    ("Due", Figure.DUE),
    ("Completed", Figure.COMPLETED),
    ("No-shows", Figure.NO_SHOW),
    ("Client no-shows, staff present", Figure.NO_SHOW_CLIENT),
    ("Staff no-shows, client present", Figure.NO_SHOW_STAFF),
    ("Both missing", Figure.NO_SHOW_BOTH),
    ("Cancelled", Figure.CANCELLED),
    ("Cancelled late", Figure.CANCELLED_LATE),
    ("Cancelled by the client", Figure.CANCELLED_CLIENT),
    ("Cancelled by staff", Figure.CANCELLED_STAFF),
    ("Cancelled by the system", Figure.CANCELLED_SYSTEM),
    ("Rescheduled", Figure.RESCHEDULED),
    ("No outcome", Figure.UNRECORDED),
    *((name, figure) for name, figure in BESIDES if figure is not Figure.RESCHEDULED),
)
RATES: tuple[tuple[str, Callable[[Tally], Rate]], ...] = (
    ("Completion rate", lambda tally: tally.completion),
    ("No-show rate", lambda tally: tally.no_show),
    ("Client no-show rate", lambda tally: tally.client_no_show),
    ("Staff no-show rate", lambda tally: tally.staff_no_show),
    ("Client no-show, staff present", lambda tally: tally.client_alone),
    ("Cancellation rate", lambda tally: tally.cancellation),
    ("Late cancellation rate", lambda tally: tally.late_cancellation),
)
Column = tuple[str, Callable[[Line], object]]


def _count(figure: Figure) -> Callable[[Line], object]:
    return lambda line: line.tally.of(figure) if line.tally else None


Shares = Callable[[Line], Rate | None]


def _of(rate: Callable[[Tally], Rate]) -> Shares:
    return lambda line: rate(line.tally) if line.tally else None


def _share(rate: Shares) -> Callable[[Line], object]:
    def share(line: Line) -> object:
        found = rate(line)
        return _digits(found.value if found else None)

    return share


def _bound(rate: Shares, end: int) -> Callable[[Line], object]:
    def bound(line: Line) -> object:
        found = rate(line)
        return _digits(found.interval[end] if found and found.interval else None)

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
        found += _shared(name, _of(rate))
    return [
        *found,
        ("Value", lambda line: line.rate.part if line.rate else line.value),
        ("Of", lambda line: line.rate.whole if line.rate else None),
        *_shared("Share", lambda line: line.rate),
    ]


def _shared(name: str, rate: Shares) -> list[Column]:
    return [(name, _share(rate)), (f"{name}, from", _bound(rate, 0)), (f"{name}, to", _bound(rate, 1))]


def lines(found: Tallies, names: Names, recorded: Recorded, requests: Requests) -> Iterator[Line]:
    """All tables below each other; shares are of 1, with their 95 % interval."""
    yield Line("All", "All", found.total)
    for table, tallies, known in (
        ("Staff", found.by_staff, names.staff),
        ("Type", found.by_type, names.types),
        ("Account", found.by_account, names.accounts),
    ):
        for key, tally in sorted(tallies.items(), key=lambda pair: known.get(pair[0], "").casefold()):
            yield Line(table, known.get(key, str(key)), tally)
    if missing := found.accounts - len(found.by_account):
        yield Line("Accounts left out", "Those with fewer appointments", value=missing)
    for day, tally in found.by_day.items():
        yield Line("Day", day.isoformat(), tally)
    for (weekday, hour), tally in sorted(found.by_hour.items()):
        yield Line("Weekday and hour", f"{DAYS[weekday]} {hour:02d}:00", tally)
    for band, tally in enumerate(found.by_lead):
        yield Line("Booked ahead", lead_words(band), tally)
    for length, tally in sorted(found.chains.tallies.items()):
        yield Line("Last of a chain", f"{length} {'booking' if length == 1 else 'bookings'}", tally)
    for name, value in _more(found, recorded, requests):
        rate = value if isinstance(value, Rate) else None
        yield Line("More figures", name, value=None if rate else value, rate=rate)


def _more(found: Tallies, recorded: Recorded, requests: Requests) -> Iterator[tuple[str, object]]:
    chains = found.chains
    yield "Chains moved, of those ever confirmed", chains.rescheduled
    yield "Chains that ended in a completed meeting", chains.completion
    yield "Moves of the chains ever confirmed", chains.moves
    for status in (Status.COMPLETED, Status.NO_SHOW):
        yield f"{status.label}, recorded by the system", recorded.share_automatic(status)
        yield f"{status.label}, recorded by an import", recorded.imported.get(status, 0)
    yield "Outcomes that were corrected", recorded.corrected
    yield "Corrections", recorded.corrections
    for name, middle in (("Lead time", found.times.lead), ("Notice", found.times.notice)):
        yield f"{name}, median minutes", middle.median if middle else None
        yield f"{name}, minutes that 90 % do not pass", middle.p90 if middle else None
    yield "Requests made in the period, declined", requests.decline
    yield "Requests made in the period, approved", requests.approved
    yield "Requests made in the period, expired", requests.expired
    yield "Proposals that ran out of time", recorded.expiry(found.total.of(Figure.TIMED_OUT))


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
