"""The harness of ``make load``: it counts what it sends, and finds what was put in for it to find."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.cluster import children
from tests.load import figures, memory, migrations, speed
from tests.load.driving import Driver, driver
from tests.load.figures import Spread
from tests.load.people import ACTIONS, BOARD, MIX, Person, Sample
from tests.load.site import Site, running_site
from tests.support.engines import ENGINES, migrate
from webapp.models import tenancy
from webapp.models.engine import make_engine

MUCH = 20.0  # percent: more than a process that has just begun grows by itself
HELD = 0.5  # seconds


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


@pytest.mark.parametrize("engine", ENGINES)
def test_migrations_are_timed_while_people_go_on(engine: str) -> None:
    steps, faults = migrations.climb(engine, 200, since="0009_erased_reference", tell=lambda _line: None)
    assert faults == []
    assert [step.revision for step in steps] == ["0010_webhook_off", "0011_states", "none"]
    assert all(step.seconds > 0 for step in steps)
    assert all(seconds > 0 for step in steps for seconds in step.worst.values())


def test_who_waits_for_a_lock_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'daybook.sqlite3'}"
    migrate(url, tmp_path)
    engine = make_engine(url)
    traffic = migrations.Traffic(engine, 1, 1, "held")
    held = engine.connect().execution_options(write=True, firm=tenancy.EVERY)
    with traffic.going_on(), held as holder, holder.begin():
        time.sleep(HELD)
    engine.dispose()
    waited = {kind for (_what, kind), seconds in traffic.worst.items() if seconds > HELD * 0.8}
    assert waited == {kind for kind in migrations.PEOPLE if kind.startswith("writes")}
    assert traffic.faults == []
