"""A command line over a fresh database, run in process as click runs it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask.cli import ScriptInfo
from sqlalchemy.orm import Session

from tests.factories import World, make_world
from tests.support.engines import SECRET_KEY
from webapp.cli import cli
from webapp.cli.base import load_app

Daybook = Callable[..., Result]


@pytest.fixture
def environment(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the commands find in their environment: a development installation over ``database_url``."""
    values = {
        "DATABASE_URL": database_url,
        "DAYBOOK_INSTANCE": str(tmp_path / "instance"),
        "DAYBOOK_ENV": "development",
        "SECRET_KEY": SECRET_KEY,
    }
    for name in ("PORT", "DAYBOOK_TLS", "DAYBOOK_PROXIES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@pytest.fixture
def daybook(environment: dict[str, str]) -> Daybook:
    """Runs ``daybook`` with these arguments. A command that fails by a traceback fails the test."""

    def run(*arguments: str | Path, stdin: str = "") -> Result:
        app = ScriptInfo(create_app=load_app, set_debug_flag=False)
        result = CliRunner().invoke(
            cli, [str(argument) for argument in arguments], input=stdin, obj=app, prog_name="daybook"
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def world(session: Session) -> World:
    """Marlow's, a firm in London, committed."""
    world = make_world(session)
    for thing in (world.firm, world.staff, world.kind, world.contact):
        session.refresh(thing)
    session.rollback()
    return world
