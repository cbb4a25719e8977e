"""A board as a file."""

from datetime import datetime

from webapp.queries.rows import Row
from webapp.ui.csv_table import Columns

COLUMNS: Columns[Row] = (
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


def columns(as_of: datetime) -> Columns[Row]:
    """Each row says as of when it holds."""
    return (*COLUMNS, ("As of", lambda _row: as_of))
