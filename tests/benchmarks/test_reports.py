"""What the figures of a year cost beside their aggregate alone, and that they grow with the period's rows.

``make bench`` measures 100 000 appointments; ``DAYBOOK_BENCH_ROWS=1000000`` measures that many, in firms of
200 000 with 36 500 in the year and as many in the year before.
"""

from datetime import datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy.orm import Session

from tests.benchmarks.measuring import timed
from tests.factories import NOW
from tests.support.desks import Desk
from webapp.queries.analytics import tallies
from webapp.queries.analytics.cohort import Scope

pytestmark = pytest.mark.benchmark

ZONE = ZoneInfo("Europe/London")
MOST = 2.0
"""So many times its aggregate the page of a year may take, where a year is a part of what there is."""
YEAR, WEEKS = ("2025-01-13", "2026-01-12"), ("2025-12-15", "2026-01-12")


def scopes(period: tuple[str, str]) -> tuple[Scope, Scope]:
    """The period by the firm's clock, and as long a one before it."""
    since, last = (datetime.fromisoformat(day).replace(tzinfo=ZONE) for day in period)
    before = last + timedelta(days=1)
    scope = Scope(firm_id=1, zone=ZONE, since=since, before=before, now=NOW)
    return scope, scope.during(since - (before - since), since)


def measure(desk: Desk, period: tuple[str, str], runs: int = 9) -> tuple[float, float, float, int]:
    """Page and aggregate one after the other, again and again: medians, that of their ratio, and the rows."""
    first, last = period
    scope, previous = scopes(period)

    def page() -> None:
        answer = desk.browser.get(f"/reports?from={first}&to={last}")
        assert answer.status_code == 200
        answer.get_data()

    def aggregate() -> int:
        with Session(desk.engine) as session:
            return sum(tallies.load(session, scope, previous).total.counts.values())

    with time_machine.travel(NOW, tick=False):
        page()
        rows = aggregate()
        times = [(timed(desk, page), timed(desk, aggregate)) for _ in range(runs)]
    pages, aggregates = zip(*times, strict=True)
    return median(pages), median(aggregates), median(one / other for one, other in times), rows


def test_a_year_takes_at_most_twice_its_aggregate(desks_of_firms: list[Desk]) -> None:
    _few, many = desks_of_firms
    asked = many.statements(f"/reports?from={YEAR[0]}&to={YEAR[1]}")
    page, aggregate, ratio, rows = measure(many, YEAR)
    print(
        f"\n{many.engine.dialect.name:10} a year of {rows:,} of {many.count:,}: page {page:.0f} ms, "
        f"aggregate {aggregate:.0f} ms, ratio {ratio:.2f}, {len(asked)} statements"
    )
    assert len(asked) <= 8
    if many.count >= 1_000_000:
        assert ratio <= MOST


def test_the_figures_grow_with_the_period_and_not_with_the_table(desks_of_firms: list[Desk]) -> None:
    found = {desk.count: measure(desk, WEEKS, runs=15) for desk in desks_of_firms}
    (small, _, _, rows), (large, _, _, as_many) = found.values()
    name = desks_of_firms[0].engine.dialect.name
    told = ", ".join(f"page {page:.0f} ms of {count:,}" for count, (page, *_) in found.items())
    print(f"\n{name:10} four weeks of {rows:,}: {told}: ×{large / small:.2f}")
    assert rows == as_many
    assert large < 1.5 * small
