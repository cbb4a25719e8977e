"""The harness against builds without a guard: it must find what they do wrong."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.faults import checks, races
from tests.faults.client import load
from tests.faults.grounds import Ground
from tests.faults.stack import Stack

LOAD = 0.7  # seconds
SLOW_MAIL, SLOWER_MAIL = 0.05, 1.0  # seconds for each
ENOUGH = 4  # changes that are acknowledged before a kill


@dataclass(frozen=True)
class Control:
    """What was taken out, in how many rounds the harness looked, and in how many it noticed."""

    guard: str
    rounds: int
    found: int

    @property
    def enough(self) -> bool:
        return self.found * 2 >= self.rounds


def of_guards(ground: Ground, rounds: int) -> Iterator[Control]:
    """Every control on one engine, in three builds; races, which are short, twice as often."""
    on_postgres = ground.cluster is not None
    first = "the version in the UPDATE" if on_postgres else "BEGIN IMMEDIATE"
    with ground.stack(guards_off="version,once" if on_postgres else "begin,once") as stack:
        for guard, race in (
            (first, races.of_writers),
            ("Idempotency-Key", races.of_twins),
            ("form token", races.of_forms),
        ):
            found = race(stack, rounds * 2)
            yield Control(guard, found.rounds, found.faulty)
    with ground.stack(guards_off="leases", workers=2) as stack:
        yield Control("claims of mail and webhooks", rounds, _each(rounds, lambda: repeats(stack)))
    late = "synchronous_commit" if on_postgres else "COMMIT before the answer"
    with ground.stack(guards_off="mark" if on_postgres else "mark,commit", lazy=True) as stack:
        yield Control(late, rounds, _each(rounds, lambda: loses_changes(stack)))
        yield Control("mail marked after it is sent", rounds, _each(rounds, lambda: loses_mail(stack)))


def _each(rounds: int, find: Callable[[], bool]) -> int:
    return sum(find() for _ in range(rounds))


def loses_changes(stack: Stack) -> bool:
    """Kill what answers and commits, under load: is anything gone that was acknowledged?"""
    with load(stack, stack.hooks.port) as at_work:
        stack.wait_for(lambda: at_work.ledger.acknowledged > ENOUGH, "nothing is acknowledged")
        (stack.kill_postgres if stack.cluster else stack.kill_site)()
        stack.wait_until_back()
        at_work.pause()
        with stack.reader() as session:
            found = any(checks.of_ledger(session, at_work.ledger))
        at_work.go_on()
    return found


def loses_mail(stack: Stack) -> bool:
    """Kill the worker while it sends: does any mail count as sent that did not arrive?"""
    stack.stop_workers()
    stack.collect()
    before = _not_arrived(stack)
    with load(stack, stack.hooks.port) as at_work:
        stack.wait_for(lambda: len(at_work.ledger.booked) > ENOUGH, "nothing is booked")
    stack.mail.pause = SLOWER_MAIL
    stack.mail.verbs.clear()
    stack.start_workers()
    stack.wait_for(lambda: "DATA" in map(str.upper, stack.mail.verbs), "no mail is sent")
    stack.kill_worker()
    stack.mail.pause = 0.0
    checks.drain(stack)
    stack.collect()
    return _not_arrived(stack) > before


def _not_arrived(stack: Stack) -> int:
    with stack.reader() as session:
        return sum("did not arrive" in sentence for sentence in checks.of_post(session, stack.post))


def repeats(stack: Stack) -> bool:
    """With several workers and nobody killed: does anything arrive twice?"""
    before = stack.post.repeated
    stack.mail.pause = SLOW_MAIL
    with load(stack, stack.hooks.port):
        time.sleep(LOAD)
    stack.wait_for(lambda: checks.waiting(stack) == 0, "something waits for ever")
    stack.mail.pause = 0.0
    stack.collect()
    return stack.post.repeated > before
