"""An instant as an address carries it, ``?as_of=2026-01-13T10:00``: what was known then is shown."""

import re
from datetime import UTC, datetime

from wtforms.validators import ValidationError

from webapp.localtime import AmbiguousTime, Local, NonexistentTime, instant, parse_date

HINT = "Enter a day and time such as 2026-01-13 10:00."
LOST_PLUS = re.compile(r"(T\S+) (\d\d:?\d\d)$")
"""A plus in an address is a blank when it comes out."""


def past(text: str, local: Local, now: datetime) -> datetime:
    """The instant, in UTC, of an ISO instant or of a day and time by the firm's clock.

    Raises:
        ValidationError: a sentence: it means nothing, lies ahead, or the clock skips it or shows it twice.
    """
    found = _instant(text, local)
    if found > now:
        raise ValidationError("This lies ahead. Enter a moment that has passed, or leave it empty.")
    return found


def typed(moment: datetime, local: Local) -> tuple[str, bool]:
    """An instant as somebody would type it; with its offset, and True, where the clock shows that twice."""
    wall = local.at(moment).replace(tzinfo=None, microsecond=0)
    try:
        instant(wall, local.zone)
    except AmbiguousTime:
        return local.at(moment).isoformat(timespec="seconds"), True
    return wall.isoformat(timespec="seconds" if wall.second else "minutes"), False


def _instant(text: str, local: Local) -> datetime:
    try:
        found = datetime.fromisoformat(LOST_PLUS.sub(r"\1+\2", text))
        parse_date(found.date().isoformat())
    except ValueError:
        raise ValidationError(HINT) from None
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    shown = f"{local.full_day(found.date())} has"
    try:
        return instant(found, local.zone)
    except NonexistentTime:
        raise ValidationError(
            f"{shown} no {found:%H:%M} in {local.city()}: the clocks go forward. Enter another time."
        ) from None
    except AmbiguousTime as twice:
        example = local.at(twice.first).isoformat(timespec="minutes")
        raise ValidationError(
            f"{shown} {found:%H:%M} twice in {local.city()}: the clocks go back. Say which with the offset, "
            f"such as {example}."
        ) from None
