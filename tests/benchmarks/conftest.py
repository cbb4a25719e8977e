"""Databases that several measurements share, made once for an engine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.desks import Desk, desk_over
from tests.support.engines import ENGINES

FEW, MANY = 10_000, int(os.environ.get("DAYBOOK_BENCH_ROWS") or 100_000)
FIRMS = 5


@pytest.fixture(scope="session", params=ENGINES)
def desks_of_firms(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Desk]]:
    """One firm of ten thousand, and one of five with as many as are asked for, on one engine.

    Each firm has a hundred meetings a day.
    """
    sqlite = request.param == "sqlite"
    template = request.getfixturevalue("sqlite_template" if sqlite else "postgres_template")
    server = None if sqlite else request.getfixturevalue("postgres_server")
    with ExitStack() as stack:
        made = []
        for size, firms in ((FEW, 1), (MANY, FIRMS)):
            folder: Path = tmp_path_factory.mktemp(f"of-{size}")
            if server is None:
                shutil.copyfile(template, folder / "daybook.sqlite3")
                url = f"sqlite:///{folder / 'daybook.sqlite3'}"
            else:
                name = server.create(template)
                stack.callback(server.drop, name)
                url = server.url(name)
            made.append(stack.enter_context(desk_over(url, size, folder, firms=firms, turns=2)))
        yield made
