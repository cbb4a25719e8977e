"""How fast the site answers, by how many processes and threads, and how even its answers are."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.load import figures
from tests.load.driving import Driver
from tests.load.figures import Spread
from tests.load.people import BOARD, MIX
from tests.load.site import Site

WARM = 1.0  # seconds of each load that do not count
EVEN = 5.0
"""How many times its median the slowest hundredth of the boards may take."""
MIXES = {"boards alone": BOARD, "mix": MIX}


@dataclass(frozen=True)
class Cell:
    """One load: requests and begun things a second, all requests, the boards among them, what was wrong."""

    what: str
    processes: int
    threads: int
    rate: float
    begun: float
    all: Spread
    boards: Spread
    faults: list[str]

    @property
    def even(self) -> bool:
        return self.boards.ratio <= EVEN


def load(site: Site, driver: Driver, what: str, *, seconds: float, clients: int, rate: float = 0.0) -> Cell:
    """One of ``MIXES`` for so many seconds, at a rate or by clients who go on as they are answered."""
    how = {"clients": clients, "rate": rate, "skipped": WARM}
    plan = site.plan(MIXES[what], seconds + WARM, **how)
    samples = driver.run(plan)
    site.forget_post()
    named = figures.by_name(samples)
    return Cell(
        what,
        site.processes,
        site.threads,
        len(samples) / plan.counted,
        sum(sample.first for sample in samples) / plan.counted,
        Spread.of(sample.seconds for sample in samples),
        named["board"],
        figures.faults(samples),
    )


def grid(
    site: Site, driver: Driver, *, processes: list[int], threads: list[int], seconds: float, clients: int
) -> Iterator[Cell]:
    """Boards alone, then the mix, as fast as so many clients are answered, by each number of both."""
    for many in processes:
        for each in threads:
            site.resize(many, each)
            for what in MIXES:
                yield load(site, driver, what, seconds=seconds, clients=clients)


def evenness(
    site: Site, driver: Driver, *, share: float, seconds: float, clients: int
) -> Iterator[tuple[float, Cell]]:
    """What it can do (things begun a second), then people who come at this share of it, at random moments."""
    for what in MIXES:
        most = load(site, driver, what, seconds=seconds / 3, clients=clients).begun
        yield most, load(site, driver, what, seconds=seconds, clients=clients * 4, rate=most * share)
