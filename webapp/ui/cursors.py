"""Where a page of a list begins, written into its address."""

from datetime import UTC, datetime, timedelta

from werkzeug.datastructures import MultiDict

Cursor = tuple[datetime, int]
"""The sort key of a row: an instant, then a reference."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


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
