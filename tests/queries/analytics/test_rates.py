"""Rates, their intervals and what chance explains, against published and hand-made values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.queries.analytics.rates import Rate, beyond_chance, difference, spread, wilson


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        (0, 10, 0, 0.2775),
        (1, 4, 0.0456, 0.6994),
        (3, 3, 0.4385, 1),
        (22_319, 110_527, 0.1996, 0.2043),
    ],
)
def test_the_interval_of_a_share(part: int, whole: int, low: float, high: float) -> None:
    assert wilson(part, whole) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_a_rate_of_nothing_is_no_rate() -> None:
    assert (Rate(0, 0).value, Rate(0, 0).interval, Rate(0, 0).few) == (None, None, False)


@pytest.mark.parametrize(("whole", "few"), [(1, True), (19, True), (20, False)])
def test_below_twenty_cases_are_few(whole: int, few: bool) -> None:
    assert Rate(0, whole).few is few


@pytest.mark.parametrize(("part", "whole"), [(2, 1), (-1, 3)])
def test_no_rate_lies_outside_of_its_bounds(part: int, whole: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        Rate(part, whole)


@given(st.integers(1, 10**7).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))))
def test_the_interval_holds_the_share_and_stays_between_none_and_all(case: tuple[int, int]) -> None:
    low, high = wilson(*case)
    assert 0 <= low <= case[0] / case[1] <= high <= 1


def test_the_difference_of_two_shares() -> None:
    """Newcombe's example (a): 56 of 70 against 48 of 80, by his method 10: 0.0524 to 0.3339."""
    low, high = difference(Rate(56, 70), Rate(48, 80)) or (0, 0)
    assert (low, high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (Rate(56, 70), Rate(48, 80), 1),
        (Rate(48, 80), Rate(56, 70), -1),
        (Rate(3, 10), Rate(2, 10), 0),
        (Rate(0, 0), Rate(2, 10), 0),
        (Rate(5, 5), Rate(0, 0), 0),
    ],
)
def test_what_is_beyond_chance(one: Rate, other: Rate, told: int) -> None:
    assert beyond_chance(one, other) == told


def test_how_numbers_are_spread() -> None:
    found = spread({1: 8, 2: 1, 4: 1})
    assert found is not None
    assert (found.count, found.mean, found.median, found.p90, found.largest) == (10, 1.4, 1, 2, 4)


def test_the_middle_of_an_even_number_lies_between_two() -> None:
    found = spread({1: 1, 2: 1})
    assert found is not None
    assert (found.median, found.p90) == (1.5, 2)


def test_nothing_has_no_spread() -> None:
    assert spread({}) is None
    assert spread({3: 0}) is None
