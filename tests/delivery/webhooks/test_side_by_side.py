"""Endpoints side by side: while one hangs and one answers 500, a healthy one hears of everything at once.

The one test here that looks at a real clock: it is about seconds.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from sqlalchemy.orm import Session

from tests.delivery.webhooks.conftest import Hooks
from tests.factories import World, draft
from tests.support.receiver import HANG, Receiver
from webapp import clock
from webapp.lifecycle import booking
from webapp.worker import Worker

EVENTS = 40
EVERY = 0.15  # seconds between two bookings
WITHIN = 5.0


def p95(delays: list[float]) -> float:
    return sorted(delays)[int(len(delays) * 0.95) - 1]


@pytest.fixture
def worker(hooks: Hooks) -> Worker:
    return Worker(hooks.engine, hooks.settings, every=60)


def test_a_healthy_endpoint_hears_within_five_seconds_beside_a_hanging_and_a_failing_one(
    worker: Worker, hooks: Hooks, session: Session, world: World, listening: Callable[..., Receiver]
) -> None:
    hanging, failing, healthy = listening(), listening(), listening()
    hanging.always(how=HANG)
    failing.always(status=500)
    for there in (hanging, failing, healthy):
        hooks.add(world, there.url)
    running = Thread(target=worker.run)
    running.start()
    committed: dict[int, float] = {}
    slowest = 0.0
    start = datetime.now(UTC) + timedelta(days=10)
    for place in range(EVENTS):
        begun = time.monotonic()
        plan = draft(world, start=start + place * timedelta(hours=1))
        made = booking.book(session, actor=world.acting(), draft=plan, now=clock.now())
        session.commit()
        committed[made.appointment_id] = time.monotonic()
        slowest = max(slowest, committed[made.appointment_id] - begun)
        time.sleep(EVERY)
    give_up = time.monotonic() + 20
    while len(healthy.taken) < EVENTS and time.monotonic() < give_up:
        time.sleep(0.05)
    worker.stop()
    running.join(60)
    assert not running.is_alive()
    delays = [taken.at - committed[taken.said["data"]["appointment_id"]] for taken in healthy.taken]
    print(
        f"\n{hooks.engine.dialect.name}: p95 {p95(delays):.2f} s, most {max(delays):.2f} s, n {len(delays)}"
    )
    assert len(delays) == EVENTS
    assert p95(delays) < WITHIN
    assert hanging.connections >= 1
    assert len(failing.taken) >= 1
    assert slowest < 1, "whoever books does not wait for webhooks"


def test_any_number_of_failing_endpoints_leaves_room_for_a_healthy_one(
    hooks: Hooks, session: Session, world: World, listening: Callable[..., Receiver]
) -> None:
    hanging, healthy = listening(), listening()
    hanging.always(how=HANG)
    hooks.timeout = 1.0
    failing = [hooks.add(world, hanging.url) for _ in range(30)]
    plan = draft(world)
    booking.book(session, actor=world.acting(), draft=plan, now=world.now)
    session.commit()
    hooks.deliver(world.now)  # all of them have failed once
    assert all(hooks.endpoint(number).failing_since for number in failing)
    hooks.add(world, healthy.url)
    later = world.now + timedelta(minutes=7)
    plan = replace(
        plan, start_time=plan.start_time + timedelta(days=1), end_time=plan.end_time + timedelta(days=1)
    )
    booking.book(session, actor=world.acting(), draft=plan, now=later)
    session.commit()
    begun = time.monotonic()
    hooks.deliver(later)
    (taken,) = healthy.taken
    assert taken.at - begun < 1.0  # before the first of the others has had its time
