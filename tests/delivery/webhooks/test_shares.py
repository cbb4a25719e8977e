"""Threads are shared out: neither one firm's slow endpoints nor all that fail keep a healthy one waiting.

These tests look at a real clock: they are about seconds. The slow ones here take two.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.delivery.webhooks.conftest import Hooks
from tests.factories import World, draft, make_world
from tests.support.receiver import Receiver, Reply, Taken
from webapp.delivery.webhooks import claims, run
from webapp.lifecycle import booking
from webapp.models import WebhookEndpoint

SLOW = 2.0
AT_ONCE = 1.0
WAIT = 20.0


class Slow:
    """Answers like this after two seconds, or at once when the test is over; counts whom it keeps waiting."""

    def __init__(self, there: Receiver, status: int) -> None:
        self.url, self.over, self.status = there.url, Event(), status
        self.now = self.most = 0
        self.lock = there.lock
        there.answer = self.answer

    def answer(self, _taken: Taken) -> Reply:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.over.wait(SLOW)
        with self.lock:
            self.now -= 1
        return Reply(status=self.status)


@contextmanager
def delivering(hooks: Hooks, world: World, until: Event) -> Iterator[None]:
    """A worker's round in the background."""
    facts = {"settings": hooks.settings, "now": world.now, "worker": "w1", "stop": until.is_set}
    round_ = Thread(target=run.deliver, args=(hooks.session,), kwargs=facts)
    round_.start()
    try:
        yield
    finally:
        until.set()
        round_.join(WAIT)
    assert not round_.is_alive()


def happens(session: Session, world: World) -> float:
    """An event for each of the firm's endpoints; when it was committed."""
    booking.book(session, actor=world.acting(), draft=draft(world), now=world.now)
    session.commit()
    return time.monotonic()


def wait_for(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + WAIT
    while not condition() and time.monotonic() < give_up:
        time.sleep(0.02)
    assert condition()


def test_one_firms_slow_endpoints_do_not_keep_another_firm_waiting(
    hooks: Hooks, session: Session, world: World, listening: Callable[..., Receiver]
) -> None:
    slow, healthy = Slow(listening(), 200), listening()
    for _ in range(19):
        hooks.add(world, slow.url)
    other = make_world(session, slug="other")
    hooks.add(other, healthy.url)
    happens(session, world)
    with delivering(hooks, world, slow.over):
        wait_for(lambda: slow.now >= claims.SHARE)
        begun = happens(session, other)
        wait_for(lambda: bool(healthy.taken))
    assert healthy.taken[0].at - begun < AT_ONCE
    assert slow.most == claims.SHARE


def test_failing_endpoints_of_many_firms_leave_threads_for_a_healthy_one(
    hooks: Hooks, session: Session, world: World, listening: Callable[..., Receiver]
) -> None:
    failing, healthy = Slow(listening(), 500), listening()
    for place in range(run.THREADS):
        firm = make_world(session, slug=f"firm{place}")
        hooks.add(firm, failing.url)
        happens(session, firm)
    session.execute(sa.update(WebhookEndpoint).values(failing_since=world.now - timedelta(hours=1)))
    session.commit()
    hooks.add(world, healthy.url)
    with delivering(hooks, world, failing.over):
        wait_for(lambda: failing.now >= run.THREADS - run.KEPT_FREE)
        begun = happens(session, world)
        wait_for(lambda: bool(healthy.taken))
    assert healthy.taken[0].at - begun < AT_ONCE


def test_firms_with_fewer_in_hand_come_first(hooks: Hooks, session: Session, world: World) -> None:
    mine = [hooks.add(world, "http://127.0.0.1:9/") for _ in range(5)]
    other = make_world(session, slug="other")
    theirs = [hooks.add(other, "http://127.0.0.1:9/") for _ in range(2)]
    for firm in (world, other):
        happens(session, firm)

    def claim(worker: str, limit: int) -> set[int]:
        return set(claims.claim(session, worker, world.now, failing=False, limit=limit))

    first = claim("w1", 2)
    assert (len(first & set(mine)), len(first & set(theirs))) == (1, 1)
    second = claim("w1", 12)
    assert (len(second & set(mine)), len(second & set(theirs))) == (2, 1)
    assert claim("w1", 12) == set()
    assert len(claim("w2", 12) & set(mine)) == 2
