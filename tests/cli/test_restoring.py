"""A backup by the role that a site runs as, restored, and what its webhooks and mail then do."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.cli.conftest import Daybook
from tests.factories import DAY, World, at_status, make_world
from tests.support.engines import settings_for
from tests.support.postgres import Server, binaries
from tests.support.receiver import receiver
from tests.support.smtp import mail_server
from webapp.models import Base, WebhookEndpoint, tenancy
from webapp.models.engine import make_engine
from webapp.vocabulary import Status
from webapp.worker import Worker

LOOPBACK = (ip_network("127.0.0.0/8"),)
Rows = dict[str, list[tuple[str, ...]]]


@pytest.fixture(autouse=True)
def _tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{binaries()}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def postgres_url(site_url: str) -> str:
    """Here a database belongs to an ordinary role, which its policies bind."""
    return site_url


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine, info=tenancy.EVERY_FIRM, expire_on_commit=False) as session:
        yield session


def rows(url: str) -> Rows:
    """Every row of every table, for every firm."""
    engine = make_engine(url)
    with engine.connect().execution_options(**tenancy.EVERY_FIRM) as connection:
        found = {
            table.name: sorted(tuple(map(str, row)) for row in connection.execute(sa.select(table)))
            for table in Base.metadata.sorted_tables
        }
    engine.dispose()
    return found


@pytest.mark.one_engine("postgresql")
def test_an_ordinary_role_backs_up_and_restores_every_firm(
    daybook: Daybook,
    session: Session,
    world: World,
    database_url: str,
    site_server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whose = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    assert session.scalar(sa.text(whose)) is False
    other = make_world(session, "harbour", "Europe/Paris")
    for each in (world, other):
        at_status(session, Status.COMPLETED, each)
    session.commit()
    session.close()
    before = rows(database_url)
    assert len(before["firm"]) == 2
    made = daybook("backup", "--out", tmp_path / "one.backup")
    assert made.exit_code == 0, made.output
    elsewhere = site_server.create()
    monkeypatch.setenv("DATABASE_URL", site_server.url(elsewhere))
    try:
        for more in ([], ["--replace"]):  # into an empty database, then over one that is used
            done = daybook("restore", tmp_path / "one.backup", *more)
            assert done.exit_code == 0, done.output
            after = rows(site_server.url(elsewhere))
            for table in ("outbox_event", "mail_message", "webhook_delivery"):  # what waited is held
                assert len(after.pop(table)) == len(before[table])
            assert after == {table: before[table] for table in after}
            assert daybook("verify").exit_code == 0
        engine = make_engine(site_server.url(elsewhere))
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT count(*) FROM appointment")) == 0, "the lock is on again"
        engine.dispose()
    finally:
        site_server.drop(elsewhere)


def test_what_a_restored_database_still_had_to_send_goes_out_once_and_only_when_released(
    daybook: Daybook, session: Session, engine: Engine, world: World, tmp_path: Path, database_url: str
) -> None:
    moment = time_machine.travel(world.now + timedelta(minutes=1))
    with moment, receiver() as hooks, mail_server() as post:
        settings = replace(settings_for(database_url, tmp_path), smtp_url=post.url, webhook_networks=LOOPBACK)
        endpoint = WebhookEndpoint(
            firm_id=world.firm.firm_id, url=hooks.url, description="", event_types="", created_at=world.now
        )
        session.add(endpoint)
        session.flush()
        at_status(session, Status.CONFIRMED, world, start=world.now + 10 * DAY)  # not to be reminded of yet
        session.commit()
        session.close()
        assert daybook("backup", "--out", tmp_path / "one.backup").exit_code == 0
        assert Worker(engine, settings).run(once=True)
        assert Worker(engine, settings).run(once=True)
        first, letters = list(hooks.ids), len(post.taken)
        assert first
        assert letters
        engine.dispose()
        assert daybook("restore", tmp_path / "one.backup", "--replace").exit_code == 0
        for _ in range(2):
            assert Worker(engine, settings).run(once=True)
        assert (hooks.ids, len(post.taken)) == (first, letters), "nothing goes out by itself"
        engine.dispose()
        assert daybook("release-held").exit_code == 0
        for _ in range(2):
            assert Worker(engine, settings).run(once=True)
        assert hooks.ids == first + first, "each once, under the number it had"
        assert len(post.taken) == 2 * letters
        assert daybook("release-held").output.startswith("Released 0 mails, 0 webhooks and 0 events")
        with Session(engine, info=tenancy.EVERY_FIRM) as later:
            at_status(later, Status.CONFIRMED, world, start=world.now + 11 * DAY)
            later.commit()
        assert Worker(engine, settings).run(once=True)
        assert len(hooks.ids) > 2 * len(first), "what is new goes out as ever"
