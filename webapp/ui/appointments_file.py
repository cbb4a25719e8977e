"""The columns of any list of appointments as a file."""

from webapp.queries.export import Record
from webapp.ui.csv_table import Columns

COLUMNS: Columns[Record] = (
    ("Reference", lambda record: record.appointment_id),
    ("Start", lambda record: record.start_time),
    ("End", lambda record: record.end_time),
    ("Status", lambda record: record.status.value),
    ("Reason", lambda record: record.status_reason),
    ("Cancellation kind", lambda record: record.cancellation_kind),
    ("Cancelled by", lambda record: record.cancelled_by),
    ("No-show party", lambda record: record.no_show_party),
    ("Client", lambda record: record.client),
    ("Account", lambda record: record.account),
    ("E-mail", lambda record: record.email),
    ("Phone", lambda record: record.phone),
    ("Type", lambda record: record.type_name),
    ("Staff", lambda record: record.staff_name),
    ("Place", lambda record: record.location),
    ("Booked by", lambda record: record.booked_by),
    ("Imported as", lambda record: record.external_ref),
    ("Created", lambda record: record.created_at),
    ("Rescheduled from", lambda record: record.rescheduled_from),
    ("Rescheduled to", lambda record: record.rescheduled_to),
    ("Version", lambda record: record.version),
)
