"""A few appointments and a great many, on either engine, and somebody at the desk who opens pages."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support.desks import Desk, desk_over
from tests.support.engines import ENGINES

FEW, MANY = 10, 40_000
DeskOf = Callable[[int], Desk]


ORDINARY = "an ordinary role"
"""PostgreSQL by a role that owns its tables and obeys their policies; the rows are put there by another."""


@pytest.fixture(scope="session", params=[*ENGINES, ORDINARY])
def desk_of(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskOf]:
    """Gives the desk over so many appointments, made once for an engine."""
    made: dict[int, Desk] = {}
    sqlite, ordinary = request.param == "sqlite", request.param == ORDINARY
    names = ("site_template", "site_server") if ordinary else ("postgres_template", "postgres_server")
    # Asked for before anything is made of them, so that they go after it.
    template = request.getfixturevalue("sqlite_template" if sqlite else names[0])
    server = None if sqlite else request.getfixturevalue(names[1])
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
                url = fresh_url(folder)
                admin = (
                    request.getfixturevalue("postgres_server").url(make_url(url).database) if ordinary else ""
                )
                made[count] = stack.enter_context(
                    desk_over(url, count, folder, contacts=count // 2, filled_by=admin)
                )
            return made[count]

        yield desk
