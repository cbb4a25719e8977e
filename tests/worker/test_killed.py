"""A worker that is killed in mid-work, again and again: nothing is lost, nothing happens twice."""

import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import DAY, World, draft
from tests.lifecycle.due_rows import many
from tests.support.smtp import MailServer, mail_server
from tests.support.striking import wait_until_alone
from tests.worker.conftest import Start, read_until
from webapp.lifecycle import booking
from webapp.models import Appointment, MailMessage, OutboxEvent, SweepHold
from webapp.queries import invariants
from webapp.vocabulary import MailState, Status, SweepKind

KILLS = 100 if os.environ.get("DAYBOOK_FULL") else 20
DUE = 3000
BOOKED = 3 * KILLS
LONGER_THAN_A_CLAIM = timedelta(minutes=6)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def much_to_do(session: Session, world: World) -> None:
    """Meetings that are over, which a manager has let through, and new bookings of which Ada is to hear."""
    many(session, world, DUE, last_end=world.now - DAY)
    session.add(
        SweepHold(
            firm_id=world.firm.firm_id,
            kind=SweepKind.COMPLETE,
            row_count=1,
            usual=20,
            why="volume",
            due_until=world.now,
            held_at=world.now,
            decision="released",
            decided_at=world.now,
            decided_by_id=world.manager.staff_user_id,
            decided_by=world.manager.name,
        )
    )
    for place in range(BOOKED):
        plan = draft(world, start=world.now + 10 * DAY + place * timedelta(hours=1))
        booking.book(session, actor=world.acting(), draft=plan, now=world.now)
    session.commit()


def count(session: Session, model: type, *where: object) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(model).where(*where)) or 0


def test_killed_again_and_again_it_loses_nothing_and_repeats_nothing(
    standing: Start, session: Session, world: World, server: MailServer, much_to_do: None
) -> None:
    chance = random.Random(20)
    now, progress = world.now, set()
    session.commit()
    for turn in range(KILLS):
        process = standing(now, server.url, chance.randint(30, 250))
        read_until(process, "near")
        if turn % 2:
            process.kill()
        assert process.wait() == -signal.SIGKILL
        now += LONGER_THAN_A_CLAIM
        progress.add(
            (
                count(session, Appointment, Appointment.status == Status.COMPLETED),
                count(session, MailMessage),
                count(session, MailMessage, MailMessage.state == MailState.SENT),
            )
        )
        session.rollback()
    wait_until_alone(session)
    assert not list(invariants.check(session))
    session.rollback()
    for _ in range(2):
        last = standing(now, server.url, 0)
        assert last.wait(120) == 0, last.stdout and last.stdout.read()
        now += LONGER_THAN_A_CLAIM
    assert not list(invariants.check(session))
    assert count(session, Appointment, Appointment.status == Status.COMPLETED) == DUE
    assert count(session, OutboxEvent, OutboxEvent.handled_at.is_(None)) == 0
    assert count(session, MailMessage) == BOOKED
    assert count(session, MailMessage, MailMessage.state != MailState.SENT) == 0
    ids = Counter(message["Message-ID"] for message in server.messages)
    assert len(ids) == BOOKED
    assert len(progress) > KILLS / 2, "the kills did not come in the middle of the work"
