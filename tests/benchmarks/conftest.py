"""Databases that several measurements share, made once for an engine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.desks import Desk, desk_over
from tests.support.engines import ENGINES

FEW, MANY = 10_000, int(os.environ.get("DAYBOOK_BENCH_ROWS") or 100_000)
SIZES = tuple(sorted({FEW, min(100_000, MANY), MANY}))
FIRMS = 5


class Grounds:
    """Makes desks over fresh databases of one engine; all of them are gone at its end."""

    def __init__(
        self, stack: ExitStack, request: pytest.FixtureRequest, folders: pytest.TempPathFactory
    ) -> None:
        self._stack, self._folders = stack, folders
        sqlite = request.param == "sqlite"
        self._template = request.getfixturevalue("sqlite_template" if sqlite else "postgres_template")
        self._server = None if sqlite else request.getfixturevalue("postgres_server")

    def desk(self, count: int, **how: Any) -> Desk:
        """A desk over so many appointments; ``how`` is for :func:`tests.support.desks.desk_over`."""
        folder = self._folders.mktemp(f"of-{count}")
        if self._server is None:
            shutil.copyfile(self._template, folder / "daybook.sqlite3")
            url = f"sqlite:///{folder / 'daybook.sqlite3'}"
        else:
            name = self._server.create(self._template)
            self._stack.callback(self._server.drop, name)
            url = self._server.url(name)
        return self._stack.enter_context(desk_over(url, count, folder, **how))


@pytest.fixture(scope="session", params=ENGINES)
def grounds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    """Where databases of this engine are made."""
    with ExitStack() as stack:
        yield Grounds(stack, request, tmp_path_factory)


@pytest.fixture(scope="session")
def desks(grounds: Grounds) -> dict[int, Desk]:
    """One firm of each size, smallest first, with three entries and more of each appointment."""
    return {size: grounds.desk(size, at_length=True) for size in SIZES}


@pytest.fixture(scope="session")
def desks_of_firms(grounds: Grounds) -> list[Desk]:
    """One firm of ten thousand, and five firms that together have as many as are asked for.

    Each firm has a hundred meetings a day.
    """
    return [grounds.desk(size, firms=firms, turns=2) for size, firms in ((FEW, 1), (MANY, FIRMS))]
