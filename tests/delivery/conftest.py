"""What the tests of mail share: a world, sessions for workers, a mail server, and the steps of a worker."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World, make_world
from tests.support.engines import settings_for
from tests.support.smtp import MailServer, mail_server
from webapp.config import Settings
from webapp.delivery import events, mail, placeholders
from webapp.delivery.placeholders import Bodies
from webapp.models import MailMessage


@dataclass
class Post:
    """A worker's steps over one database, and what they left in it."""

    engine: Engine
    settings: Settings
    worker: str = "w1"

    def session(self) -> Session:
        return Session(self.engine, expire_on_commit=False)

    def handle(self, now: datetime, worker: str = "", limit: int = 50) -> int:
        return events.handle(
            self.session, settings=self.settings, now=now, worker=worker or self.worker, limit=limit
        )

    def deliver(self, now: datetime, worker: str = "", limit: int = 50) -> int:
        return mail.deliver(
            self.session, settings=self.settings, now=now, worker=worker or self.worker, limit=limit
        )

    def mails(self) -> list[MailMessage]:
        """Everything written, in order, as it is now."""
        with self.session() as session:
            return list(session.scalars(sa.select(MailMessage).order_by(MailMessage.mail_message_id)))

    def read(self, mail: MailMessage) -> Bodies:
        """A mail as its recipient has it, with its links."""
        with self.session() as session:
            secret = self.settings.secret_key
            return placeholders.filled(session, mail, firm_id=mail.firm_id, secret=secret)

    def templates(self) -> list[str]:
        return [one.template.value for one in self.mails()]

    def with_server(self, url: str) -> "Post":
        return replace(self, settings=replace(self.settings, smtp_url=url))


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


@pytest.fixture
def post(engine: Engine, database_url: str, tmp_path: Path) -> Post:
    """Without a mail server."""
    settings = settings_for(database_url, tmp_path)
    settings = replace(settings, base_url="https://desk.example.com", mail_from="desk@desk.example.com")
    return Post(engine, settings)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def wired(post: Post, server: MailServer) -> Post:
    """With the test's mail server."""
    return post.with_server(server.url)
