"""Days and keys as the addresses of reports, prints and the timeline carry them."""

from datetime import date, timedelta
from typing import Any

from wtforms.validators import ValidationError

from webapp.localtime import parse_date

DAY = timedelta(days=1)
MOST_DAYS = 3660
"""Ten years, with some days to spare."""
BACKWARDS = "The last day lies before the first. Enter a later day."
TOO_LONG = "The period is longer than ten years. Enter a shorter one."


def number(text: Any) -> int | None:
    """A key as an address carries it; None for anything else."""
    bare = str(text)
    return int(bare) if bare.isascii() and bare.isdigit() and len(bare) < 19 else None


def day(text: str | None) -> date | None:
    """A day as typed, None for an empty field.

    Raises:
        ValidationError: with a sentence for the person who typed it.
    """
    if not (text or "").strip():
        return None
    try:
        return parse_date(text or "")
    except ValueError as error:
        raise ValidationError(str(error)) from None


def in_order(first: date | None, last: date | None, *, most: int | None = MOST_DAYS) -> None:
    """Nothing where both days are given, in order, and at most so many.

    Raises:
        ValidationError: with a sentence for the person who typed them.
    """
    if first is None or last is None:
        return
    if last < first:
        raise ValidationError(BACKWARDS)
    if most is not None and (last - first).days >= most:
        raise ValidationError(TOO_LONG)
