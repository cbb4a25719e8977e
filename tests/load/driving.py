"""The load, from a process of its own: clients that go on as they are answered, or that come at a rate."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from queue import SimpleQueue

from tests.load.people import Desk, Person, Sample

SOME = 40  # people who can be waiting for their answers at once where they come at a rate


@dataclass(frozen=True)
class Plan:
    """What is to be done, and for how many seconds.

    ``rate`` is how many things a second are begun, at random moments, whether or not the ones before have
    been answered; without it ``clients`` do one after the other. The first ``skipped`` seconds do not count.
    """

    desk: Desk
    mix: dict[str, float]
    seconds: float
    clients: int = SOME
    rate: float = 0.0
    skipped: float = 0.0


def drive(plan: Plan) -> list[Sample]:
    """Every request that counts, in no order; what is wrong is counted from the first second."""
    begun, samples = time.monotonic(), list[Sample]()
    people = [Person(plan.desk, place, plan.clients, samples.append) for place in range(plan.clients)]
    due = SimpleQueue[tuple[str, float] | None]()
    end = begun + plan.seconds
    work = _queued(due) if plan.rate else _one_after_the_other(plan.mix, end)
    threads = [threading.Thread(target=work, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    if plan.rate:
        for each in _arrivals(plan.mix, plan.rate, begun, end):
            due.put(each)
        for _ in people:
            due.put(None)
    for thread in threads:
        thread.join()
    return [sample for sample in samples if sample.fault or sample.at >= begun + plan.skipped]


def _arrivals(mix: dict[str, float], rate: float, begun: float, end: float) -> Iterator[tuple[str, float]]:
    """What to begin, each at its moment: as independent people come, so that some come together."""
    chance, at = random.Random(1), begun
    while (at := at + chance.expovariate(rate)) < end:
        time.sleep(max(0.0, at - time.monotonic()))
        yield chance.choices([*mix], [*mix.values()])[0], at


def _queued(due: "SimpleQueue[tuple[str, float] | None]"):  # type: ignore[no-untyped-def]
    def work(person: Person) -> None:
        while (found := due.get()) is not None:
            person.act(*found)

    return work


def _one_after_the_other(mix: dict[str, float], end: float):  # type: ignore[no-untyped-def]
    def work(person: Person) -> None:
        while time.monotonic() < end:
            person.act(person.chance.choices([*mix], [*mix.values()])[0])

    return work


@contextmanager
def driver() -> Iterator["Driver"]:
    """A process that drives; it does not share its interpreter with the receivers of mail and webhooks."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield Driver(pool)


@dataclass(frozen=True)
class Driver:
    pool: ProcessPoolExecutor

    def begin(self, plan: Plan) -> "Future[list[Sample]]":
        return self.pool.submit(drive, plan)

    def run(self, plan: Plan) -> list[Sample]:
        return self.begin(plan).result()
