"""Everything around a browser as in life: the site, a worker and a mail server, each a process.

Nothing moves the clock. What is to become due is set to become due a little later than now, and awaited.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import TypeVar

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from tests.support.engines import ROOT, SECRET_KEY
from webapp import clock
from webapp.models import Appointment, AppointmentStatusHistory, OutboxEvent

PATIENCE = 120.0  # seconds that anything may take on a machine that is busy with other things
PAGE_MS = 60_000
LOOK = 0.1
LINK = re.compile(r"/[ic]/[\w-]{43}")

Found = TypeVar("Found")


def until(look: Callable[[], Found | None], what: str) -> Found:
    """Look again and again until there is something; fails, naming what was awaited, after the patience."""
    give_up, pause = monotonic() + PATIENCE, Event()
    while not (found := look()):
        assert monotonic() < give_up, f"after {PATIENCE:g} s still waiting for {what}"
        pause.wait(LOOK)
    return found


@dataclass
class Process:
    """A program that runs, and the last lines that it printed."""

    name: str
    running: "subprocess.Popen[str]"
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=200))

    def __post_init__(self) -> None:
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.running.stdout is not None
        with self.running.stdout as printed:
            for line in printed:
                self.lines.append(line.rstrip())

    def says(self, words: str) -> str:
        """The first line with these words in it, once it is printed."""

        def look() -> str | None:
            assert self.running.poll() is None, f"{self.name} has ended:\n{self.told()}"
            return next((line for line in list(self.lines) if words in line), None)

        return until(look, f"{words!r} from {self.name}")

    def told(self) -> str:
        return "\n".join(self.lines)

    def stop(self) -> int:
        """End it in good order; returns its exit code. What does not end within the patience is killed."""
        self.running.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Its exit code, once it has ended and everything that it printed is read."""
        try:
            code = self.running.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.running.kill()
            code = self.running.wait()
        self._reader.join(PATIENCE)
        return code


@dataclass
class Town:
    """The processes, the letters, and a look into the database behind them."""

    engine: Engine
    browser: Browser
    url: str
    letters_in: Path
    start: Callable[..., Process]

    def session(self) -> Session:
        return Session(self.engine, execution_options={"write": True}, expire_on_commit=False)

    def visitor(self, path: str) -> Page:
        """Somebody in a browser of their own."""
        page = self.browser.new_context(base_url=self.url, reduced_motion="reduce").new_page()
        page.set_default_timeout(PAGE_MS)
        page.goto(path)
        return page

    def letters(self, address: str, *, least: int = 0) -> list[EmailMessage]:
        """What the mail server took for this address, in order, once there are so many."""

        def look() -> list[EmailMessage] | None:
            parse = BytesParser(policy=default).parsebytes
            mails = [parse(path.read_bytes()) for path in sorted(self.letters_in.glob("*.eml"))]
            found = [mail for mail in mails if address in str(mail["To"])]
            return found if len(found) >= least else None

        if not least:
            return look() or []
        return until(look, f"{least} mails to {address}")

    def link(self, address: str, *, least: int = 1) -> str:
        """The personal link in the last of so many mails to this address."""
        body = self.letters(address, least=least)[-1].get_body(("plain",))
        assert body is not None
        found = LINK.search(body.get_content())
        assert found is not None, body.get_content()
        return found[0]

    def reports(self, secret: str, number: int, side: str, joined_at: datetime) -> None:
        """The video provider calls: this side has joined that meeting."""
        body = json.dumps({"appointment_id": number, "side": side, "joined_at": joined_at.isoformat()})
        name, now = f"{number}-{side}", clock.now()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(name, now, body),
        }
        address = f"{self.url}/hooks/attendance/marlow"
        request = urllib.request.Request(address, data=body.encode(), headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            assert json.load(answer) == {"recorded": True}

    def get(self, number: int) -> Appointment:
        with self.session() as session:
            return session.get_one(Appointment, number)

    def steps(self, number: int) -> list[AppointmentStatusHistory]:
        """The history of an appointment; each row has its outbox event, and the last one is its status."""
        history, events = AppointmentStatusHistory, OutboxEvent
        with self.session() as session:
            if self.engine.dialect.name == "postgresql":  # the worker may commit between two statements
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            found = session.get_one(Appointment, number)
            rows = session.scalars(
                sa.select(history).where(history.appointment_id == number).order_by(history.sequence)
            ).all()
            told = session.scalars(
                sa.select(events.sequence).where(events.appointment_id == number).order_by(events.sequence)
            ).all()
            assert [row.sequence for row in rows] == list(told) == list(range(1, len(rows) + 1))
            assert rows[-1].to_status is found.status
            return list(rows)

    def story(self, number: int) -> list[tuple[str, str, str | None]]:
        """``(action, to_status, reason)`` of each history row."""
        return [(row.action.value, row.to_status.value, row.reason) for row in self.steps(number)]


def timeline(page: Page, number: int) -> list[str]:
    """The entries of an appointment's history as staff read them, the newest first."""
    page.goto(f"/appointments/{number}")
    return [" ".join(text.split()) for text in page.locator("#history .event").all_inner_texts()]


@contextmanager
def a_town(engine: Engine, url: str, folder: Path, browser: Browser) -> Iterator[Town]:
    """The site and the mail server run; the worker is for the test to start. At the end all are stopped."""
    running: list[Process] = []
    letters = folder / "letters"
    letters.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "DATABASE_URL": url,
        "DAYBOOK_INSTANCE": str(folder / "instance"),
        "PORT": str(port),
        "SECRET_KEY": SECRET_KEY,
        "PATH": os.defpath,
    }

    def start(*words: str) -> Process:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", *words],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(Process(" ".join(words), process))
        return running[-1]

    try:
        environment["SMTP_URL"] = start("tests.browser.post_office", str(letters)).says("smtp://")
        town = Town(engine, browser, f"http://127.0.0.1:{port}", letters, start)
        site = start("webapp.cli", "serve")
        site.says("Daybook is at")
        until(lambda: _answers(f"{town.url}/healthz"), "the site")
        yield town
    finally:
        for process in running:
            process.stop()


def _answers(url: str) -> bool:
    """Whether somebody listens; the socket is bound a moment after the address is printed."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except urllib.error.URLError as error:
        if isinstance(error.reason, ConnectionRefusedError):
            return False
        pytest.fail(f"{url}: {error}")
