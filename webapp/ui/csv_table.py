"""Comma-separated values that any spreadsheet opens right and none takes for a formula, made while sent.

Every file is UTF-8 with a byte order mark (without one Excel takes it for something else), has CRLF after
each row and quotes around each field (RFC 4180). ``Daybook-Rows`` says how many rows follow its head: a file
with fewer was cut off.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from flask import Response

from webapp.localtime import Local

Record = TypeVar("Record")
Item_co = TypeVar("Item_co", covariant=True)
Columns = Sequence[tuple[str, Callable[[Record], object]]]

BOM = "\ufeff"
CHUNK = 100
"""Rows that are sent at a time."""
ROWS = "Daybook-Rows"
FORMULA = "=+\\-@\uff1d\uff0b\uff0d\uff20"
"""What makes a spreadsheet calculate, full-width forms included (OWASP, CSV injection)."""
RISKY = re.compile(rf"\A(?=\s*[{FORMULA}]|[\t\r\n])|(?<=[;\t\r\n])(?=[\s\"]*[{FORMULA}])")
"""Where an apostrophe is needed: at the start, and past what parts where the comma is decimal: a semicolon, a
tab, and a line break, since there a quote in the middle of a field opens nothing."""


class Records(Protocol[Item_co]):
    """Rows that know how many they are, such as a list."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Item_co]: ...


def answer(records: Records[Record], columns: Columns[Record], local: Local, name: str) -> Response:
    """The table as a download with this file name (ASCII). Records that can be closed are, sent or not."""
    response = Response(lines(records, columns, local), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers[ROWS] = str(len(records))
    close = getattr(records, "close", None)
    if close is not None:
        response.call_on_close(close)
    return response


def lines(records: Iterable[Record], columns: Columns[Record], local: Local) -> Iterator[str]:
    """The table piece by piece: the mark and the head, then ``CHUNK`` rows at a time.

    Instants are written as ISO 8601 with the firm's offset.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow([name for name, _ in columns])
    yield BOM + _taken(buffer)
    for number, record in enumerate(records, 1):
        writer.writerow([_cell(value(record), local) for _, value in columns])
        if number % CHUNK == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def harmless(text: str) -> str:
    """The text, with an apostrophe wherever a spreadsheet would take what follows for a formula."""
    return RISKY.sub("'", text)


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
