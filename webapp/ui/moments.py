"""An instant as an address carries it, ``?as_of=2026-01-13T10:00``: what was known then is shown."""

import re
from datetime import UTC, date, datetime, time, timedelta

from wtforms.validators import ValidationError

from webapp.localtime import (
    FIRST_DATE,
    LAST_DATE,
    AmbiguousTime,
    Local,
    NonexistentTime,
    day_start,
    instant,
    parse_clock,
)

HINT = "Enter a day and time such as 2026-01-13 10:00."
RANGE = "Enter a moment between 1990 and 2100."
AHEAD = "This lies ahead. Enter a moment that has passed, or leave it empty."
OFFSET = re.compile(r"(?i)(z|[+-]\d\d:?\d\d)$")
LOST_PLUS = re.compile(r"(T\S+|:\d\d(?:[.,]\d+)?) (\d\d:?\d\d)$")
"""A plus in an address is a blank when it comes out."""
LEAST = timedelta(microseconds=1)


def past(text: str, local: Local, now: datetime, *, shown: date | None = None) -> datetime:
    """The instant, in UTC, of an ISO instant, of a day and time by the firm's clock, or of a day alone.

    A day alone means its end, and today this moment.

    Args:
        shown: the day that a time alone is of; without it a time alone means nothing.

    Raises:
        ValidationError: a sentence: it means nothing, lies ahead, or the clock skips it or shows it twice.
    """
    text = LOST_PLUS.sub(r"\1+\2", text.strip())
    if shown and ":" in text and not re.match(r"\d{4}", text):
        return at_clock(text, shown, local, now)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return _passed(_instant(text, local), local, now)
    return _end(day, local, now)


def at_clock(text: str, day: date, local: Local, now: datetime) -> datetime:
    """The same of a time of day as people type it, with its offset where the day has it twice.

    Raises:
        ValidationError: as of :func:`past`.
    """
    text = LOST_PLUS.sub(r"\1+\2", text.strip())
    offset = OFFSET.search(text) if ":" in text else None
    clock = _clock(text[: offset.start()] if offset else text)
    return _passed(_instant(f"{day}T{clock.isoformat()}{offset[0] if offset else ''}", local), local, now)


def written(moment: datetime, local: Local) -> str:
    """The instant, exactly, by the firm's clock; with the offset only where that clock shows it twice."""
    wall = local.at(moment)
    bare = wall.replace(tzinfo=None)
    precise = "auto" if bare.second or bare.microsecond else "minutes"
    try:
        instant(bare, local.zone)
    except AmbiguousTime:
        return wall.isoformat(timespec=precise)
    return bare.isoformat(timespec=precise)


def typed(moment: datetime, local: Local) -> tuple[str, bool]:
    """The same, and whether a browser's own field cannot hold it: an offset, or fractions of a second."""
    text = written(moment, local)
    return text, bool(OFFSET.search(text.partition("T")[2]) or moment.microsecond)


def _clock(text: str) -> time:
    """Of the hour and minute, or to the second and its fractions."""
    try:
        return time.fromisoformat(text) if text.count(":") == 2 else parse_clock(text)
    except ValueError:
        raise ValidationError("Enter a time such as 14:30.") from None


def _end(day: date, local: Local, now: datetime) -> datetime:
    """The last instant of a day, or now where that is still to come."""
    if not FIRST_DATE <= day <= LAST_DATE:
        raise ValidationError(RANGE)
    if day > local.day_of(now):
        raise ValidationError(AHEAD)
    return min(day_start(day + timedelta(days=1), local.zone) - LEAST, now)


def _passed(found: datetime, local: Local, now: datetime) -> datetime:
    try:
        known = FIRST_DATE <= local.day_of(found) <= LAST_DATE
    except OverflowError:
        known = False
    if not known:
        raise ValidationError(RANGE)
    if found > now:
        raise ValidationError(AHEAD)
    return found


def _instant(text: str, local: Local) -> datetime:
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValidationError(HINT) from None
    if found.tzinfo is None:
        return _on_the_wall(found, local)
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise ValidationError(RANGE) from None


def _on_the_wall(wall: datetime, local: Local) -> datetime:
    if not FIRST_DATE <= wall.date() <= LAST_DATE:
        raise ValidationError(RANGE)
    shown = f"{local.full_day(wall.date())} has"
    try:
        return instant(wall, local.zone)
    except NonexistentTime as gap:
        near = f"{local.time(gap.before)} or {local.time(gap.after)}"
        why = f"{shown} no {wall:%H:%M} in {local.city()}: the clocks go forward. Enter {near}."
        raise ValidationError(why) from None
    except AmbiguousTime as fold:
        first, second = (written(moment, local).partition("T")[2] for moment in (fold.first, fold.second))
        why = (
            f"{shown} {wall:%H:%M} twice in {local.city()}: the clocks go back. Write the offset behind the "
            f"time, {first} or {second}."
        )
        raise ValidationError(why) from None
