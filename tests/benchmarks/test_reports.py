"""What the figures of a year cost beside their aggregate alone, and that they grow with the period's rows.

Five firms at a hundred meetings a day for each. ``make bench`` measures 100 000 appointments;
``DAYBOOK_BENCH_ROWS=1000000`` measures that many, in firms of 200 000 with 36 500 in the year and as many in
the year before. Where a run asserts nothing it prints.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy.orm import Session

from tests.factories import NOW
from tests.support.desks import Desk, desk_over
from tests.support.engines import ENGINES
from webapp.queries.analytics import tallies
from webapp.queries.analytics.cohort import Scope

pytestmark = pytest.mark.benchmark

FEW, MANY = 10_000, int(os.environ.get("DAYBOOK_BENCH_ROWS") or 100_000)
FIRMS = 5
ZONE = ZoneInfo("Europe/London")
MOST = 2.0
"""So many times its aggregate the page of a year may take, where a year is a part of what there is."""
YEAR, WEEKS = ("2025-01-13", "2026-01-12"), ("2025-12-15", "2026-01-12")


@pytest.fixture(scope="module", params=ENGINES)
def desks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Desk]]:
    """One firm of ten thousand, and one of five with as many as are asked for, on one engine."""
    sqlite = request.param == "sqlite"
    template = request.getfixturevalue("sqlite_template" if sqlite else "postgres_template")
    server = None if sqlite else request.getfixturevalue("postgres_server")
    with ExitStack() as stack:
        made = []
        for size, firms in ((FEW, 1), (MANY, FIRMS)):
            folder: Path = tmp_path_factory.mktemp(f"of-{size}")
            if server is None:
                shutil.copyfile(template, folder / "daybook.sqlite3")
                url = f"sqlite:///{folder / 'daybook.sqlite3'}"
            else:
                name = server.create(template)
                stack.callback(server.drop, name)
                url = server.url(name)
            made.append(stack.enter_context(desk_over(url, size, folder, firms=firms, turns=2)))
        yield made


def timed(desk: Desk, work: Callable[[], object]) -> float:
    """Milliseconds: of the processor where all is done in this process, which others then do not disturb."""
    clock = process_time if desk.engine.dialect.name == "sqlite" else perf_counter
    start = clock()
    work()
    return (clock() - start) * 1000


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


def test_a_year_takes_at_most_twice_its_aggregate(desks: list[Desk]) -> None:
    _few, many = desks
    asked = many.statements(f"/reports?from={YEAR[0]}&to={YEAR[1]}")
    page, aggregate, ratio, rows = measure(many, YEAR)
    print(
        f"\n{many.engine.dialect.name:10} a year of {rows:,} of {many.count:,}: page {page:.0f} ms, "
        f"aggregate {aggregate:.0f} ms, ratio {ratio:.2f}, {len(asked)} statements"
    )
    assert len(asked) <= 8
    if many.count >= 1_000_000:
        assert ratio <= MOST


def test_the_figures_grow_with_the_period_and_not_with_the_table(desks: list[Desk]) -> None:
    found = {desk.count: measure(desk, WEEKS, runs=15) for desk in desks}
    (small, _, _, rows), (large, _, _, as_many) = found.values()
    name = desks[0].engine.dialect.name
    told = ", ".join(f"page {page:.0f} ms of {count:,}" for count, (page, *_) in found.items())
    print(f"\n{name:10} four weeks of {rows:,}: {told}: ×{large / small:.2f}")
    assert rows == as_many
    assert large < 1.5 * small
