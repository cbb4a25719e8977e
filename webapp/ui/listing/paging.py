"""Pages of a list: where one begins, written into its address, and its rows under the days they are on."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from werkzeug.datastructures import MultiDict

from webapp.localtime import Local
from webapp.queries.appointment_list import CAP, Cursor, Page
from webapp.ui.rows import RowView

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows in a run that are on the same day. A list by waiting time may come back to a day."""

    heading: str
    url: str
    rows: list[RowView]


def by_day(rows: list[RowView], local: Local) -> list[Group]:
    return [
        Group(_year_if_other(local, run[0]), f"/day/{day.isoformat()}", run)
        for day, run in (
            (day, list(found)) for day, found in groupby(rows, key=lambda row: local.day_of(row.at))
        )
    ]


def _year_if_other(local: Local, row: RowView) -> str:
    day = local.day_of(row.at)
    return f"{local.long_day(day)} {day.year}"


def write(cursor: Cursor) -> str:
    """``1768298400000000.2088``: microseconds since 1970, and the reference."""
    return f"{(cursor[0] - EPOCH) // MICROSECOND}.{cursor[1]}"


def read(args: MultiDict[str, str], name: str) -> Cursor | None:
    """A cursor from an address; None (the first page) where there is none or it was tampered with."""
    moment, _, reference = args.get(name, "").partition(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (moment, reference)):
        return None
    try:
        return EPOCH + int(moment) * MICROSECOND, int(reference)
    except OverflowError:
        return None


def told(page: Page) -> str:
    """How many there are: ``1 appointment``, ``50 of 214 appointments``, ``50 of 1,000+ appointments``."""
    shown = len(page.rows) + (page.exact is not None)
    count = f"{CAP:,}+" if page.count > CAP else f"{page.count:,}"
    noun = "appointment" if page.count == 1 else "appointments"
    if page.previous is None and page.following is None:
        return f"{count} {noun}"
    return f"{shown} of {count} {noun}"
