"""Numbers out of samples."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tests.load.people import Sample


@dataclass(frozen=True)
class Spread:
    """How long requests took, in milliseconds."""

    count: int
    median: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Spread":
        """Of at least one."""
        found = sorted(seconds)
        at = (found[min(len(found) - 1, int(len(found) * part))] * 1000 for part in (0.5, 0.95, 0.99))
        return cls(len(found), *at)

    def __str__(self) -> str:
        return f"{self.median:.1f} | {self.p95:.1f} | {self.p99:.1f}"

    @property
    def ratio(self) -> float:
        return self.p99 / self.median


def by_name(samples: list[Sample]) -> dict[str, Spread]:
    """Those that were answered as they should be, by what was asked."""
    found = defaultdict(list)
    for sample in samples:
        if not sample.fault:
            found[sample.name].append(sample.seconds)
    return {name: Spread.of(seconds) for name, seconds in sorted(found.items())}


def faults(samples: list[Sample]) -> list[str]:
    return [f"{sample.name}: {sample.fault}" for sample in samples if sample.fault]
