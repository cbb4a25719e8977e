"""Error pages: each says what happened and what to do next, also while the database does not answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import NOW, World, at_status, make_world
from tests.support.engines import make_app, settings_for
from tests.support.signed_in import sign_in
from webapp.extensions import db
from webapp.ui.errors import PAGES, page
from webapp.vocabulary import Status


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


@contextmanager
def locked(app: Flask) -> Iterator[None]:
    """Another process holds SQLite's write lock, longer than anybody waits for it."""
    with app.app_context():
        engine = db.engine
    with engine.connect().execution_options(write=True) as other:
        other.exec_driver_sql("SELECT 1")
        yield
        other.rollback()


@pytest.mark.parametrize("code", sorted(PAGES))
def test_every_error_has_a_heading_a_title_and_a_next_step(app: Flask, code: int) -> None:
    with app.test_request_context("/somewhere"):
        app.preprocess_request()
        text = page(code).get_data(as_text=True)
    heading, next_step = PAGES[code]
    assert f"<h1>{heading}</h1>" in text
    assert f"<title>{heading} · Daybook</title>" in text
    assert next_step in text


def test_an_unknown_address_keeps_a_signed_in_person_in(world: World, client: FlaskClient) -> None:
    sign_in(client, world.staff)
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert "Go to today" in answer.text
    assert "There is nothing here" in answer.text
    assert 'href="/sign-in"' not in answer.text


@pytest.mark.one_engine("sqlite")
def test_a_locked_database_is_503_and_nothing_is_half_written(
    session: Session, world: World, app: Flask, client: FlaskClient
) -> None:
    appointment = at_status(session, Status.REQUESTED, world)
    sign_in(client, world.staff)
    with locked(app):
        answer = client.post(f"/appointments/{appointment.appointment_id}/approval")
        reading = client.get(f"/appointments/{appointment.appointment_id}")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "<h1>The database does not answer</h1>" in answer.text
    assert "Nothing was saved." in answer.text
    assert reading.status_code == 200
    session.rollback()
    session.refresh(appointment)
    assert (appointment.status, appointment.version) == (Status.REQUESTED, 1)


def test_a_database_that_is_gone_is_503_with_a_page(tmp_path: Path) -> None:
    app = make_app(settings_for("postgresql://nobody@127.0.0.1:1/none", tmp_path))
    client = app.test_client()
    client.set_cookie("daybook", "somebody")
    answer = client.get("/day/2026-01-13")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "<h1>The database does not answer</h1>" in answer.text
    assert 'href="/day/2026-01-13">Try again' in answer.text


@pytest.mark.one_engine("sqlite")
def test_several_at_once_tell_what_was_done_before_the_database_stopped(
    session: Session, world: World, app: Flask, client: FlaskClient
) -> None:
    start = NOW - timedelta(hours=3)
    first = at_status(session, Status.CONFIRMED, world, start=start)
    second = at_status(session, Status.CONFIRMED, world, start=start + timedelta(hours=1))
    sign_in(client, world.staff)
    with locked(app):
        answer = client.post(
            "/bulk/completion",
            data={"ref": [f"{first.appointment_id}.1", f"{second.appointment_id}.1"], "back": "/day"},
            follow_redirects=True,
        )
    assert answer.status_code == 200
    assert "The database did not answer" in answer.text
    assert "2 appointments are as before." in answer.text


def test_looking_for_news_does_not_keep_a_session_alive(
    session: Session, world: World, client: FlaskClient
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        sign_in(client, world.staff)
        clock.shift(timedelta(hours=11))
        assert client.get("/day/2026-01-13/changes").status_code == 200
        clock.shift(timedelta(hours=2))
        assert client.get("/day/2026-01-13").status_code == 303
