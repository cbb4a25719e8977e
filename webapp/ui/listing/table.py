"""Appointments as comma-separated values that any spreadsheet opens right and none takes for a formula."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from webapp.localtime import Local
from webapp.queries.export import Record

BOM = "\ufeff"
CHUNK = 100
"""Rows that are sent at a time."""
FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""What makes a spreadsheet calculate, full-width forms included (OWASP, CSV injection)."""

COLUMNS: tuple[tuple[str, Callable[[Record], object]], ...] = (
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


def harmless(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would take it for a formula."""
    risky = text.lstrip()[:1] in FORMULA or text[:1] in {"\t", "\r", "\n"}
    return f"'{text}" if risky else text


def lines(records: Iterable[Record], local: Local) -> Iterator[str]:
    """The table piece by piece: the mark and the head, then ``CHUNK`` rows at a time."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow([name for name, _ in COLUMNS])
    yield BOM + _taken(buffer)
    for number, record in enumerate(records, 1):
        writer.writerow([_cell(value(record), local) for _, value in COLUMNS])
        if number % CHUNK == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _cell(value: object, local: Local) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return local.at(value).isoformat(timespec="seconds")
        case int():
            return str(value)
        case _:
            return harmless(str(value))


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
