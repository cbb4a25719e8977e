"""``daybook worker`` as a process: it says that it lives, ends when told, and exits with 0."""

import signal
from time import monotonic
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import World
from tests.worker.conftest import Start, read_until
from webapp.models import WorkerHeartbeat

SOON = 10  # seconds


def heartbeat(session: Session) -> "sa.Row[Any]":
    """The one worker's row. Nothing stays open: on SQLite a writer's transaction would keep it waiting."""
    session.rollback()
    found = session.execute(sa.select(WorkerHeartbeat.__table__)).one()
    session.rollback()
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_good_order_when_told(
    daybook: Start, session: Session, world: World, number: signal.Signals
) -> None:
    process = daybook("worker", "--every", "0.2")
    read_until(process, "started")
    assert heartbeat(session).stopped_at is None
    begun = monotonic()
    process.send_signal(number)
    assert process.wait(SOON) == 0
    assert monotonic() - begun < SOON
    assert heartbeat(session).stopped_at is not None


def test_one_round_sweeps_says_so_and_ends(daybook: Start, session: Session, world: World) -> None:
    process = daybook("worker", "--once")
    assert process.wait(60) == 0
    found = heartbeat(session)
    assert found.swept_at is not None
    assert found.stopped_at is not None
    assert found.worker.count(":") == 2


@pytest.mark.one_engine("sqlite")  # it is about the command, not the database
def test_it_does_not_begin_on_an_old_schema(daybook: Start, session: Session) -> None:
    session.execute(sa.text("DELETE FROM alembic_version"))
    session.commit()
    process = daybook("worker")
    assert process.wait(60) == 1
    assert process.stdout is not None
    assert "daybook db upgrade" in process.stdout.read()
