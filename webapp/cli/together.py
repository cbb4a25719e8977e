"""Several of Daybook's commands in one terminal: each line says whose it is, and they stop together."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import IO

import click

LOOK = 0.1  # seconds until an end or a signal is noticed at the latest
GRACE = 50.0  # seconds until who does not stop is killed
SITE = "web"
GONE = (
    "The {name} has ended ({how}). The site goes on without it: outcomes, mail and time-outs wait. "
    "Start it again with `daybook worker`."
)


def run(commands: Mapping[str, Sequence[str]]) -> int:
    """Run each command as a process of its own until Ctrl-C, SIGTERM, or the end of the site.

    Any other command that ends is reported and leaves the rest running.

    Returns:
        The exit code: 0 when they were told to stop and did, else that of who ended badly.
    """
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    running = {name: _start(name, command) for name, command in commands.items()}
    code = 1
    try:
        code = _watch(running, asked)
    finally:
        code = _stop(running) or code
        for number, handler in before.items():
            signal.signal(number, handler)
    return code


def _start(name: str, command: Sequence[str]) -> "subprocess.Popen[str]":
    """The command in a process group of its own, so that Ctrl-C reaches it through this process alone."""
    process = subprocess.Popen(  # noqa: S603  the program is this one
        [sys.executable, "-u", "-m", "webapp.cli", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    threading.Thread(target=_copy, args=(name, process.stdout), daemon=True).start()
    click.echo(f"{name:6} | started as process {process.pid}")
    return process


def _copy(name: str, lines: IO[str] | None) -> None:
    for line in lines or ():
        click.echo(f"{name:6} | {line.rstrip()}")


def _watch(running: "dict[str, subprocess.Popen[str]]", asked: list[int]) -> int:
    """Wait for a request to stop (0) or for the end of the site (its code)."""
    while not asked:
        for name, process in list(running.items()):
            code = process.poll()
            if code is None:
                continue
            del running[name]
            if name == SITE:
                click.echo(f"The site has ended ({_how(code)}). Everything else stops too.")
                return 1 if code < 0 else code
            click.echo(GONE.format(name=name, how=_how(code)))
        time.sleep(LOOK)
    return 0


def _stop(running: "dict[str, subprocess.Popen[str]]") -> int:
    """Ask who still runs to stop, wait, and kill who does not; returns 0 if all ended in good order."""
    for process in running.values():
        process.terminate()
    worst, deadline = 0, time.monotonic() + GRACE
    for name, process in running.items():
        try:
            code = process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        click.echo(f"{name:6} | ended ({_how(code)})")
        if code != -signal.SIGTERM:  # who has not quite begun may end just like that
            worst = worst or (1 if code < 0 else code)
    return worst


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
