"""The application over a firm with so many appointments, and somebody at its desk who opens pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import NOW, make_world
from tests.support.engines import make_app, settings_for
from tests.support.many import fill
from tests.support.signed_in import COOKIE, token_for
from tests.support.statements import Statement, captured
from webapp.extensions import db
from webapp.models.engine import make_engine


@dataclass(frozen=True)
class Desk:
    """An application over so many appointments, with the manager signed in."""

    app: Flask
    engine: Engine
    browser: FlaskClient
    cookie: str
    count: int

    def statements(self, path: str, headers: dict[str, str] | None = None, **data: Any) -> list[Statement]:
        """What a page asks the database, the whole answer read; with data it is posted to."""
        with time_machine.travel(NOW, tick=False), captured(self.engine) as found:
            answer = self.browser.post(path, data=data) if data else self.browser.get(path, headers=headers)
            answer.get_data()
            answer.close()
        assert answer.status_code in {200, 204, 304}, f"{path} answered {answer.status_code}"
        return found


@contextmanager
def desk_over(
    url: str,
    count: int,
    folder: Path,
    *,
    contacts: int = 0,
    firms: int = 1,
    turns: int = 1,
    at_length: bool = False,
    filled_by: str = "",
) -> Iterator[Desk]:
    """Fill a migrated database and open the application on it, at the desk of the first firm.

    Each firm has its part of the appointments, in so many ``turns`` a day; ``contacts`` are a firm's. A role
    that policies bind cannot COPY: ``filled_by`` is the address for one that can.
    """
    engine = make_engine(filled_by or url)
    app = make_app(settings_for(url, folder))
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    with Session(engine) as session:
        worlds = [make_world(session), *(make_world(session, f"firm{n}") for n in range(2, firms + 1))]
        for world in worlds:
            fill(engine, world, count // firms, contacts=contacts, turns=turns, at_length=at_length)
        with time_machine.travel(NOW, tick=False):
            cookie = token_for(app, worlds[0].manager)
    engine.dispose()
    with app.app_context():
        inside = db.engine
    browser = app.test_client()
    browser.set_cookie(COOKIE, cookie)
    yield Desk(app, inside, browser, cookie, count)
    inside.dispose()
