"""What is known of a request afterwards: its id, its line in the log, its figures at GET /metrics."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World, at_status
from tests.support.engines import dispose, make_app
from tests.support.statements import captured
from tests.ui.conftest import MovableClock
from webapp import clock
from webapp.config import Settings
from webapp.extensions import db
from webapp.lifecycle.log_lines import JsonLine
from webapp.models import AppointmentStatusHistory, MailMessage
from webapp.vocabulary import MailState, MailTemplate, Status
from webapp.worker import Worker

TOKEN = "a token for figures, long enough to be one"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
UUID = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"


@pytest.fixture
def open_app(settings: Settings) -> Iterator[Flask]:
    """An installation whose figures may be read."""
    app = make_app(replace(settings, metrics_token=TOKEN))
    yield app
    with app.app_context():
        dispose(app)


def figures(client: FlaskClient) -> dict[tuple[str, tuple[str, ...]], float]:
    answer = client.get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [json.loads(JsonLine().format(record)) for record in caplog.records if hasattr(record, "facts")]


def test_a_request_id_from_the_proxy_is_kept_and_another_is_made(client: FlaskClient) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": UUID}).headers["X-Request-ID"] == UUID
    for given in ("", "ada@client.example", "ab", "a" * 65, "Ada-Lovelace"):
        made = client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"]
        assert made != given
        assert len(made) == 32


def test_an_error_page_shows_the_id_that_the_log_has(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def broken() -> str:
        raise RuntimeError("Ada Lovelace owes us 7")

    broken.permission = None  # type: ignore[attr-defined]
    app.view_functions["sessions.sign_in"] = broken
    formatted: list[str] = []
    handler = logging.StreamHandler()
    handler.emit = lambda record: formatted.append(JsonLine().format(record))  # type: ignore[method-assign]
    app.logger.addHandler(handler)
    try:
        answer = client.get("/sign-in", headers={"X-Request-ID": UUID})
    finally:
        app.logger.removeHandler(handler)
    assert f"Reference {UUID}" in answer.text
    line = json.loads(formatted[0])
    assert (line["request_id"], line["error"]) == (UUID, "RuntimeError")
    assert "Lovelace" not in formatted[0]


def test_a_page_that_is_not_there_says_the_same_each_time(client: FlaskClient) -> None:
    assert client.get("/nowhere").data == client.get("/nowhere").data


def test_a_line_has_route_person_and_what_was_asked_of_the_database(
    desk: FlaskClient, world: World, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    with caplog.at_level(logging.INFO, "daybook.request"):
        desk.get(f"/appointments/{appointment.appointment_id}?q=Ada", buffered=True).close()
    line = lines(caplog)[-1]
    assert line["route"] == "/appointments/<int:appointment_id>"
    assert (line["method"], line["status"]) == ("GET", 200)
    assert (line["firm"], line["staff"]) == (world.firm.firm_id, world.staff.staff_user_id)
    assert 0 < int(str(line["sql"])) < 40
    assert float(str(line["ms"])) > 0
    assert "Ada" not in json.dumps(line)


def test_figures_are_for_whoever_has_the_token(client: FlaskClient, open_app: Flask) -> None:
    assert client.get("/metrics", headers=BEARER).status_code == 404, "no token is set there"
    visitor = open_app.test_client()
    assert visitor.get("/metrics").status_code == 404
    assert visitor.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}x"}).status_code == 404
    assert visitor.get("/metrics", headers=BEARER).status_code == 200


def test_routes_are_counted_by_their_rule_so_that_addresses_add_nothing(open_app: Flask) -> None:
    client = open_app.test_client()
    for number in range(30):
        client.get(f"/nowhere/{number}").close()
        client.get(f"/c/{number}-token").close()
        client.open("/healthz", method=f"VERB{number}").close()
    found = figures(client)
    routes = {labels for name, labels in found if name == "daybook_request_statements_count"}
    assert {("none",), ("/c/<token>",)} <= routes
    assert len(routes) < 5
    assert found[("daybook_request_seconds_count", ("/c/<token>", "404", "GET"))] == 30


def test_queues_are_counted_with_the_age_of_the_oldest(
    open_app: Flask, session: Session, world: World, moved_clock: MovableClock
) -> None:
    for number in range(3):
        session.add(_mail(world, number))
    at_status(session, Status.CONFIRMED, world)
    session.commit()
    moved_clock.pass_(minutes=10)
    found = figures(open_app.test_client())
    assert found[("daybook_queue_waiting", ("mail",))] == 3
    assert found[("daybook_queue_oldest_seconds", ("mail",))] == 11 * 60
    assert found[("daybook_queue_waiting", ("events",))] > 0
    assert found[("daybook_queue_waiting", ("webhooks",))] == 0
    assert found[("daybook_workers", ())] == 0
    assert not [name for name, _labels in found if name == "daybook_sweep_lag_seconds"]


def test_entries_without_a_seal_are_counted_with_the_age_of_the_oldest(
    open_app: Flask, session: Session, engine: Engine, world: World, moved_clock: MovableClock
) -> None:
    client = open_app.test_client()
    assert figures(client)[("daybook_unsealed", ())] == 0
    assert figures(client)[("daybook_unsealed_oldest_seconds", ())] == 0
    at_status(session, Status.COMPLETED, world)
    session.commit()
    rows = session.execute(sa.select(AppointmentStatusHistory.changed_at)).scalars().all()
    session.rollback()
    moved_clock.pass_(minutes=10)
    found = figures(client)
    assert found[("daybook_unsealed", ())] == len(rows) > 1
    assert found[("daybook_unsealed_oldest_seconds", ())] == (clock.now() - min(rows)).total_seconds()
    assert Worker(engine, open_app.config["SETTINGS"]).run(once=True)
    assert figures(client)[("daybook_unsealed", ())] == 0


def _mail(world: World, number: int) -> MailMessage:
    return MailMessage(
        firm_id=world.firm.firm_id,
        template=MailTemplate.CONFIRMED,
        dedup_key=f"m{number}",
        recipient_name="Ada",
        recipient="ada@client.example",
        subject="A time",
        text_body="",
        html_body="",
        state=MailState.WAITING,
        due_at=world.now - timedelta(minutes=number - 1),
        created_at=world.now,
    )


def test_a_scrape_asks_the_same_few_statements_however_much_there_is(
    open_app: Flask, session: Session, world: World
) -> None:
    client = open_app.test_client()
    with open_app.app_context():
        engine: Engine = db.engine
        with captured(engine) as before:
            figures(client)
        for number in range(40):
            session.add(_mail(world, number))
        session.commit()
        with captured(engine) as after:
            figures(client)
    assert len(before) == len(after) == 4


def test_several_processes_add_up(tmp_path: Path) -> None:
    """Two processes of a site share a folder; whichever is asked tells of both."""
    import subprocess
    import sys

    script = """
import os, sys
from pathlib import Path
from webapp.queries.operation import Operation, Queue
from webapp.ui.figures_kept import Figures
figures = Figures()
figures.share(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
figures.request("GET", "/day", 200, 0.01, 5)
sys.stdout.buffer.write(figures.text(Operation((), 0, None, 0, Queue("seals", 0, 0.0))))
"""
    for number in (1, 2):
        told = subprocess.run(
            [sys.executable, "-c", script],
            env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert f'daybook_request_statements_count{{route="/day"}} {number}.0' in told
