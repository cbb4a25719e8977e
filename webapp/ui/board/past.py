"""The instant as of which a board is shown, read from its address: ``?as_of=2026-01-13T10:00``."""

from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from webapp.localtime import Local, parse_date
from webapp.ui import moments
from webapp.ui.board.spans import Span


@dataclass(frozen=True, slots=True)
class Past:
    """An instant that has been, as pages say it and as addresses carry it; ``clock`` is its time, exactly."""

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
    if "as_of_time" in args:
        at = _typed(day, clock, span, now)
    else:
        at = moments.past(day, span.local, now, shown=usual_day(span, now))
    return of(at, span.local)


def of(at: datetime, local: Local) -> Past:
    text = moments.written(at, local)
    return Past(at, local.full_day_time(at), text, local.day_of(at), text.partition("T")[2])


def usual_day(span: Span, now: datetime) -> date:
    """The day that a time alone means: the one shown; of a week today, or its last day that has been."""
    today = span.local.day_of(now)
    return span.first if span.days == 1 and span.first <= today else min(span.last, today)


def _typed(day: str, clock: str, span: Span, now: datetime) -> datetime:
    """The two fields of the form."""
    if not clock:
        raise ValueError("Enter a time such as 10:00.")
    return moments.at_clock(clock, parse_date(day) if day else usual_day(span, now), span.local, now)
