"""Rates with their fraction and interval, and whether two of them differ by more than chance. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, sqrt

Z = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""
FEW = 20
"""Fewer cases than this are marked."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``part`` of ``whole``. Without cases there is no rate: ``value`` and ``interval`` are None."""

    part: int
    whole: int

    def __post_init__(self) -> None:
        if not 0 <= self.part <= self.whole:
            raise ValueError(f"{self.part} of {self.whole} is no share")

    @property
    def value(self) -> float | None:
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.part, self.whole) if self.whole else None

    @property
    def few(self) -> bool:
        """Whether there are cases, but so few that the rate says little."""
        return 0 < self.whole < FEW


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % interval of a share.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    share, square = part / whole, Z * Z
    middle = share + square / (2 * whole)
    spread = Z * sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    scale = 1 + square / whole
    low = 0.0 if part == 0 else (middle - spread) / scale
    high = 1.0 if part == whole else (middle + spread) / scale
    return low, high


def difference(one: Rate, other: Rate) -> tuple[float, float] | None:
    """The 95 % interval of ``one - other``; None where either has no cases.

    Source: R. G. Newcombe, "Interval estimation for the difference between independent proportions",
    1998, method 10: from the two Wilson intervals.
    """
    if one.value is None or other.value is None:
        return None
    (low, high), (other_low, other_high) = wilson(one.part, one.whole), wilson(other.part, other.whole)
    apart = one.value - other.value
    down = sqrt((one.value - low) ** 2 + (other_high - other.value) ** 2)
    up = sqrt((high - one.value) ** 2 + (other.value - other_low) ** 2)
    return apart - down, apart + up


def beyond_chance(one: Rate, other: Rate) -> int:
    """1 where ``one`` is higher than ``other`` by more than chance explains, -1 where lower, else 0."""
    between = difference(one, other)
    if between is None or between[0] <= 0 <= between[1]:
        return 0
    return 1 if between[0] > 0 else -1


@dataclass(frozen=True, slots=True)
class Spread:
    """How a number is distributed: count, mean, median, the value that 90 % do not pass, and the largest."""

    count: int
    mean: float
    median: float
    p90: float
    largest: float


def spread(values: Mapping[int, int]) -> Spread | None:
    """From how often each value occurs; None without any.

    The median is the middle value, or the mean of the two middle ones; p90 is the smallest value that at
    least 90 % do not pass.
    """
    count = sum(values.values())
    if not count:
        return None
    ordered = sorted((value, times) for value, times in values.items() if times)
    total = sum(value * times for value, times in ordered)

    def at(rank: int) -> int:
        passed = 0
        for value, times in ordered:
            passed += times
            if passed >= rank:
                return value
        raise AssertionError("a rank beyond the count")

    median = (at((count + 1) // 2) + at(count // 2 + 1)) / 2
    return Spread(count, total / count, median, at(ceil(count * 9 / 10)), ordered[-1][0])
