"""Pages of a list: its rows under the days they are on, and how many there are."""

from dataclasses import dataclass
from itertools import groupby

from webapp.localtime import Local
from webapp.queries.appointment_list import CAP, Page
from webapp.ui.rows import RowView


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


def told(page: Page) -> str:
    """How many there are: ``1 appointment``, ``50 of 214 appointments``, ``50 of 1,000+ appointments``.

    What is not counted is told as far as it is shown: ``50 appointments``.
    """
    shown = len(page.rows) + (page.exact is not None)
    if page.count is None:
        return f"{shown:,} appointment" + ("s" if shown != 1 else "")
    count = f"{CAP:,}+" if page.count > CAP else f"{page.count:,}"
    noun = "appointment" if page.count == 1 else "appointments"
    if page.previous is None and page.following is None:
        return f"{count} {noun}"
    return f"{shown} of {count} {noun}"
