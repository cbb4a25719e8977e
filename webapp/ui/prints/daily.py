"""The day sheet, with room for notes by hand, and the schedule of a week."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from webapp.localtime import Local, day_bounds
from webapp.queries import board, board_past, prints
from webapp.queries.prints import Narrowed
from webapp.queries.rows import Row
from webapp.ui.prints.forms import DAY_SHEET, WEEK, Asked, TooMuch
from webapp.ui.prints.paper import Paper
from webapp.ui.rows import KINDS, PARTY
from webapp.vocabulary import Status

OFF = {Status.RESCHEDULED.value: "moved", Status.CANCELLED.value: "cancelled"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line on paper. ``open`` has boxes to tick; the others say what became of it. ``off`` ones do not
    take place."""

    url: str
    day: str
    start: str
    end: str
    client: str
    beside: str
    type_name: str
    place: str
    staff_name: str
    status: str
    outcome: str
    open: bool

    @property
    def off(self) -> bool:
        return self.status in OFF


@dataclass(frozen=True, slots=True)
class Sheet:
    """The lines under one heading in the order of time, and which of them take place and which do not."""

    heading: str
    every: list[Entry]

    @property
    def entries(self) -> list[Entry]:
        return [entry for entry in self.every if not entry.off]

    @property
    def off(self) -> list[Entry]:
        return [entry for entry in self.every if entry.off]

    @property
    def told(self) -> str:
        return told(self.every)


def told(entries: list[Entry]) -> str:
    """``117 appointments, 12 moved, 16 cancelled``: together they are the lines."""
    counts = Counter(OFF.get(entry.status, "") for entry in entries)
    words = [f"{counts['']:,} {'appointment' if counts[''] == 1 else 'appointments'}"]
    return ", ".join([*words, *(f"{counts[name]:,} {name}" for name in OFF.values() if counts[name])])


Known = tuple[Row, str]
COLUMNS: tuple[tuple[str, Callable[[Known], object]], ...] = (
    ("Reference", lambda known: known[0].appointment_id),
    ("Start", lambda known: known[0].start_time),
    ("End", lambda known: known[0].end_time),
    ("Client", lambda known: known[0].client),
    ("Phone", lambda known: known[1]),
    ("Type", lambda known: known[0].type_name),
    ("Place", lambda known: known[0].location),
    ("Staff", lambda known: known[0].staff_name),
    ("Status", lambda known: known[0].status.value),
    ("No-show party", lambda known: known[0].no_show_party),
    ("Reason", lambda known: known[0].status_reason),
    ("Moved from", lambda known: known[0].moved_from),
    ("Moved to", lambda known: known[0].moved_to),
)


def day_sheet(session: Any, asked: Asked) -> Paper:
    """One sheet for each of staff, or one for everybody. Two statements."""
    found, local = _rows(session, asked), asked.local
    people: dict[str, list[Known]] = {}
    for row, phone in found:
        people.setdefault(row.staff_name if asked.each else "", []).append((row, phone))
    sheets = [_sheet(name, rows, local) for name, rows in sorted(people.items(), key=_by_name)]
    day = asked.first
    return Paper(
        template="prints/day_sheet.html",
        title=f"Day sheet, {local.full_day(day)}",
        stem=f"day-sheet-{day}",
        back=(f"/day/{day}", local.long_day(day)),
        context={
            "sheets": sheets or [Sheet("", [])],
            "each": asked.each,
            "heading": f"{local.long_day(day)} {day.year}",
            "zone": local.zone_label(asked.scope().since),
        },
        columns=COLUMNS,
        records=lambda: found,
    )


def week(session: Any, asked: Asked) -> Paper:
    """The days from Monday on, each with its appointments. Two statements."""
    found, local = _rows(session, asked), asked.local
    days: dict[date, list[Known]] = {}
    for row, phone in found:
        days.setdefault(local.day_of(row.start_time), []).append((row, phone))
    sheets = [_sheet(local.long_day(day), rows, local) for day, rows in days.items()]
    period = f"{local.full_day(asked.first)} to {local.full_day(asked.last)}"
    return Paper(
        template="prints/week.html",
        title=f"Week schedule, {period}",
        stem=f"week-{asked.first}",
        back=(f"/week/{asked.first}", f"{local.day(asked.first)} to {local.day(asked.last)}"),
        context={
            "sheets": sheets,
            "told": told([entry for sheet in sheets for entry in sheet.every]),
            "heading": period,
            "zone": local.city(),
        },
        columns=COLUMNS,
        records=lambda: found,
    )


def _by_name(pair: tuple[str, Any]) -> str:
    return pair[0].casefold()


def _rows(session: Any, asked: Asked) -> list[Known]:
    """All of the span, by start; what was not known yet at the instant asked for is not there.

    Raises:
        TooMuch: it is more than was asked for at most; part of a day would pass for the whole.
    """
    days = (asked.last - asked.first).days + 1
    span = day_bounds(asked.first, asked.local.zone, days)
    narrowed = Narrowed(
        staff_user_id=asked.staff,
        appointment_type_id=asked.type,
        account_id=asked.account,
        tracked=asked.tracked,
    )
    phones = prints.phones(session, firm_id=asked.firm_id, span=span, narrowed=narrowed, most=asked.most)
    if asked.most is not None and len(phones) > asked.most:
        raise TooMuch(asked.most)
    filters = board.Filters(staff=frozenset({asked.staff} if asked.staff else ()))
    wanted: dict[str, Any] = {"firm_id": asked.firm_id, "span": span, "filters": filters, "limit": None}
    if asked.as_of:
        rows: Iterable[Row] = board_past.rows(session, at=asked.as_of, **wanted)
    else:
        rows = board.rows(session, **wanted)
    return [(row, phones[row.appointment_id]) for row in rows if row.appointment_id in phones]


def _sheet(heading: str, rows: list[Known], local: Local) -> Sheet:
    return Sheet(heading, [_entry(row, phone, local) for row, phone in rows])


def _entry(row: Row, phone: str, local: Local) -> Entry:
    start, _, end = local.range(row.start_time, row.end_time).partition("–")
    moved = f"was {local.day_time(row.moved_from)}" if row.moved_from else ""
    return Entry(
        url=f"/appointments/{row.appointment_id}",
        day=local.day(local.day_of(row.start_time)),
        start=start,
        end=end,
        client=row.client,
        beside=", ".join(filter(None, [phone, moved])),
        type_name=row.type_name,
        place=row.location,
        staff_name=row.staff_name,
        status=row.status.value,
        outcome=_outcome(row, local),
        open=row.status.is_live,
    )


def _outcome(row: Row, local: Local) -> str:
    match row.status:
        case Status.COMPLETED:
            return "Took place"
        case Status.NO_SHOW if row.no_show_party:
            return PARTY[row.no_show_party]
        case Status.RESCHEDULED if row.moved_to:
            return f"moved to {local.day_time(row.moved_to)}"
        case Status.CANCELLED:
            kind = KINDS[row.cancellation_kind].lower() if row.cancellation_kind in KINDS else "cancelled"
            return f"{kind}: {row.status_reason}" if row.status_reason else kind
        case Status.AWAITING_CONFIRMATION if row.confirm_by:
            return f"answer due by {local.day_time(row.confirm_by)}"
    return ""


BUILDERS = {DAY_SHEET: day_sheet, WEEK: week}
