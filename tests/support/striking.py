"""Processes that die without warning in the middle of their work, wherever a test wants it.

A process that is killed from outside is as far as the machine's load let it come. One that counts its own
dealings with the database dies where it was told to, on any machine.
"""

import os
import signal
from itertools import count
from threading import Lock
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

NEAR = 8
PATIENCE = 30  # seconds


def strike(engine: Engine, last: int) -> None:
    """Let this process be killed at its ``last`` dealing with the database, counted over all threads.

    A dealing is each moment before and after a statement and before a commit. A few before the last one it
    prints ``near``, so that somebody else may strike first.
    """
    numbers, lock = count(1), Lock()

    def step(*_facts: Any) -> None:
        with lock:
            number = next(numbers)
            if number == last:
                os.kill(os.getpid(), signal.SIGKILL)
            if number == max(1, last - NEAR):
                print("near", flush=True)

    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        sa.event.listen(engine, moment, step)


def wait_until_alone(session: Session) -> None:
    """Wait until the server is done with killed processes: what they had sent may still commit."""
    if session.get_bind().dialect.name != "postgresql":
        return
    others = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()"
    )
    give_up = monotonic() + PATIENCE
    while session.scalar(others):
        assert monotonic() < give_up, "what a killed process began does not end"
        session.rollback()
        sleep(0.01)
    session.rollback()
