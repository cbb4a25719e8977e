"""Where a page of a list begins, written into the address of the next one."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from pydantic import BaseModel

from webapp.api.reading import Refused

Cursor = tuple[datetime, int]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def write(cursor: Cursor) -> str:
    """``1768298400000000.2088``: microseconds since 1970, and the number."""
    return f"{(cursor[0] - EPOCH) // MICROSECOND}.{cursor[1]}"


def read(text: str | None) -> Cursor | None:
    """A cursor that :func:`write` made; None for the first page.

    Raises:
        Refused: 422, for anything else.
    """
    if text is None:
        return None
    moment, _, number = text.partition(".")
    try:
        if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (moment, number)):
            raise ValueError(text)
        return EPOCH + int(moment) * MICROSECOND, int(number)
    except (ValueError, OverflowError):
        errors = [{"field": "cursor", "detail": "Take it from next, as it stands there."}]
        detail = "cursor is not one that a list gave."
        raise Refused(422, "invalid", detail, errors=errors) from None


def address(path: str, query: BaseModel, following: Cursor | int | None) -> str | None:
    """The next page's address, with the filters of this one; None after the last page.

    Lists by number go on after a number, the others after a cursor.
    """
    if following is None:
        return None
    given = query.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"cursor"})
    pairs = [
        (name, each)
        for name, value in given.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    mark = str(following) if isinstance(following, int) else write(following)
    return f"/api/v1{path}?{urlencode([*pairs, ('cursor', mark)])}"
