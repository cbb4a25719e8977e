"""The example in the README does what it says, against the site and a worker's round."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from standardwebhooks import WebhookVerificationError

from tests.factories import World, make_world
from tests.support.api import token_of
from tests.support.receiver import Receiver, receiver
from tests.support.web import LiveServer
from webapp import clock
from webapp.delivery.webhooks import run
from webapp.lifecycle import webhook_secrets
from webapp.models import Appointment, WebhookEndpoint
from webapp.vocabulary import Status

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"```python\n(import json, os, uuid.*?)```", re.DOTALL)


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def example(
    session: Session, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> tuple[World, dict[str, Any]]:
    """A firm, and what the README's example defines, with a token of that firm."""
    world = make_world(session)
    monkeypatch.setenv("DAYBOOK_SITE", live_server.url)
    monkeypatch.setenv("DAYBOOK_TOKEN", token_of(session, world))
    found = BLOCK.search(README.read_text(encoding="utf-8"))
    assert found is not None
    names: dict[str, Any] = {}
    exec(compile(found[1], "README.md", "exec"), names)  # noqa: S102 # what a reader would do
    return world, names


def test_the_example_books_moves_and_believes_only_what_is_signed(
    example: tuple[World, dict[str, Any]],
    session: Session,
    engine: Engine,
    live_server: LiveServer,
    told: Receiver,
) -> None:
    world, names = example
    endpoint = WebhookEndpoint(
        firm_id=world.firm.firm_id, url=told.url, description="", event_types="", created_at=world.now
    )
    session.add(endpoint)
    session.commit()
    number, kind = endpoint.webhook_endpoint_id, world.kind.appointment_type_id
    day = (clock.now() + timedelta(days=3)).date()
    made, version = names["book"](world.contact.contact_id, world.staff.staff_user_id, kind, day)
    assert (made["status"], version) == ("confirmed", '"1"')
    later = names["first_free"](world.staff.staff_user_id, kind, day + timedelta(days=7))
    moved, _ = names["move"](made["appointment_id"], version, later, "The client asked for it")
    assert moved["successor"]["rescheduled_from"] == made["appointment_id"]
    session.rollback()
    first = session.get_one(Appointment, made["appointment_id"])
    assert [row.to_status for row in first.status_history] == [Status.CONFIRMED, Status.RESCHEDULED]
    assert first.status_history[0].actor_label == "Lena Fischer (API: Website)"
    settings = live_server.app.config["SETTINGS"]
    secret = webhook_secrets.secret_of(number, key=settings.secret_key, turn=0)
    _deliver(engine, settings)
    said = [names["received"](each.body, each.headers, secret) for each in told.taken]
    assert [each["type"] for each in said] == [
        "appointment.confirmed",
        "appointment.rescheduled",
        "appointment.confirmed",
    ]
    assert said[1]["data"]["rescheduled_to"] == moved["successor"]["appointment_id"]
    forged: Callable[..., Any] = names["received"]
    with pytest.raises(WebhookVerificationError):
        forged(told.taken[0].body + b" ", told.taken[0].headers, secret)


def _deliver(engine: Engine, settings: Any) -> None:
    """A worker's round, in an installation that allows the loopback."""

    def opened() -> Session:
        return Session(engine, expire_on_commit=False, execution_options={"write": True})

    allowed = replace(settings, webhook_networks=(ip_network("127.0.0.0/8"),))
    run.deliver(opened, settings=allowed, now=clock.now(), worker="w1", timeout=10.0)
