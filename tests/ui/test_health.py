"""GET /healthz and /readyz, and the board's warning for managers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World, at_status
from tests.support.engines import dispose, make_app
from tests.ui.conftest import MovableClock
from webapp.config import Settings
from webapp.lifecycle import heartbeats
from webapp.models import FirmSweep, StaffUser
from webapp.vocabulary import Status

HERE = "/day/2026-01-13"
LATE = "The worker has not run"


def swept(session: Session, world: World, minutes: int) -> None:
    moment = world.now - timedelta(minutes=minutes)
    heartbeats.beat(session, "host:1:ab", moment)
    heartbeats.swept(session, "host:1:ab", moment)
    session.add(FirmSweep(firm_id=world.firm.firm_id, looked_at=moment, believed_at=moment))
    session.commit()


def test_all_is_well(client: FlaskClient, session: Session, world: World, moved_clock: MovableClock) -> None:
    swept(session, world, 1)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (
        200,
        {
            "ready": True,
            "checks": {
                "database": {"ok": True},
                "migrations": {"ok": True},
                "worker": {"ok": True, "seconds_since_sweep": 60},
            },
        },
    )
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_worker_whose_clock_had_run_ahead_does_not_hide_that_none_runs(
    client: FlaskClient, session: Session, world: World, moved_clock: MovableClock
) -> None:
    swept(session, world, 14)
    heartbeats.beat(session, "ahead", world.now)
    heartbeats.swept(session, "ahead", world.now + timedelta(days=2))
    session.commit()
    answer = client.get("/readyz")
    assert answer.json is not None
    assert answer.json["checks"]["worker"] == {"ok": False, "seconds_since_sweep": 14 * 60}


@pytest.mark.parametrize("minutes", [None, 14])
def test_a_worker_that_is_late_or_absent_is_told_and_stops_nobody(
    client: FlaskClient, session: Session, world: World, moved_clock: MovableClock, minutes: int | None
) -> None:
    if minutes is not None:
        swept(session, world, minutes)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    age = minutes * 60 if minutes else None
    assert answer.json is not None
    assert answer.json["checks"]["worker"] == {"ok": False, "seconds_since_sweep": age}


def test_a_schema_that_is_behind_is_not_ready(client: FlaskClient, session: Session) -> None:
    session.execute(sa.text("UPDATE alembic_version SET version_num = 'an older one'"))
    session.commit()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["checks"]["migrations"] == {"ok": False}
    assert answer.json["checks"]["database"] == {"ok": True}


def test_an_empty_database_is_not_ready(client: FlaskClient, session: Session) -> None:
    session.execute(sa.text("DROP TABLE alembic_version"))
    session.commit()
    assert client.get("/readyz").status_code == 503


@pytest.mark.one_engine("sqlite")  # the databases that are gone are made up here
@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.sqlite3", "postgresql://nobody@127.0.0.1:9/none"])
def test_without_its_database_it_lives_and_is_not_ready(settings: Settings, url: str, tmp_path: Path) -> None:
    app = make_app(replace(settings, database_url=url))
    client = app.test_client()
    client.set_cookie("daybook", "somebody who was signed in")
    alive = client.get("/healthz")
    assert (alive.status_code, alive.text) == (200, "ok")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["checks"]["database"] == {"ok": False}
    for secret in ("nobody", "nowhere", settings.secret_key):
        assert secret not in answer.text
    with app.app_context():
        dispose(app)


@pytest.mark.one_engine("sqlite")  # who sees it does not depend on the engine
@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (None, "The worker has not run yet"),
        (14, "The worker has not run since 09:46, 14 minutes ago"),
        (6 * 60, "The worker has not run since 04:00, 6 h ago"),
        (1500, "The worker has not run since yesterday 09:00, 1 day 1 h ago"),
        (5, ""),
    ],
)
def test_managers_are_warned_of_a_stopped_worker(
    signed_in: Callable[[StaffUser], FlaskClient],
    session: Session,
    world: World,
    minutes: int | None,
    words: str,
) -> None:
    if minutes is not None:
        swept(session, world, minutes)
    text = signed_in(world.manager).get(HERE).text
    assert words in text
    assert (LATE in text) == bool(words)
    assert LATE not in signed_in(world.staff).get(HERE).text


@pytest.mark.one_engine("sqlite")  # the number of statements is the same on both
def test_the_warning_costs_no_statement(
    app: Flask, signed_in: Callable[[StaffUser], FlaskClient], session: Session, world: World
) -> None:
    at_status(session, Status.CONFIRMED, world, start=world.now)
    client = signed_in(world.manager)
    client.get(HERE)
    seen: list[str] = []

    def note(_c: object, _cur: object, text: str, *_more: object) -> None:
        if not text.startswith(("BEGIN", "PRAGMA")):
            seen.append(text)

    with app.app_context():
        engine = app.extensions["sqlalchemy"].engines[None]
    sa.event.listen(engine, "before_cursor_execute", note)
    text = client.get(HERE).text
    sa.event.remove(engine, "before_cursor_execute", note)
    assert LATE in text
    assert len(seen) <= 6, seen
