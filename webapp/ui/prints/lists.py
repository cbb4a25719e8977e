"""Appointments behind a figure, as a list on paper prints them and a file has them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.localtime import Local
from webapp.queries.analytics import listing
from webapp.queries.analytics.classes import Fate, Figure
from webapp.queries.analytics.listing import Listed, Slice
from webapp.queries.snapshots import Counted
from webapp.ui import guards
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
    """``count`` is of all, ``groups`` have the first of them: a heading, which may be empty, and its lines.
    ``status`` is the icon that stands for all."""

    title: str
    status: str
    groups: list[tuple[str, list[Line]]]
    count: int

    @property
    def shown(self) -> int:
        return sum(len(lines) for _heading, lines in self.groups)


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


def load(session: Any, asked: Asked, figure: Figure, title: str, status: str, most: int) -> List:
    """The earliest first. Two statements."""
    found = listing.page(session, asked.scope(), Slice(figure=figure), size=most)
    lines = [_line(row, asked.local) for row in found.rows]
    return List(title, status, [("", lines)] if lines else [], found.count)


def by_staff(session: Any, asked: Asked, order: Sequence[int], how_many: int) -> List:
    """The no-shows, those of each member of staff together, in this order of their keys. Two statements.

    All of them are read, so that those who come first are there whole where not everything is printed.
    """
    found = listing.page(session, asked.scope(), Slice(figure=Figure.NO_SHOW), size=how_many)
    of: dict[int, list[Listed]] = {key: [] for key in order}
    for row in found.rows:
        of.setdefault(row.staff_user_id, []).append(row)
    groups, room = [], MOST
    for rows in of.values():
        lines = [_line(row, asked.local) for row in rows[:room]]
        if lines:
            groups.append((_headed(rows), lines))
        room -= len(lines)
    return List("No-shows by member of staff", "no_show", groups, found.count)


def _headed(rows: list[Listed]) -> str:
    """``Lena Vogel: 12 no-shows, 9 of them by the client alone``."""
    alone = sum(row.fate is Fate.NO_SHOW_CLIENT for row in rows)
    counted = f"{len(rows):,} {'no-show' if len(rows) == 1 else 'no-shows'}"
    return f"{rows[0].staff_name}: {counted}, {alone:,} of them the client’s with staff present"


def every(asked: Asked, figure: Figure) -> Counted[Listed]:
    """All of them, read while they are written."""
    return listing.stream(guards.engine(), asked.scope(), Slice(figure=figure))


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
