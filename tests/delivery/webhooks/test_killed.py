"""Workers killed in mid-work: what they had in hand goes out again, the same, and nothing is lost."""

import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.delivery.webhooks.conftest import Hooks
from tests.factories import DAY, World, draft
from tests.support.engines import ROOT
from tests.support.receiver import HANG, Ledger, Receiver
from tests.support.striking import wait_until_alone
from webapp.delivery.webhooks.claims import LEASE
from webapp.lifecycle import appointments, booking
from webapp.vocabulary import CancelledBy, DeliveryState

EVENTS = 30
KILLS = 8
LONGER_THAN_A_CLAIM = LEASE + timedelta(seconds=1)

Start = Callable[[datetime, int], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts a process that delivers: the instant, and the dealing at which it dies."""
    running: list[subprocess.Popen[bytes]] = []

    def start(now: datetime, last: int) -> "subprocess.Popen[bytes]":
        words = [database_url, now.isoformat(), str(tmp_path), str(last)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.delivery.webhooks.delivering_process", *words],
            cwd=ROOT,
            env={"PATH": ""},
            stdout=subprocess.DEVNULL,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_killed_while_it_waits_for_an_answer_it_is_sent_again_the_same(
    start: Start, hooks: Hooks, session: Session, world: World, listening: Callable[..., Receiver]
) -> None:
    there = listening()
    there.always(how=HANG)
    hooks.add(world, there.url)
    booking.book(session, actor=world.acting(), draft=draft(world), now=world.now)
    session.commit()
    process = start(world.now, 0)
    assert there.asked.wait(30)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    there.always()
    assert hooks.deliver(world.now + timedelta(minutes=1)) == {"delivered": 0, "refused": 0}
    assert hooks.deliver(world.now + LONGER_THAN_A_CLAIM) == {"delivered": 1, "refused": 0}
    first, second = there.taken
    assert (first.id, first.body) == (second.id, second.body)
    assert len(hooks.attempts()) == 1


def test_killed_again_and_again_it_loses_nothing_and_keeps_the_order(
    start: Start, hooks: Hooks, session: Session, world: World, listening: Callable[..., Receiver]
) -> None:
    there = listening()
    number = hooks.add(world, there.url)
    for place in range(EVENTS // 2):
        plan = draft(world, start=world.now + 10 * DAY + place * timedelta(hours=1))
        made = booking.book(session, actor=world.acting(), draft=plan, now=world.now)
        appointments.cancel(
            session,
            made,
            actor=world.acting(),
            reason="No",
            cancelled_by=CancelledBy.STAFF,
            now=world.now,
        )
    session.commit()
    chance, now = random.Random(7), world.now
    for _ in range(KILLS):
        assert start(now, chance.randint(12, 45)).wait(60) == -signal.SIGKILL
        wait_until_alone(session)
        now += LONGER_THAN_A_CLAIM
    assert any(delivery.state is DeliveryState.WAITING for delivery in hooks.deliveries())
    hooks.deliver(now)
    assert {delivery.state for delivery in hooks.deliveries()} == {DeliveryState.DELIVERED}
    ledger = Ledger(hooks.secret(number))
    for taken in there.taken:
        ledger.take(taken)
    assert len(ledger.seen) == EVENTS
    assert {data["to_status"] for data in ledger.known.values()} == {"cancelled"}
    assert (ledger.out_of_order, ledger.gaps) == (0, 0)
    assert len({taken.body for taken in there.taken}) == EVENTS
