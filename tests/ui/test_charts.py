"""Where the shapes of charts lie, and rates in words."""

import pytest

from webapp.queries.analytics.rates import Rate
from webapp.queries.analytics.times import Middle
from webapp.ui import charts, figures
from webapp.ui.charts import Column, Part


@pytest.mark.parametrize(
    ("largest", "expected"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (7, [0, 2, 4, 6, 8]),
        (27, [0, 10, 20, 30]),
        (153, [0, 50, 100, 150, 200]),
        (22_319, [0, 5_000, 10_000, 15_000, 20_000, 25_000]),
    ],
)
def test_a_scale_has_few_round_steps_up_to_the_largest(largest: int, expected: list[int]) -> None:
    assert charts.steps(largest) == expected


def test_parts_stand_on_each_other_without_a_gap() -> None:
    columns = [
        Column("a", (Part("completed", "C", 7), Part("no_show", "N", 0), Part("cancelled", "X", 3))),
        Column("b", ()),
    ]
    found = charts.stacked(columns)
    first, second = found.bars[0].segments
    assert first.y + first.height == charts.BOTTOM
    assert second.y + second.height == pytest.approx(first.y, abs=0.11)
    assert first.height / second.height == pytest.approx(7 / 3, rel=0.01)
    assert found.bars[0].total == "10"
    assert found.bars[1].segments == ()
    assert found.bars[1].total == ""


@pytest.mark.parametrize("count", [1, 12, 31, 120])
def test_bars_stay_inside_and_labels_do_not_crowd(count: int) -> None:
    bars = charts.stacked([Column(str(number), (Part("completed", "C", 1),)) for number in range(count)]).bars
    assert bars[0].x >= charts.LEFT
    assert bars[-1].x + bars[-1].width <= charts.RIGHT + 0.1
    assert sum(bool(bar.label) for bar in bars) <= charts.MOST_LABELS
    assert any(bar.total for bar in bars) == (count <= charts.MOST_TOTALS)


def test_no_interval_leaves_the_chart() -> None:
    rates = [Rate(1, 1), Rate(0, 0), Rate(3, 40), Rate(0, 30)]
    found = charts.shares([(str(number), rate, "") for number, rate in enumerate(rates)])
    for whisker in found.whiskers:
        assert charts.TOP <= whisker.high <= whisker.y <= whisker.low <= charts.BOTTOM


@pytest.mark.parametrize(
    ("part", "whole", "level"),
    [(0, 0, 0), (0, 9, 0), (1, 100, 1), (5, 100, 2), (10, 100, 3), (15, 100, 4), (25, 100, 5), (9, 9, 5)],
)
def test_shades(part: int, whole: int, level: int) -> None:
    assert charts.level(Rate(part, whole)) == level


@pytest.mark.parametrize(
    ("now", "before", "good", "words", "tone"),
    [
        (Rate(0, 0), Rate(1, 2), 1, "nothing to compare with", "flat"),
        (Rate(1, 2), Rate(0, 0), 1, "nothing to compare with", "flat"),
        (Rate(1, 2), Rate(10, 20), 1, "no change", "flat"),
        (Rate(11, 20), Rate(10, 20), 1, "up 5.0 pts, may be chance", "flat"),
        (Rate(900, 1000), Rate(800, 1000), 1, "up 10.0 pts, better, more than chance", "better"),
        (Rate(900, 1000), Rate(800, 1000), -1, "up 10.0 pts, worse, more than chance", "worse"),
        (Rate(50, 1000), Rate(100, 1000), -1, "down 5.0 pts, better, more than chance", "better"),
    ],
)
def test_a_change_in_words(now: Rate, before: Rate, good: int, words: str, tone: str) -> None:
    found = figures.change(now, before, good=good)
    assert (found.words.replace(figures.NBSP, " "), found.tone) == (words, tone)


def test_a_rate_in_words() -> None:
    imported = Rate(22_319, 110_527)
    assert figures.rate(imported).replace(figures.NBSP, " ") == "20.2 %"
    assert figures.interval(imported).replace(figures.NBSP, " ") == "20.0 to 20.4 %"
    assert (figures.rate(Rate(0, 0)), figures.interval(Rate(0, 0))) == ("—", "")


@pytest.mark.parametrize(
    ("median", "p90", "words"),
    [
        (148, 3 * 1440, "median 2 h 28 min, 90 % within 3 days"),
        (59.5, 119, "median 59 min, 90 % within 1 h 59 min"),
        (61.5, 90, "median 1 h 1 min, 90 % within 1 h 30 min"),
        (-30, 0, "median 30 min after the start, 90 % within 0 min"),
    ],
)
def test_times_in_words_are_full_minutes(median: float, p90: int, words: str) -> None:
    assert figures.middle(Middle(9, median, p90)).replace(figures.NBSP, " ") == words
