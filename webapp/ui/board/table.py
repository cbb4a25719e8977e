"""A board as a file."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from webapp.localtime import Local
from webapp.queries.rows import Row
from webapp.ui import csv_table

COLUMNS: tuple[tuple[str, Callable[[Row], object]], ...] = (
    ("Reference", lambda row: row.appointment_id),
    ("Start", lambda row: row.start_time),
    ("End", lambda row: row.end_time),
    ("Status", lambda row: row.status.value),
    ("Reason", lambda row: row.status_reason),
    ("Cancellation kind", lambda row: row.cancellation_kind),
    ("Cancelled by", lambda row: row.cancelled_by),
    ("No-show party", lambda row: row.no_show_party),
    ("Client arrived", lambda row: row.client_joined_at),
    ("Client", lambda row: row.client),
    ("Type", lambda row: row.type_name),
    ("Staff", lambda row: row.staff_name),
    ("Place", lambda row: row.location),
    ("Moved from", lambda row: row.moved_from),
    ("Moved to", lambda row: row.moved_to),
)


def lines(rows: Iterable[Row], as_of: datetime, local: Local) -> Iterator[str]:
    """The file piece by piece; each row says as of when it holds."""
    return csv_table.lines(rows, (*COLUMNS, ("As of", lambda _row: as_of)), local)
