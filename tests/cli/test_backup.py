"""``daybook backup`` and ``daybook restore``: whole transactions, read back, and nothing sent twice."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.cli.conftest import Daybook
from tests.factories import DAY, World, at_status, make_contact
from tests.support.engines import settings_for
from tests.support.postgres import binaries
from tests.support.smtp import mail_server
from webapp.delivery import held
from webapp.models import Appointment, Contact, MailMessage, OutboxEvent, tenancy
from webapp.queries import invariants
from webapp.vocabulary import MailState, MailTemplate, Status
from webapp.worker import Worker


@pytest.fixture(autouse=True)
def _tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's programs are where the tests' server is."""
    monkeypatch.setenv("PATH", f"{binaries()}{os.pathsep}{os.environ['PATH']}")


def waiting_mail(world: World) -> MailMessage:
    return MailMessage(
        firm_id=world.firm.firm_id,
        template=MailTemplate.CONFIRMED,
        dedup_key="one",
        recipient_name="Ada",
        recipient="ada@client.example",
        subject="A time",
        text_body="At ten",
        html_body="<p>At ten</p>",
        state=MailState.WAITING,
        due_at=world.now,
        created_at=world.now,
    )


def number_of(session: Session, thing: type) -> int:
    session.rollback()
    return session.scalar(sa.select(sa.func.count()).select_from(thing)) or 0


@contextmanager
def pairs_written(engine: Engine, world: World) -> Iterator[None]:
    """Meanwhile transactions go on, each of two contacts of one name."""
    firm, over = world.firm, threading.Event()

    def write() -> None:
        number = 0
        while not over.is_set():
            number += 1
            with Session(engine, execution_options={"write": True}, info=tenancy.EVERY_FIRM) as session:
                for _ in range(2):
                    make_contact(session, firm, f"Pair {number}")
                session.commit()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_what_is_restored_is_what_was_there(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    at_status(session, Status.CONFIRMED, world)
    session.commit()
    made = daybook("backup", "--out", tmp_path / "one.backup")
    assert made.exit_code == 0, made.output
    assert "read back and in order" in made.output
    assert (tmp_path / "one.backup").stat().st_mode & 0o077 == 0
    at_status(session, Status.CONFIRMED, world, start=world.now + 3 * DAY)
    session.commit()
    session.close()
    refused = daybook("restore", tmp_path / "one.backup")
    assert refused.exit_code == 1
    assert "--replace" in refused.output
    done = daybook("restore", tmp_path / "one.backup", "--replace")
    assert done.exit_code == 0, done.output
    assert number_of(session, Appointment) == 1
    assert not list(invariants.check(session))
    assert daybook("verify").exit_code == 0


def test_a_backup_under_load_holds_only_whole_transactions(
    daybook: Daybook, session: Session, engine: Engine, world: World, tmp_path: Path
) -> None:
    session.rollback()
    with pairs_written(engine, world):
        made = [daybook("backup", "--out", tmp_path / f"{number}.backup") for number in range(2)]
    assert [each.exit_code for each in made] == [0, 0], [each.output for each in made]
    later = number_of(session, Contact)
    session.close()
    assert daybook("restore", tmp_path / "1.backup", "--replace").exit_code == 0
    halves = (
        sa.select(Contact.name)
        .where(Contact.name.startswith("Pair"))
        .group_by(Contact.name)
        .having(sa.func.count() != 2)
    )
    assert session.scalars(halves).all() == []
    assert 2 < number_of(session, Contact) <= later


def test_what_waited_is_held_until_it_is_released(
    daybook: Daybook, session: Session, engine: Engine, world: World, tmp_path: Path, database_url: str
) -> None:
    at_status(session, Status.CONFIRMED, world)
    session.add(waiting_mail(world))
    session.commit()
    session.close()
    assert daybook("backup", "--out", tmp_path / "one.backup").exit_code == 0
    done = daybook("restore", tmp_path / "one.backup", "--replace")
    assert "daybook release-held" in done.output
    with mail_server() as server:
        settings = replace(settings_for(database_url, tmp_path), smtp_url=server.url)
        assert Worker(engine, settings).run(once=True)
        assert server.taken == []
        assert session.scalars(sa.select(MailMessage.last_error)).all() == [held.WHY]
        assert number_of(session, OutboxEvent) > 0
        session.close()
        assert daybook("release-held").output.startswith("Released 1 mails, 0 webhooks and ")
        assert Worker(engine, settings).run(once=True)
        assert len(server.taken) >= 1


def test_it_refuses_what_is_damaged_or_no_backup(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    session.close()
    path = tmp_path / "one.backup"
    assert daybook("backup", "--out", path).exit_code == 0
    assert "overwrites nothing" in daybook("backup", "--out", path).output
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "is damaged" in daybook("restore", path, "--replace").output
    path.write_text("a text")
    assert "is not a backup" in daybook("restore", path, "--replace").output
    assert number_of(session, Contact) > 0


def test_it_refuses_a_newer_schema(
    daybook: Daybook, session: Session, engine: Engine, world: World, tmp_path: Path
) -> None:
    session.close()
    path, ahead = tmp_path / "one.backup", tmp_path / "ahead.backup"
    assert daybook("backup", "--out", path).exit_code == 0
    ahead.write_bytes(path.read_bytes().replace(b'"head": "0', b'"head": "9'))
    told = daybook("restore", ahead, "--replace")
    assert told.exit_code == 1
    assert "newer schema" in told.output
