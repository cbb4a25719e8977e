"""Comma-separated values that any spreadsheet opens right and none takes for a formula, made while sent."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from flask import Response

from webapp.localtime import Local

Record = TypeVar("Record")

BOM = "\ufeff"
CHUNK = 100
"""Rows that are sent at a time."""
FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""What makes a spreadsheet calculate, full-width forms included (OWASP, CSV injection)."""


def answer(lines: Iterable[str], name: str) -> Response:
    """The lines as a download with this file name (ASCII)."""
    response = Response(lines, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def lines(
    records: Iterable[Record], columns: Sequence[tuple[str, Callable[[Record], object]]], local: Local
) -> Iterator[str]:
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
    """The text, with an apostrophe before it where a spreadsheet would take it for a formula."""
    risky = text.lstrip()[:1] in FORMULA or text[:1] in {"\t", "\r", "\n"}
    return f"'{text}" if risky else text


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
