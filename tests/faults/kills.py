"""kill -9 at random moments under load: back within seconds, and nothing acknowledged is lost."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.faults import checks
from tests.faults.client import Ledger, load
from tests.faults.stack import Stack

SOONEST, LATEST = 0.05, 0.7  # seconds of load before a kill


@dataclass
class Report:
    """What the kills did. ``faults`` is empty where all held."""

    kills: Counter[str] = field(default_factory=Counter)
    back: dict[str, float] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    faults: list[str] = field(default_factory=list)

    @property
    def slowest(self) -> float:
        return max(self.back.values(), default=0.0)


def rounds(stack: Stack, kills: int, *, most_back: float, seed: int = 1, every: int = 25) -> Report:
    """So many kills; after ``every`` few of them, and at the end, everything is checked.

    Args:
        most_back: seconds within which all must be ready again.
    """
    chance, report = random.Random(seed), Report()
    ways = stack.victims()
    with load(stack, seed) as at_work:
        report.ledger = at_work.ledger
        for turn in range(1, kills + 1):
            name = chance.choice(list(ways)) if turn > len(ways) else list(ways)[turn - 1]
            time.sleep(chance.uniform(SOONEST, LATEST))
            begun = time.monotonic()
            ways[name]()
            stack.wait_until_back()
            took = time.monotonic() - begun
            report.kills[name] += 1
            report.back[name] = max(took, report.back.get(name, 0.0))
            if took > most_back:
                report.faults.append(f"{name}: back after {took:.1f} s")
            if turn % every == 0 or turn == kills:
                at_work.pause()
                report.faults += checks.everything(stack, report.ledger)
                report.ledger.faults.clear()
                at_work.go_on()
    return report
