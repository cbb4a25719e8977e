"""Whether processes grow under a steady load."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.faults.cluster import children
from tests.load.driving import Driver
from tests.load.people import MIX, Sample
from tests.load.site import Site

EVERY = 5.0  # seconds
MOST = 5.0  # percent


@dataclass(frozen=True)
class Size:
    """Of one process at one moment, in kB: resident, and of that what no other process has."""

    resident: int
    private: int

    @classmethod
    def of(cls, process: int) -> "Size":
        facts = {}
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]:
            name, number, *_unit = line.split()
            facts[name] = int(number)
        return cls(facts["Rss:"], facts["Private_Clean:"] + facts["Private_Dirty:"])


@dataclass(frozen=True)
class Growth:
    """Medians of the first and of the last part, in kB."""

    name: str
    process: int
    first: Size
    last: Size

    @property
    def percent(self) -> float:
        """Of the resident memory."""
        return (self.last.resident / self.first.resident - 1) * 100

    @property
    def private_percent(self) -> float:
        return (self.last.private / self.first.private - 1) * 100


@dataclass(frozen=True)
class Watched:
    """What became of the processes, and every request meanwhile."""

    grown: list[Growth]
    replaced: list[str]
    samples: list[Sample]

    @property
    def steady(self) -> bool:
        """Whether each process is still there, and about as large."""
        return not self.replaced and all(each.percent < MOST for each in self.grown)


def processes(site: Site) -> dict[str, int]:
    """Of the site and of the worker, by name."""
    serving = {f"web {n}": process for n, process in enumerate(sorted(children(site.site.pid)), 1)}
    return serving | {"web's master": site.site.pid, "worker": site.at_work[0].pid}


def watch(
    site: Site,
    driver: Driver,
    *,
    minutes: float,
    rate: float,
    warm_up: float,
    part: float,
    every: float = EVERY,
    tell: Callable[[str], None] = lambda _line: None,
) -> Watched:
    """Load for so many minutes; the sizes after the warm-up and at the end are medians over ``part`` minutes.

    Raises:
        OSError: a process that was there at the beginning has gone.
    """
    plan = site.plan(MIX, minutes * 60, rate=rate, skipped=warm_up * 60)
    there, begun = processes(site), time.monotonic()
    looks: list[tuple[float, dict[str, Size]]] = []
    load = driver.begin(plan)
    while not load.done():
        time.sleep(every)
        sizes = {name: Size.of(process) for name, process in there.items()}
        looks.append(((time.monotonic() - begun) / 60, sizes))
        site.forget_post()
        if len(looks) % (60 // every) == 0:
            shown = ", ".join(f"{name} {size.resident / 1024:.1f}" for name, size in sizes.items())
            tell(f"minute {looks[-1][0]:.0f}: {shown} MB")
    replaced = [name for name, process in processes(site).items() if there.get(name) != process]
    ends = looks[-1][0]
    first = [sizes for at, sizes in looks if warm_up <= at <= warm_up + part]
    last = [sizes for at, sizes in looks if at >= ends - part]
    grown = [Growth(name, there[name], _middle(first, name), _middle(last, name)) for name in there]
    return Watched(grown, replaced, load.result())


def _middle(looks: list[dict[str, Size]], name: str) -> Size:
    sizes = [look[name] for look in looks]
    return Size(int(median(size.resident for size in sizes)), int(median(size.private for size in sizes)))
