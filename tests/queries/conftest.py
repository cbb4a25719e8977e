"""A few appointments and a great many, on either engine, and somebody at the desk who opens pages."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support.desks import Desk, desk_over
from tests.support.engines import ENGINES
from tests.support.postgres import Server

FEW, MANY = 10, 40_000
DeskOf = Callable[[int], Desk]


@pytest.fixture(scope="session", params=ENGINES)
def desk_of(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskOf]:
    """Gives the desk over so many appointments, made once for an engine."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield _desks(stack, tmp_path_factory, partial(_copy, request.getfixturevalue("sqlite_template")))
        else:
            # Asked for before anything is made of them, so that they go after it.
            template = request.getfixturevalue("postgres_template")
            server = request.getfixturevalue("postgres_server")
            yield _desks(stack, tmp_path_factory, partial(_database, stack, server, template))


@pytest.fixture(scope="session")
def bound_desk_of(
    postgres_server: Server, site_server: Server, site_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DeskOf]:
    """The same on PostgreSQL by a role that policies bind. It cannot COPY, so another puts the rows there."""
    with ExitStack() as stack:
        fresh_url = partial(_database, stack, site_server, site_template)
        yield _desks(stack, tmp_path_factory, fresh_url, filled_on=postgres_server)


def _copy(template: Path, folder: Path) -> str:
    copy = folder / "daybook.sqlite3"
    shutil.copyfile(template, copy)
    return f"sqlite:///{copy}"


def _database(stack: ExitStack, server: Server, template: str, _folder: Path) -> str:
    name = server.create(template)
    stack.callback(server.drop, name)
    return server.url(name)


def _desks(
    stack: ExitStack,
    folders: pytest.TempPathFactory,
    fresh_url: Callable[[Path], str],
    filled_on: Server | None = None,
) -> DeskOf:
    made: dict[int, Desk] = {}

    def desk(count: int) -> Desk:
        if count not in made:
            folder = folders.mktemp(f"of-{count}")
            url = fresh_url(folder)
            admin = filled_on.url(str(make_url(url).database)) if filled_on else ""
            made[count] = stack.enter_context(
                desk_over(url, count, folder, contacts=count // 2, filled_by=admin)
            )
        return made[count]

    return desk
