"""The worker's rounds: each part fails alone, several workers share the work, what is logged and pruned."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, draft
from tests.lifecycle.due_rows import many
from tests.support.engines import settings_for
from webapp import clock
from webapp.lifecycle import access, booking, heartbeats, pruning
from webapp.lifecycle.log_lines import OneLine
from webapp.models import (
    Appointment,
    AppointmentStatusHistory,
    MailMessage,
    OutboxEvent,
    PersonalLink,
    SignInFailure,
    UserSession,
    WorkerHeartbeat,
)
from webapp.queries import invariants
from webapp.vocabulary import MailState, Status
from webapp.worker import Line, Part, Worker

DUE = 90  # fewer than what makes the fuse hold them back
Now = Callable[[datetime], None]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch, world: World) -> Now:
    def set_to(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    set_to(world.now)
    return set_to


@pytest.fixture
def worker(engine: Engine, database_url: str, tmp_path: Path) -> Worker:
    return Worker(engine, settings_for(database_url, tmp_path), every=0.02)


def failing(_now: datetime) -> dict[str, int]:
    raise RuntimeError("ada@client.example has a problem")


def test_one_round_does_all_that_is_due(
    worker: Worker, session: Session, world: World, set_clock: Now
) -> None:
    over = at_status(session, Status.CONFIRMED, world, start=world.now - DAY)
    plan = draft(world, start=world.now + 3 * DAY)
    booking.book(session, actor=world.acting(), draft=plan, now=world.now)
    session.commit()
    assert worker.run(once=True)
    session.refresh(over)
    assert over.status is Status.COMPLETED
    assert session.scalar(sa.select(sa.func.count()).where(OutboxEvent.handled_at.is_(None))) == 0
    states = {mail.appointment_id: mail.state for mail in session.scalars(sa.select(MailMessage))}
    assert states.pop(over.appointment_id) is MailState.FAILED  # its client was to be told before it was over
    assert list(states.values()) == [MailState.KEPT]
    found = session.scalars(sa.select(WorkerHeartbeat)).one()
    assert (found.worker, found.swept_at, found.stopped_at) == (worker.name, world.now, world.now)


@pytest.mark.one_engine("sqlite")  # no database decides it
def test_a_part_that_fails_stops_no_other(
    worker: Worker, set_clock: Now, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    def other(_now: datetime) -> dict[str, int]:
        done.append("other")
        if len(done) == 5:
            worker.stop()
        return {}

    worker.lines = [Line("one", 0.01, [Part("bad", failing), Part("good", other)])]
    caplog.set_level(logging.INFO)
    assert worker.run()
    assert len(done) == 5
    assert len([line for line in caplog.messages if line == "part=bad failed"]) == 5


@pytest.mark.one_engine("sqlite")  # no database decides it
def test_a_line_that_fails_stops_no_other_line_and_one_round_tells_of_it(
    worker: Worker, set_clock: Now
) -> None:
    done: list[str] = []

    def good(_now: datetime) -> dict[str, int]:
        done.append("good")
        return {}

    worker.lines = [Line("one", 0, [Part("bad", failing)]), Line("two", 0, [Part("good", good)])]
    assert not worker.run(once=True)
    assert done == ["good"]


@pytest.mark.one_engine("sqlite")  # no database decides it
def test_a_round_reads_the_clock_once_for_each_part_to_share(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    ticking = iter(world.now + timedelta(minutes=minute) for minute in range(100))
    monkeypatch.setattr(clock, "now", lambda: next(ticking))
    seen: list[datetime] = []

    def note(now: datetime) -> dict[str, int]:
        seen.append(now)
        return {}

    worker.lines = [Line("one", 0, [Part("first", note), Part("second", note)])]
    worker.run(once=True)
    assert len(seen) == 2
    assert len(set(seen)) == 1


def test_without_a_database_it_goes_on_and_ends_when_told(
    tmp_path: Path, world: World, set_clock: Now, caplog: pytest.LogCaptureFixture
) -> None:
    from webapp.models.engine import make_engine

    url = f"sqlite:///{tmp_path / 'absent' / 'nothing.sqlite3'}"
    lost = Worker(make_engine(url), settings_for(url, tmp_path), every=0.02)
    running = Thread(target=lost.run)
    running.start()
    while len([line for line in caplog.messages if line == "part=sweeps failed"]) < 2:
        assert running.is_alive()
    lost.stop()
    running.join(10)
    assert not running.is_alive()


def test_two_workers_share_the_work(
    engine: Engine, database_url: str, tmp_path: Path, session: Session, world: World, set_clock: Now
) -> None:
    many(session, world, DUE, last_end=world.now - 2 * timedelta(hours=1))
    for place in range(30):
        plan = draft(world, start=world.now + 10 * DAY + place * timedelta(hours=1))
        booking.book(session, actor=world.acting(), draft=plan, now=world.now)
    session.commit()
    workers = [Worker(engine, settings_for(database_url, tmp_path), every=0.02) for _ in range(2)]
    threads = [Thread(target=worker.run, kwargs={"once": True}) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    workers[0].run(once=True)
    done = AppointmentStatusHistory.to_status == Status.COMPLETED
    assert session.scalar(sa.select(sa.func.count()).select_from(AppointmentStatusHistory).where(done)) == DUE
    assert session.scalar(sa.select(sa.func.count()).where(Appointment.status == Status.COMPLETED)) == DUE
    assert session.scalar(sa.select(sa.func.count()).where(OutboxEvent.handled_at.is_(None))) == 0
    assert session.scalar(sa.select(sa.func.count()).select_from(MailMessage)) == 30
    assert session.scalar(sa.select(sa.func.count()).select_from(WorkerHeartbeat)) == 2
    assert not list(invariants.check(session))


def test_a_log_line_is_one_line_and_quotes_nobody() -> None:
    try:
        failing(datetime.now(UTC))
    except RuntimeError as error:
        told = (type(error), error, error.__traceback__)
    record = logging.LogRecord("daybook", logging.ERROR, "x.py", 1, "part=%s\nfailed", ("mail",), told)
    line = OneLine().format(record)
    assert line.endswith("ERROR daybook part=mail failed error=RuntimeError at=?")
    assert "ada@client.example" not in line


def test_what_has_served_its_time_is_forgotten(session: Session, world: World) -> None:
    long_ago = world.now - 200 * DAY
    for moment, who in ((long_ago, world.staff), (world.now, world.manager)):
        access.open_session(session, who, now=moment)
        session.add_all(
            [
                SignInFailure(subject="0" * 64, failed_at=moment),
                WorkerHeartbeat(worker=str(moment), started_at=moment, seen_at=moment, swept_at=moment),
            ]
        )
    appointment = at_status(session, Status.CONFIRMED, world)
    for hashed, ends in (("a", long_ago), ("b", world.now - DAY)):
        session.add(
            PersonalLink(
                firm_id=world.firm.firm_id,
                nonce=hashed * 64,
                token_hash=hashed * 64,
                appointment_id=appointment.appointment_id,
                created_at=long_ago,
                expires_at=ends,
            )
        )
    session.commit()
    found = pruning.forget(session, world.now)
    webhooks = dict.fromkeys(["attempts", "deliveries", "strays"], 0)
    assert found == dict.fromkeys(["sessions", "failures", "links", "workers"], 1) | webhooks
    for model in (SignInFailure, WorkerHeartbeat, PersonalLink, UserSession):
        assert session.scalar(sa.select(sa.func.count()).select_from(model)) == 1
    assert not any(pruning.forget(session, world.now).values())


def test_the_last_sweep_of_all_is_remembered_however_old(session: Session, world: World) -> None:
    heartbeats.beat(session, "only", world.now)
    heartbeats.swept(session, "only", world.now)
    session.commit()
    assert heartbeats.forget_old(session, world.now + 100 * DAY) == 0
