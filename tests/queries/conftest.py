"""A few appointments and a great many, on either engine, and somebody at the desk who opens pages."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import NOW, make_world
from tests.support.engines import ENGINES, make_app, settings_for
from tests.support.many import fill
from tests.support.signed_in import sign_in
from tests.support.statements import Statement, captured
from webapp.extensions import db
from webapp.models.engine import make_engine

FEW, MANY = 10, 20_000


@dataclass(frozen=True)
class Desk:
    """An application over so many appointments, with the manager signed in."""

    app: Flask
    engine: Engine
    browser: FlaskClient
    count: int

    def statements(self, path: str, **data: Any) -> list[Statement]:
        """What a page asks the database, the whole answer read; with data it is posted to."""
        with time_machine.travel(NOW, tick=False), captured(self.engine) as found:
            answer = self.browser.post(path, data=data) if data else self.browser.get(path)
            answer.get_data()
            answer.close()
        assert answer.status_code == 200, f"{path} answered {answer.status_code}"
        return found


@contextmanager
def desk_over(url: str, count: int, folder: Path) -> Iterator[Desk]:
    """Fill a migrated database and open the application on it."""
    engine = make_engine(url)
    app = make_app(settings_for(url, folder))
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    with Session(engine) as session:
        world = make_world(session)
        fill(engine, world, count, contacts=count // 2)
        with time_machine.travel(NOW, tick=False):
            browser = sign_in(app.test_client(), world.manager)
    engine.dispose()
    with app.app_context():
        inside = db.engine
    yield Desk(app, inside, browser, count)
    inside.dispose()


DeskOf = Callable[[int], Desk]


@pytest.fixture(scope="session", params=ENGINES)
def desk_of(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskOf]:
    """Gives the desk over so many appointments, made once for an engine."""
    made: dict[int, Desk] = {}
    sqlite = request.param == "sqlite"
    # Asked for before anything is made of them, so that they go after it.
    template = request.getfixturevalue("sqlite_template" if sqlite else "postgres_template")
    server = None if sqlite else request.getfixturevalue("postgres_server")
    with ExitStack() as stack:

        def fresh_url(folder: Path) -> str:
            if server is None:
                copy = folder / "daybook.sqlite3"
                shutil.copyfile(template, copy)
                return f"sqlite:///{copy}"
            name = server.create(template)
            stack.callback(server.drop, name)
            return str(server.url(name))

        def desk(count: int) -> Desk:
            if count not in made:
                folder = tmp_path_factory.mktemp(f"of-{count}")
                made[count] = stack.enter_context(desk_over(fresh_url(folder), count, folder))
            return made[count]

        yield desk
