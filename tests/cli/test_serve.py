"""``daybook serve``: the real server, in a process of its own, over HTTP."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from time import monotonic

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOW
from tests.support.engines import ROOT
from webapp.demo.people import MARLOW, PASSWORD
from webapp.models import Firm

pytestmark = pytest.mark.one_engine("sqlite")  # the server is the same over both

STOPS_WITHIN = 30  # seconds


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


@pytest.fixture
def demo_firm(session: Session) -> None:
    session.add(Firm(name=MARLOW.name, slug=MARLOW.slug, timezone="UTC", is_demo=True, created_at=NOW))
    session.commit()


@pytest.fixture
def server(
    request: pytest.FixtureRequest, environment: dict[str, str], port: int
) -> Iterator[subprocess.Popen[str]]:
    """The server in the environment named by the test: ``development`` unless it says otherwise."""
    env = environment | {
        "DAYBOOK_ENV": getattr(request, "param", "development"),
        "PORT": str(port),
        "PATH": "",
    }
    command = [sys.executable, "-u", "-c", "from webapp.cli import main; main()", "serve"]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        yield process
        process.kill()


def lines_until_address(server: subprocess.Popen[str]) -> list[str]:
    """What it prints before it serves."""
    assert server.stdout is not None
    lines: list[str] = []
    for line in server.stdout:
        lines.append(line.rstrip())
        if line.startswith("Daybook is at "):
            break
    return lines


def status_of(port: int) -> int:
    """The answer to ``/``; the socket is bound a moment after the address is printed."""
    give_up = monotonic() + STOPS_WITHIN
    while True:
        visitor = HTTPConnection("127.0.0.1", port, timeout=STOPS_WITHIN)
        try:
            visitor.request("GET", "/")
            return visitor.getresponse().status
        except ConnectionRefusedError:
            assert monotonic() < give_up, "nobody listens"
        finally:
            visitor.close()


def test_it_serves_prints_the_demo_sign_ins_and_ends_on_sigterm(
    demo_firm: None, server: subprocess.Popen[str], port: int
) -> None:
    lines = lines_until_address(server)
    assert lines[-1] == f"Daybook is at http://127.0.0.1:{port}/ (Ctrl-C stops it)."
    assert f"  owner    {MARLOW.staff[0].email:<28} {PASSWORD}" in lines
    assert status_of(port) == 303
    server.send_signal(signal.SIGTERM)
    assert server.wait(STOPS_WITHIN) == 0


@pytest.mark.parametrize("server", ["production"], indirect=True)
def test_in_production_it_prints_no_sign_ins(
    demo_firm: None, server: subprocess.Popen[str], port: int
) -> None:
    lines = lines_until_address(server)
    assert PASSWORD not in "\n".join(lines)
    assert status_of(port) == 303
    server.send_signal(signal.SIGTERM)
    assert server.wait(STOPS_WITHIN) == 0


def test_what_the_application_is_made_of_is_not_looked_through_for_garbage(
    environment: dict[str, str], session: Session
) -> None:
    asked = (
        "import gc; from webapp.cli.base import load_app; from webapp.cli.serve import Server\n"
        "chosen = load_app().config['SETTINGS']\n"
        "server = Server(chosen, {}, None); app = server.load()\n"
        "print(gc.get_freeze_count(), len(gc.get_objects()))"
    )
    told = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    kept, searched = map(int, told.stdout.split())
    assert kept > 50 * searched
