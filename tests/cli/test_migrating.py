"""``daybook db upgrade`` while people work: it waits little for a lock, gives way, and tries again."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from click.testing import Result
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.cli.conftest import Daybook
from tests.factories import World
from webapp.models import tenancy

BEFORE, NEXT = "0007_tenancy", "0008_erasure"
WAIT = 1.5
SLACK = 0.8  # seconds that a busy machine may add
READ = "SELECT count(*) FROM contact"


@pytest.fixture
def older(daybook: Daybook, session: Session, world: World) -> World:
    """A database that still lacks a column of the contacts."""
    session.close()
    assert daybook("db", "downgrade", BEFORE).exit_code == 0
    return world


def head(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")))


def upgrade(daybook: Daybook, tries: int) -> Result:
    return daybook("db", "upgrade", "-x", f"lock_wait={WAIT}", "-x", f"lock_tries={tries}")


@contextmanager
def held(engine: Engine) -> Iterator[sa.Connection]:
    """Meanwhile a transaction has read the contacts, or, on SQLite, is about to write."""
    with engine.connect().execution_options(write=True, firm=tenancy.EVERY) as connection:
        connection.exec_driver_sql(READ)
        yield connection


@contextmanager
def traffic(engine: Engine, table: str) -> Iterator[list[float]]:
    """Meanwhile somebody reads and somebody writes a table; how many seconds each time took."""
    statements = (f"SELECT count(*) FROM {table}", f"UPDATE {table} SET firm_id = firm_id")
    took: list[float] = []
    over = threading.Event()

    def go_on(statement: str) -> None:
        while not over.wait(0.01):
            begun = time.monotonic()
            with engine.connect().execution_options(firm=tenancy.EVERY) as connection, connection.begin():
                connection.exec_driver_sql(statement)
            took.append(time.monotonic() - begun)

    threads = [threading.Thread(target=go_on, args=(statement,)) for statement in statements]
    for thread in threads:
        thread.start()
    try:
        yield took
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.mark.one_engine("postgresql")  # on SQLite nobody queues behind who waits
def test_it_gives_way_to_readers_and_writers_and_names_who_holds_the_lock(
    daybook: Daybook, engine: Engine, older: World
) -> None:
    with held(engine) as holder, traffic(engine, "contact") as took:
        told = upgrade(daybook, tries=2)
        pid = holder.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
    assert told.exit_code == 1
    sentence = " ".join(told.output.split())
    assert sentence.startswith(f"Error: Migration {NEXT} was held up by process {pid} (idle in transaction, ")
    assert "on the table contact at each of 2 tries, and has changed nothing." in sentence
    assert f"`SELECT pg_terminate_backend({pid})`, then run `daybook db upgrade` again." in sentence
    assert head(engine) == BEFORE
    assert len(took) > 20
    assert WAIT * 0.8 < max(took) < WAIT + SLACK, "they queued once behind it, and no longer than it waits"


def test_it_goes_through_once_the_lock_is_released(daybook: Daybook, engine: Engine, older: World) -> None:
    done: list[Result] = []
    thread = threading.Thread(target=lambda: done.append(upgrade(daybook, tries=30)))
    with held(engine):
        thread.start()
        thread.join(2 * WAIT)
        assert thread.is_alive()
    thread.join(60)
    assert [each.exit_code for each in done] == [0], done
    assert daybook("verify").exit_code == 0
    assert head(engine) > BEFORE


@pytest.mark.one_engine("sqlite")
def test_a_busy_file_ends_with_a_sentence(daybook: Daybook, engine: Engine, older: World) -> None:
    with held(engine):
        told = upgrade(daybook, tries=1)
    assert told.exit_code == 1
    assert " ".join(told.output.split()) == (
        f"Error: Migration {NEXT} was held up by another program that writes to the file at each of 1 tries, "
        "and has changed nothing. Let it end, or stop it, then run `daybook db upgrade` again."
    )
    assert head(engine) == BEFORE


@pytest.mark.one_engine("postgresql")
def test_the_locks_of_one_migration_are_waited_for_no_longer_than_one(
    daybook: Daybook, engine: Engine, session: Session, world: World
) -> None:
    """0007 locks each table. Of two that are held one is released in time: nobody waits a second term."""
    session.close()
    assert daybook("db", "downgrade", "0006_seals").exit_code == 0
    done: list[Result] = []
    with engine.connect() as first, engine.connect() as second, traffic(engine, "account") as took:
        first.exec_driver_sql("LOCK TABLE appointment_type IN ACCESS SHARE MODE")
        second.exec_driver_sql("LOCK TABLE webhook_endpoint IN ACCESS SHARE MODE")
        thread = threading.Thread(target=lambda: done.append(upgrade(daybook, tries=1)))
        thread.start()
        thread.join(WAIT * 0.9)
        first.rollback()
        thread.join()
    assert done[0].exit_code == 1
    assert re.search(r"Migration 0007_tenancy was held up by process \d+ .* webhook_endpoint", done[0].output)
    assert max(took) < WAIT + SLACK
