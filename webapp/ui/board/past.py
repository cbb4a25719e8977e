"""The instant as of which a board is shown, read from its address: ``?as_of=2026-01-13T10:00``."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from webapp.localtime import (
    FIRST_DATE,
    LAST_DATE,
    AmbiguousTime,
    Local,
    NonexistentTime,
    instant,
    parse_clock,
    parse_date,
)
from webapp.ui.board.spans import Span

WHAT = "Enter a moment such as 2026-01-13T10:00."
OFFSET = re.compile(r"(?i)(z|[+-]\d\d:?\d\d)$")
LOST_PLUS = re.compile(r"(:\d\d(?:\.\d+)?) (\d\d:?\d\d)$")
"""``+`` in an address is a blank when it comes out."""


@dataclass(frozen=True, slots=True)
class Past:
    """An instant that has been, as pages say it and as addresses carry it."""

    at: datetime
    words: str
    text: str
    day: date
    clock: str

    @property
    def query(self) -> str:
        return f"?{self.pair}"

    @property
    def pair(self) -> str:
        return urlencode({"as_of": self.text})


def read(args: MultiDict[str, str], span: Span, now: datetime) -> Past | None:
    """The instant asked for; None for the present.

    Raises:
        ValueError: with a sentence for the person who asked.
    """
    day, clock = args.get("as_of", "").strip(), args.get("as_of_time", "").strip()
    if not day and not clock:
        return None
    at = _typed(day, clock, span, now) if "as_of_time" in args else _written(day, span, now)
    if not FIRST_DATE <= span.local.day_of(at) <= LAST_DATE:
        raise ValueError("Enter a moment between 1990 and 2100.")
    if at > now:
        raise ValueError(f"{span.local.full_day_time(at)} is still to come. Enter a moment that has been.")
    return of(at, span.local)


def of(at: datetime, local: Local) -> Past:
    return Past(at, local.full_day_time(at), _text(at, local), local.day_of(at), f"{local.at(at):%H:%M}")


def usual_day(span: Span, now: datetime) -> date:
    """The day that a time alone means: the one shown; of a week today, or its last day that has been."""
    today = span.local.day_of(now)
    return span.first if span.days == 1 and span.first <= today else min(span.last, today)


def _typed(day: str, clock: str, span: Span, now: datetime) -> datetime:
    """The two fields of the form. A time that comes twice is told apart by its offset."""
    if not clock:
        raise ValueError("Enter a time such as 10:00.")
    wanted = parse_date(day) if day else usual_day(span, now)
    offset = OFFSET.search(clock) if ":" in clock else None
    time = parse_clock(clock[: offset.start()] if offset else clock)
    return _moment(f"{wanted}T{time:%H:%M}{offset[0] if offset else ''}", span.local)


def _written(text: str, span: Span, now: datetime) -> datetime:
    """An address as somebody wrote it: an instant, a local time, or a time of the day shown."""
    if len(text) <= 5 and ":" in text:
        return _typed("", text, span, now)
    if "T" not in text.upper() and " " not in text:
        raise ValueError(WHAT)
    return _moment(LOST_PLUS.sub(r"\1+\2", text), span.local)


def _moment(text: str, local: Local) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(WHAT) from None
    if not FIRST_DATE <= moment.date() <= LAST_DATE:
        raise ValueError("Enter a moment between 1990 and 2100.")
    return _on_the_wall(moment, local)


def _on_the_wall(wall: datetime, local: Local) -> datetime:
    shown = f"{local.day(wall.date())} has"
    try:
        return instant(wall, local.zone)
    except NonexistentTime as gap:
        near = f"{local.time(gap.before)} or {local.time(gap.after)}"
        why = f"{shown} no {wall:%H:%M} in {local.city()}: the clocks go forward. Enter {near}."
        raise ValueError(why) from None
    except AmbiguousTime as fold:
        first, second = (
            f"{local.at(moment):%H:%M}{_offset(moment, local)}" for moment in (fold.first, fold.second)
        )
        why = f"{shown} {wall:%H:%M} twice in {local.city()}: the clocks go back. Enter {first} or {second}."
        raise ValueError(why) from None


def _offset(moment: datetime, local: Local) -> str:
    return local.at(moment).isoformat()[-6:]


def _text(at: datetime, local: Local) -> str:
    """By the firm's clock, with the offset only where that clock shows the time twice."""
    wall = local.at(at)
    bare = wall.replace(tzinfo=None)
    precise = "auto" if bare.second or bare.microsecond else "minutes"
    try:
        instant(bare, local.zone)
    except AmbiguousTime:
        return wall.isoformat(timespec=precise)
    return bare.isoformat(timespec=precise)
