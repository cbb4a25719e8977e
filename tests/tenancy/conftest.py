"""Two firms on one installation, set up once for each engine, and put back as it was when asked."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import NOW
from tests.support.engines import dispose, make_app, settings_for
from tests.support.postgres import Server
from tests.support.signed_in import COOKIE
from tests.tenancy.ground import FAR, NEAR, Stock, build, numbered_from
from webapp.extensions import db
from webapp.models import Base, tenancy
from webapp.vocabulary import Role

FORM_COOKIE = "daybook-form"
Dump = dict[str, list[tuple[str, ...]]]
NOTED = {
    ("user_session", "last_seen_at"),
    ("calendar_feed", "last_read_at"),
    ("api_token", "last_used_at"),
    ("api_token", "window_start"),
    ("api_token", "window_count"),
}
"""What reading leaves behind, and nothing else: that a session, a feed or a token was used."""


@dataclass
class Installation:
    """An application over two firms: ``ours``, for whom everybody here works, and ``theirs``."""

    app: Flask
    ours: Stock
    theirs: Stock
    keep: Any
    restore: Any
    forms: dict[Role | None, str] = field(default_factory=dict)
    before_the_walk: Dump = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        with self.app.app_context():
            return db.engine

    def visitor(self, role: Role | None = None) -> FlaskClient:
        """A browser; of somebody with this role in our firm, or of nobody. It has seen a form before, so that
        no answer differs by the token that it begins with.
        """
        browser = self.app.test_client()
        if role is not None:
            browser.set_cookie(COOKIE, self.ours.cookies[role])
        if role not in self.forms:
            browser.get("/sign-in" if role is None else "/preferences")
            self.forms[role] = browser.get_cookie(FORM_COOKIE).value  # type: ignore[union-attr]
        browser.set_cookie(FORM_COOKIE, self.forms[role])
        return browser

    def as_it_was(self) -> None:
        """Put the database back as it was set up."""
        with self.app.app_context():
            dispose(self.app)
        self.restore()

    def dump(self) -> Dump:
        """Every row of every table, without the columns that reading may write."""
        return dumped(self.engine)


def dumped(engine: Engine) -> Dump:
    found: Dump = {}
    with engine.connect().execution_options(**tenancy.EVERY_FIRM) as connection:
        for table in Base.metadata.sorted_tables:
            kept = [column for column in table.c if (table.name, column.name) not in NOTED]
            found[table.name] = sorted(tuple(map(str, row)) for row in connection.execute(sa.select(*kept)))
        connection.rollback()
    return found


def set_up(url: str, folder: Path, **parts: Any) -> Installation:
    """Two firms in a migrated database; the clock stands at their ``now``."""
    app = make_app(replace(settings_for(url, folder), api_rate=1_000_000))
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    with app.app_context():
        engine = db.engine
    with Session(engine, expire_on_commit=False, info=tenancy.EVERY_FIRM) as session:
        with numbered_from(session, NEAR):
            ours = build(session, app, slug="marlow", mark="OurFirmsWord")
        with numbered_from(session, FAR):
            theirs = build(session, app, slug="harbour", mark="TheirFirmsWord")
    return Installation(app, ours, theirs, **parts)


def on_sqlite(template: Path, folder: Path) -> Iterator[Installation]:
    live, kept = folder / "daybook.sqlite3", folder / "kept.sqlite3"
    shutil.copyfile(template, live)

    def keep() -> None:
        shutil.copyfile(live, kept)

    def restore() -> None:
        for rest in ("-wal", "-shm"):
            live.with_name(live.name + rest).unlink(missing_ok=True)
        shutil.copyfile(kept, live)

    yield from _kept(set_up(f"sqlite:///{live}", folder, keep=keep, restore=restore))


def on_postgres(server: Server, template: str, folder: Path) -> Iterator[Installation]:
    live = server.create(template)
    names: list[str] = [live]

    def keep() -> None:
        names.append(server.create(live))

    def restore() -> None:
        server.replace(live, names[-1])

    try:
        yield from _kept(set_up(server.url(live), folder, keep=keep, restore=restore))
    finally:
        for name in names:
            server.drop(name)


def _kept(installation: Installation) -> Iterator[Installation]:
    with installation.app.app_context():
        dispose(installation.app)
    installation.keep()
    yield installation
    with installation.app.app_context():
        dispose(installation.app)


@pytest.fixture(scope="module")
def standing_clock() -> Iterator[None]:
    """The clock of the application stands at the firms' ``now``."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def both(
    request: pytest.FixtureRequest, standing_clock: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """The installation, on each engine in turn; on PostgreSQL by a role that its policies bind."""
    folder = tmp_path_factory.mktemp("tenancy")
    if request.param == "sqlite":
        yield from on_sqlite(request.getfixturevalue("sqlite_template"), folder)
    else:
        parts = (request.getfixturevalue(name) for name in ("site_server", "site_template"))
        yield from on_postgres(*parts, folder)


@pytest.fixture(scope="module")
def one(
    standing_clock: None, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """The installation on SQLite."""
    yield from on_sqlite(sqlite_template, tmp_path_factory.mktemp("tenancy"))
