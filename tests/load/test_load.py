"""The harness of ``make load``: it counts what it sends, and finds what was put in for it to find."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.cluster import children
from tests.load import figures, memory, speed
from tests.load.driving import Driver, driver
from tests.load.figures import Spread
from tests.load.people import ACTIONS, BOARD, MIX, Person, Sample
from tests.load.site import Site, running_site

MUCH = 20.0  # percent: more than a process that has just begun grows by itself


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site(1_000, processes=2, threads=3) as made:
        yield made


@pytest.fixture(scope="module")
def load() -> Iterator[Driver]:
    with driver() as made:
        yield made


def with_flaw(site: Site, flaw: str) -> Site:
    site.flaw = flaw
    site.resize(1, 4)
    return site


def test_everything_that_is_done_is_answered_as_it_should_be(site: Site) -> None:
    samples: list[Sample] = []
    who = Person(site.desk, 0, 1, samples.append, site.plan(MIX, 60).day)
    for name in ACTIONS:
        who.act(name)
    assert figures.faults(samples) == []
    assert [sample.name for sample in samples if sample.late and "no-show" not in sample.name] == []
    assert sum(sample.first for sample in samples) == len(ACTIONS)
    assert {*MIX} == {*ACTIONS}


def test_what_comes_at_a_rate_comes_whole(site: Site, load: Driver) -> None:
    plan = site.plan(MIX, 2.0, rate=8.0)
    samples = load.run(plan)
    assert figures.faults(samples) == []
    assert sum(sample.first for sample in samples) == len([*plan.arrivals()]) > 5


def test_the_site_has_the_processes_and_threads_that_were_asked_for(site: Site, load: Driver) -> None:
    assert load.run(site.plan(BOARD, 2.0, clients=12))
    serving = children(site.site.pid)
    threads = [len([*Path(f"/proc/{process}/task").iterdir()]) - 1 for process in serving]
    assert len(threads) == 2
    assert max(threads) == 3  # beside the one that takes connections, and begun as they are needed


def test_spreads_are_of_the_ranks_that_they_name() -> None:
    spread = Spread.of(number / 1000 for number in range(1, 1001))
    assert (spread.count, spread.median, spread.p95, spread.p99) == (1000, 501.0, 951.0, 991.0)
    assert Spread.of([0.002]).ratio == 1.0


def test_a_leak_is_found(site: Site, load: Driver) -> None:
    times = {"minutes": 0.08, "warm_up": 0.01, "part": 0.02, "every": 0.4}
    found = memory.watch(with_flaw(site, "leak"), load, rate=20, **times)
    assert figures.faults(found.samples) == []
    assert found.replaced == []
    assert [each.name for each in found.grown if each.percent > MUCH] == ["web 1"]
    assert not found.steady


def test_slow_boards_are_found(site: Site, load: Driver) -> None:
    cell = speed.load(with_flaw(site, "slow"), load, "boards alone", seconds=3, clients=2)
    assert cell.faults == []
    assert not cell.even


def test_a_broken_board_is_found(site: Site, load: Driver) -> None:
    cell = speed.load(with_flaw(site, "broken"), load, "boards alone", seconds=2, clients=2)
    assert cell.faults
    assert all("500" in fault for fault in cell.faults)
