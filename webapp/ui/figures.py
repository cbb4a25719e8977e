"""Rates in words: the fraction, its interval, and how it has changed."""

from dataclasses import dataclass
from math import floor

from webapp.localtime import duration
from webapp.queries.analytics.rates import Rate, beyond_chance
from webapp.queries.analytics.times import Middle

NONE = "—"
NBSP = "\N{NO-BREAK SPACE}"


def percent(share: float) -> str:
    """``81.6 %``."""
    return f"{share * 100:.1f}{NBSP}%"


def rate(found: Rate) -> str:
    """``81.6 %``, or a dash where there are no cases."""
    return NONE if found.value is None else percent(found.value)


def interval(found: Rate) -> str:
    """``79.5 to 83.6 %``; empty where there are no cases."""
    if found.interval is None:
        return ""
    low, high = found.interval
    return f"{low * 100:.1f} to {percent(high)}"


def middle(found: Middle) -> str:
    """``median 2 h 28 min, 90 % within 3 days``, in full minutes; less than none lies after the start."""
    return f"median {_before(floor(found.median))}, 90{NBSP}% within {_before(found.p90)}"


def _before(minutes: int) -> str:
    return duration(minutes) if minutes >= 0 else f"{duration(-minutes)} after the start"


@dataclass(frozen=True, slots=True)
class Change:
    """``words`` with ``arrow`` (up, down or empty); ``tone`` is better, worse or flat."""

    words: str
    arrow: str = ""
    tone: str = "flat"


def change(now: Rate, before: Rate, *, good: int) -> Change:
    """Against the period before, in percentage points.

    Args:
        good: 1 where more is better, -1 where less is. Better and worse are said only of what chance does
            not explain.
    """
    if now.value is None or before.value is None:
        return Change("nothing to compare with")
    points = round((now.value - before.value) * 100, 1)
    if not points:
        return Change("no change")
    arrow = "up" if points > 0 else "down"
    told = f"{arrow} {abs(points):.1f}{NBSP}pts"
    sure = beyond_chance(now, before)
    if not sure:
        return Change(f"{told}, may be chance", arrow)
    tone = "better" if sure == good else "worse"
    return Change(f"{told}, {tone}, more than chance", arrow, tone)


def count_change(now: int, before: int) -> Change:
    """``down 147``; neither better nor worse."""
    if now == before:
        return Change("no change")
    arrow = "up" if now > before else "down"
    return Change(f"{arrow} {abs(now - before):,}", arrow)
