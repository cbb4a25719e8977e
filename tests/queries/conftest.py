"""A few appointments and a great many, on either engine, and somebody at the desk who opens pages."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.desks import Desk, desk_over
from tests.support.engines import ENGINES

FEW, MANY = 10, 40_000
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
                made[count] = stack.enter_context(
                    desk_over(fresh_url(folder), count, folder, contacts=count // 2)
                )
            return made[count]

        yield desk
