"""What the worker's tests share: a firm, processes of their own, and what they find in their environment."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World, make_world
from tests.support.engines import ROOT, SECRET_KEY

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session that begins as a writer, like the worker's."""
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    """Marlow's, a firm in London, committed."""
    return make_world(session)


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "DAYBOOK_INSTANCE": str(tmp_path / "instance"),
        "DAYBOOK_ENV": "development",
        "SECRET_KEY": SECRET_KEY,
        "PATH": "",
    }


@pytest.fixture
def daybook(environment: dict[str, str]) -> Iterator[Start]:
    """Starts ``daybook`` with these arguments as a process; who still runs at the end is killed."""
    yield from _starter(lambda *words: ["-m", "webapp.cli", *words], environment)


@pytest.fixture
def standing(environment: dict[str, str], database_url: str, tmp_path: Path) -> Iterator[Start]:
    """A worker whose clock stands still: ``standing(now, smtp_url, dealings before it is killed)``.

    With 0 it does one round of everything.
    """

    def words(now: datetime, smtp_url: str, last: int) -> list[str]:
        return [
            "-m",
            "tests.worker.working_process",
            database_url,
            now.isoformat(),
            smtp_url,
            str(tmp_path),
            str(last),
        ]

    yield from _starter(words, environment)


def _starter(words: Callable[..., list[str]], environment: dict[str, str]) -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: object, **more: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-u", *words(*arguments)],
            cwd=ROOT,
            env=environment | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def read_until(process: "subprocess.Popen[str]", words: str) -> list[str]:
    """The lines that a process prints, up to one that has these words in it."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if words in line:
            return lines
    pytest.fail(f"it ended without {words!r}:\n" + "\n".join(lines))
