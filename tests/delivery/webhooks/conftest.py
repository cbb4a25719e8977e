"""What the tests of webhooks share: a firm, its endpoints, receivers, and a worker's rounds."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World, draft, make_world
from tests.support.engines import SECRET_KEY, settings_for
from tests.support.receiver import Receiver, receiver
from webapp.config import Settings
from webapp.delivery.webhooks import bodies, run
from webapp.lifecycle import booking, webhook_secrets
from webapp.models import Appointment, WebhookAttempt, WebhookDelivery, WebhookEndpoint

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
PING = "ping"


@dataclass
class Hooks:
    """A worker's rounds over one database, and what they left in it. ``timeout`` is in seconds."""

    engine: Engine
    settings: Settings
    worker: str = "w1"
    timeout: float = 10.0

    def session(self) -> Session:
        return Session(self.engine, expire_on_commit=False, execution_options={"write": True})

    def deliver(self, now: datetime, worker: str = "") -> dict[str, int]:
        return run.deliver(
            self.session,
            settings=self.settings,
            now=now,
            worker=worker or self.worker,
            timeout=self.timeout,
        )

    def add(self, world: World, url: str, event_types: str = "", *, with_text: bool = False) -> int:
        """An endpoint, committed; its number."""
        with self.session() as session:
            endpoint = WebhookEndpoint(
                firm_id=world.firm.firm_id,
                url=url,
                description="",
                event_types=event_types,
                with_text=with_text,
                created_at=world.now,
            )
            session.add(endpoint)
            session.commit()
            return endpoint.webhook_endpoint_id

    def endpoint(self, number: int) -> WebhookEndpoint:
        with self.session() as session:
            return session.get_one(WebhookEndpoint, number)

    def deliveries(self, endpoint: int | None = None) -> list[WebhookDelivery]:
        """Every delivery as it is now, in order."""
        found = sa.select(WebhookDelivery).order_by(WebhookDelivery.webhook_delivery_id)
        if endpoint is not None:
            found = found.where(WebhookDelivery.webhook_endpoint_id == endpoint)
        with self.session() as session:
            return list(session.scalars(found))

    def message(self, delivery: WebhookDelivery) -> bodies.Message:
        """What it says, asked anew."""
        with self.session() as session:
            return bodies.message(session, delivery)

    def attempts(self) -> list[WebhookAttempt]:
        """Every try, in order."""
        with self.session() as session:
            return list(
                session.scalars(sa.select(WebhookAttempt).order_by(WebhookAttempt.webhook_attempt_id))
            )

    def secret(self, endpoint: int, turn: int = 0) -> str:
        return webhook_secrets.secret_of(endpoint, key=self.settings.secret_key, turn=turn)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session that begins as a writer; commit before a worker's round."""
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


@pytest.fixture
def hooks(engine: Engine, database_url: str, tmp_path: Path) -> Hooks:
    """For an installation that lets webhooks go to this machine."""
    settings = settings_for(database_url, tmp_path)
    assert settings.secret_key == SECRET_KEY
    return Hooks(engine, replace(settings, webhook_networks=LOOPBACK))


@pytest.fixture
def listening() -> Iterator[Callable[..., Receiver]]:
    """Starts receivers, which end with the test."""
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(receiver(**how))


@pytest.fixture
def book(session: Session, world: World) -> Callable[..., Appointment]:
    """Books a meeting and commits: one event."""

    def book(**more: object) -> Appointment:
        made = booking.book(
            session,
            actor=world.acting(),
            draft=draft(world, **more),  # type: ignore[arg-type]
            now=world.now,
        )
        session.commit()
        return made

    return book
