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
    ``day`` is the first one of the calendars that is free.
    """

    desk: Desk
    mix: dict[str, float]
    seconds: float
    clients: int = SOME
    rate: float = 0.0
    skipped: float = 0.0
    day: int = 0

    @property
    def counted(self) -> float:
        """Seconds."""
        return self.seconds - self.skipped

    def arrivals(self) -> Iterator[tuple[str, float]]:
        """What is begun and after how many seconds, as independent people come."""
        chance, at = random.Random(1), 0.0
        while (at := at + chance.expovariate(self.rate)) < self.seconds:
            yield chance.choices([*self.mix], [*self.mix.values()])[0], at


def drive(plan: Plan) -> list[Sample]:
    """Every request that counts, in no order; what is wrong is counted from the first second."""
    begun, samples = time.monotonic(), list[Sample]()
    many = plan.clients
    people = [Person(plan.desk, place, many, samples.append, plan.day) for place in range(many)]
    due = SimpleQueue[tuple[str, float] | None]()
    work, given = (_queued, due) if plan.rate else (_one_after_the_other, (plan.mix, begun + plan.seconds))
    threads = [threading.Thread(target=work, args=(person, given)) for person in people]
    for thread in threads:
        thread.start()
    if plan.rate:
        for name, after in plan.arrivals():
            time.sleep(max(0.0, begun + after - time.monotonic()))
            due.put((name, begun + after))
        for _ in people:
            due.put(None)
    for thread in threads:
        thread.join()
    return [sample for sample in samples if sample.fault or sample.at >= begun + plan.skipped]


def _queued(person: Person, due: "SimpleQueue[tuple[str, float] | None]") -> None:
    while (found := due.get()) is not None:
        person.act(*found)


def _one_after_the_other(person: Person, given: tuple[dict[str, float], float]) -> None:
    mix, end = given
    while time.monotonic() < end:
        person.act(person.chance.choices([*mix], [*mix.values()])[0])


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
