"""A fresh, migrated database for each test, on SQLite and on PostgreSQL.

Take ``database_url`` (or ``session``, ``app``, ``client``) and the test runs once on each engine. Take
``sqlite_url`` where the engine is no matter, or mark a test ``one_engine`` with the reason beside it. A test
that drives a live server runs on SQLite alone unless it is marked ``both_engines``.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.support.postgres import Server
from webapp.config import Settings
from webapp.models.engine import make_engine

ROOT = Path(__file__).resolve().parents[2]
ENGINES = ("sqlite", "postgresql")
SECRET_KEY = "a key for tests, long enough and known to everyone"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever ends in a database on every engine it should see."""
    if "database_url" in metafunc.fixturenames:
        metafunc.parametrize("database_url", _engines_for(metafunc), indirect=True)


def _engines_for(metafunc: pytest.Metafunc) -> tuple[str, ...]:
    one = metafunc.definition.get_closest_marker("one_engine")
    if one is not None:
        name = one.args[0] if one.args else one.kwargs.get("name", "sqlite")
        if name not in ENGINES:
            pytest.fail(f"one_engine({name!r}): it is one of {', '.join(ENGINES)}", pytrace=False)
        return (name,)
    live = "live_server" in metafunc.fixturenames
    if live and metafunc.definition.get_closest_marker("both_engines") is None:
        return ("sqlite",)
    return ENGINES


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database on the engine this run of the test is for."""
    engine = getattr(request, "param", "sqlite")
    url: str = request.getfixturevalue("postgres_url" if engine == "postgresql" else "sqlite_url")
    return url


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh, migrated SQLite file."""
    copy = tmp_path / "daybook.sqlite3"
    shutil.copyfile(sqlite_template, copy)
    return f"sqlite:///{copy}"


@pytest.fixture
def postgres_url(postgres_server: Server, postgres_template: str) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database, dropped afterwards."""
    name = postgres_server.create(postgres_template)
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The engine the application would use on ``database_url``, pragmas and transactions included."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session without Flask. Commit before the application or a second session is to see the rows."""
    with Session(engine) as session:
        yield session


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "daybook.sqlite3"
    migrate(f"sqlite:///{path}", path.parent)
    wal = path.with_name(path.name + "-wal")
    assert not wal.exists() or wal.stat().st_size == 0, (
        "a connection is still open: the copy would lack its rows"
    )
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a migrated PostgreSQL database to clone."""
    name = postgres_server.create()
    migrate(postgres_server.url(name), tmp_path_factory.mktemp("template"))
    yield name
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def site_template(site_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database of an ordinary role, to clone: what keeps the firms apart is in force there."""
    name = site_server.create()
    migrate(site_server.url(name), tmp_path_factory.mktemp("template"))
    yield name
    site_server.drop(name)


@pytest.fixture
def site_url(site_server: Server, site_template: str) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database of an ordinary role, dropped afterwards."""
    name = site_server.create(site_template)
    yield site_server.url(name)
    site_server.drop(name)


def settings_for(url: str, instance: Path) -> Settings:
    """The settings of an installation that is used by tests alone."""
    return Settings(
        database_url=url,
        secret_key=SECRET_KEY,
        port=0,
        env="development",
        instance_path=instance / "instance",
    )


def migrate(url: str, instance: Path) -> None:
    """Bring an empty database to the newest schema, the way ``daybook db upgrade`` does."""
    app = make_app(settings_for(url, instance))
    with app.app_context():
        flask_migrate.upgrade(directory=str(ROOT / "migrations"))
        dispose(app)


def make_app(settings: Settings) -> Flask:
    """The application. Imported on first use: a fault in a page must not stop the tests below it."""
    from webapp.app import create_app

    return create_app(settings)


def dispose(app: Flask) -> None:
    """Close the application's connections. Needs its context."""
    for engine in app.extensions["sqlalchemy"].engines.values():
        engine.dispose()
