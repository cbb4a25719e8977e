"""``daybook serve --with-worker``: the site and a worker in one terminal."""

import os
import re
import signal
import socket
from time import monotonic

import pytest

from tests.factories import World
from tests.worker.conftest import Start, read_until

pytestmark = pytest.mark.one_engine("sqlite")  # it is about processes

STOPS_WITHIN = 40  # seconds


@pytest.fixture
def port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def answers(port: str) -> bool:
    """Whether somebody listens; the socket is bound a moment after the address is printed."""
    give_up = monotonic() + STOPS_WITHIN
    while monotonic() < give_up:
        with socket.socket() as visitor:
            if visitor.connect_ex(("127.0.0.1", int(port))) == 0:
                return True
    return False


def begin(daybook: Start, port: str) -> tuple[object, dict[str, int]]:
    """Both up; the process and the numbers of its children by name."""
    process = daybook("serve", "--with-worker", "--workers", "1", PORT=port)
    lines = read_until(process, "started as process")
    lines += read_until(process, "started as process")
    numbers = re.findall(r"(web|worker) +\| started as process (\d+)", "\n".join(lines))
    rest = read_until(process, "started worker=")
    if not any("Daybook is at" in line for line in rest):
        read_until(process, "Daybook is at")
    return process, {name: int(number) for name, number in numbers}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_stop_together(daybook: Start, port: str, world: World, number: signal.Signals) -> None:
    process, children = begin(daybook, port)
    assert sorted(children) == ["web", "worker"]
    process.send_signal(number)  # type: ignore[attr-defined]
    assert process.wait(STOPS_WITHIN) == 0  # type: ignore[attr-defined]
    for child in children.values():
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


def test_a_killed_worker_is_told_of_and_the_site_goes_on(daybook: Start, port: str, world: World) -> None:
    process, children = begin(daybook, port)
    os.kill(children["worker"], signal.SIGKILL)
    lines = read_until(process, "The worker has ended")  # type: ignore[arg-type]
    assert "killed by SIGKILL" in lines[-1]
    assert "daybook worker" in lines[-1]
    assert answers(port)
    process.send_signal(signal.SIGTERM)  # type: ignore[attr-defined]
    assert process.wait(STOPS_WITHIN) == 0  # type: ignore[attr-defined]


def test_a_killed_site_ends_everything(daybook: Start, port: str, world: World) -> None:
    process, children = begin(daybook, port)
    os.kill(children["web"], signal.SIGKILL)
    read_until(process, "The site has ended (killed by SIGKILL)")  # type: ignore[arg-type]
    assert process.wait(STOPS_WITHIN) == 1  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(children["worker"], 0)
