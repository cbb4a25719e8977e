"""The attacked installation, on one engine or on both, with a clock that stands still."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.attack.ground import Ground, Say, build, plain
from tests.factories import NOW
from tests.support.engines import dispose, make_app, settings_for
from tests.support.postgres import Server
from tests.support.signed_in import COOKIE
from webapp.extensions import db
from webapp.lifecycle import passwords
from webapp.models import StaffUser

PASSWORD = "three words here"


@dataclass
class Installation:
    """An application over the ground, and the way to put its database back as it was."""

    name: str
    app: Flask
    ground: Ground
    restore: Callable[[], None]

    def browser(self, *, signed_in: bool = True) -> FlaskClient:
        """A browser of the firm's owner, or of nobody."""
        browser = self.app.test_client()
        if signed_in:
            browser.set_cookie(COOKIE, self.ground.cookie)
        return browser

    def as_it_was(self) -> None:
        """Put the database back as it was set up."""
        self.close()
        self.restore()

    def close(self) -> None:
        with self.app.app_context():
            dispose(self.app)


def installed(
    name: str, url: str, folder: Path, restore: Callable[[], None], say: Say = plain
) -> Installation:
    """The ground in a migrated database. Forms need no token: what is looked for lies behind that check."""
    app = make_app(replace(settings_for(url, folder), api_rate=10**9))
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    with app.app_context():
        engine = db.engine
    with Session(engine, expire_on_commit=False) as session:
        ground = build(session, app, say)
    made = Installation(name, app, ground, restore)
    made.close()
    return made


@pytest.fixture
def standing_clock() -> Iterator[None]:
    """The clock stands at the firm's ``now``."""
    with time_machine.travel(NOW, tick=False):
        yield


def on_sqlite(template: Path, folder: Path, say: Say = plain) -> Installation:
    """The installation on a copy of the migrated file."""
    live, kept = folder / "daybook.sqlite3", folder / "kept.sqlite3"
    shutil.copyfile(template, live)

    def restore() -> None:
        for rest in ("-wal", "-shm"):
            live.with_name(live.name + rest).unlink(missing_ok=True)
        shutil.copyfile(kept, live)

    made = installed("sqlite", f"sqlite:///{live}", folder / "one", restore, say)
    shutil.copyfile(live, kept)
    return made


@pytest.fixture
def on_both(
    standing_clock: None,
    sqlite_template: Path,
    postgres_server: Server,
    postgres_template: str,
    tmp_path: Path,
) -> Iterator[tuple[Installation, Installation]]:
    """The same firm twice: on SQLite and on PostgreSQL."""
    one = on_sqlite(sqlite_template, tmp_path)
    live = postgres_server.create(postgres_template)
    names = [live]

    def restore() -> None:
        postgres_server.replace(live, names[1])

    other = installed("postgresql", postgres_server.url(live), tmp_path / "other", restore)
    names.append(postgres_server.create(live))
    yield one, other
    for each in (one, other):
        each.close()
    for name in names:
        postgres_server.drop(name)


@pytest.fixture
def here(standing_clock: None, sqlite_template: Path, tmp_path: Path) -> Iterator[Installation]:
    """The firm; its owner has a password."""
    made = on_sqlite(sqlite_template, tmp_path, plain)
    with inside(made) as session:
        owner = session.get_one(StaffUser, made.ground.world.owner.staff_user_id)
        owner.password_hash = passwords.make_hash(PASSWORD)
        session.commit()
    yield made
    made.close()


def inside(installation: Installation) -> Session:
    with installation.app.app_context():
        return Session(db.engine, execution_options={"write": True})


def without_tokens(page: str) -> str:
    """A page without what is typed into it, and without the random tokens of its forms."""
    return re.sub(r'value="[^"]*"|"X-CSRFToken":"[^"]*"', "", page)
