"""Appointments behind a figure, as a list on paper prints them and a file has them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from webapp.extensions import db
from webapp.localtime import Local
from webapp.queries.analytics import listing
from webapp.queries.analytics.classes import Fate, Figure
from webapp.queries.analytics.listing import Listed, Slice
from webapp.queries.snapshots import Counted
from webapp.ui.prints.forms import Asked

MOST = 300
"""Lines of one list on paper; the CSV file has all."""
WORDS = {
    Fate.UNRECORDED: "No outcome",
    Fate.COMPLETED: "Took place",
    Fate.NO_SHOW_CLIENT: "Client didn’t show",
    Fate.NO_SHOW_STAFF: "Staff didn’t show",
    Fate.NO_SHOW_BOTH: "Both didn’t show",
    Fate.RESCHEDULED: "Moved",
    Fate.CANCELLED_CLIENT: "By the client, in time",
    Fate.CANCELLED_STAFF: "By staff, in time",
    Fate.CANCELLED_SYSTEM: "By the system, in time",
    Fate.CANCELLED_CLIENT_LATE: "By the client, late",
    Fate.CANCELLED_STAFF_LATE: "By staff, late",
    Fate.CANCELLED_SYSTEM_LATE: "By the system, late",
}


@dataclass(frozen=True, slots=True)
class Line:
    url: str
    reference: int
    when: str
    words: str
    client: str
    account: str
    type_name: str
    staff_name: str
    ended: str


@dataclass(frozen=True, slots=True)
class List:
    """``count`` is of all, ``lines`` the first of them. ``status`` is the icon that stands for all."""

    title: str
    status: str
    lines: list[Line]
    count: int


COLUMNS: tuple[tuple[str, Callable[[Listed], object]], ...] = (
    ("Reference", lambda row: row.appointment_id),
    ("Start", lambda row: row.start_time),
    ("End", lambda row: row.end_time),
    ("What became of it", lambda row: WORDS[row.fate]),
    ("Client", lambda row: row.client),
    ("Account", lambda row: row.account),
    ("Type", lambda row: row.type_name),
    ("Staff", lambda row: row.staff_name),
    ("Created", lambda row: row.created_at),
    ("Cancelled or moved", lambda row: row.ended_at),
    ("Booking of its chain", lambda row: row.chain_position),
)


def load(session: Any, asked: Asked, figure: Figure, title: str, status: str, most: int = MOST) -> List:
    """The earliest first. Two statements."""
    found = listing.page(session, asked.scope(), Slice(figure=figure), size=most)
    return List(title, status, [_line(row, asked.local) for row in found.rows], found.count)


def every(asked: Asked, figure: Figure) -> Counted[Listed]:
    """All of them, read while they are written."""
    return listing.stream(db.engine, asked.scope(), Slice(figure=figure))


def _line(row: Listed, local: Local) -> Line:
    return Line(
        url=f"/appointments/{row.appointment_id}",
        reference=row.appointment_id,
        when=local.full_day_time(row.start_time),
        words=WORDS[row.fate],
        client=row.client,
        account=row.account if row.account and row.account != row.client else "",
        type_name=row.type_name,
        staff_name=row.staff_name,
        ended=local.full_day_time(row.ended_at) if row.ended_at else "",
    )
