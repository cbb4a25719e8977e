"""The worker: what has to be done without anybody pressing a button, round after round until told to stop.

Lines of work run beside each other, so that a slow mail server holds up no sweep: the sweeps, each minute,
the delivery of events and mail, and the seals of the history, every few seconds, and webhooks, every second.
Each part reads the clock once per round and fails alone. Everything is claimed and committed piece by piece:
a worker that is killed loses nothing.
"""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from webapp import clock
from webapp.config import Settings
from webapp.delivery import events, mail, reminders, seals
from webapp.delivery.webhooks import run as webhooks
from webapp.lifecycle import heartbeats, pruning, transaction
from webapp.lifecycle.sweeps import BATCH, sweep_all
from webapp.models import tenancy

SWEEP_EVERY = 60.0  # seconds
DELIVER_EVERY = 3.0
SEAL_EVERY = 5.0
WEBHOOKS_EVERY = 1.0
BEAT_EVERY = 15.0
PRUNE_EVERY = timedelta(hours=1)
LOOK = 0.1  # seconds until a signal is noticed at the latest
TAKE = 50  # events or mails that one call may handle
MOST_TAKES = 20
GRACE = 45.0  # seconds that the row in hand may still take
HOST_LENGTH = 36

log = logging.getLogger("daybook.worker")

Work = Callable[[datetime], dict[str, int]]


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is done in each round; it tells what it did as counts."""

    name: str
    work: Work


@dataclass(frozen=True, slots=True)
class Line:
    """Parts that follow each other, again and again; ``every`` is the pause in seconds between two rounds."""

    name: str
    every: float
    parts: Sequence[Part]


def new_name() -> str:
    """``host:process:random``: unique among all workers that ever run, at most 60 characters."""
    return f"{socket.gethostname()[:HOST_LENGTH]}:{os.getpid()}:{secrets.token_hex(4)}"


@dataclass
class Worker:
    """Runs the lines of work against one database until :meth:`stop` is asked for.

    ``batch`` is how many rows one transaction of a sweep moves at most; ``lines`` None stands for everything
    that Daybook does by itself.
    """

    engine: Engine
    settings: Settings
    name: str = field(default_factory=new_name)
    every: float = SWEEP_EVERY
    batch: int = BATCH
    lines: Sequence[Line] | None = None
    _asked: bool = False
    _ending: threading.Event = field(default_factory=threading.Event)
    _pruned_at: datetime | None = None

    def session(self) -> Session:
        """A session that begins as a writer, for every firm."""
        return Session(
            self.engine, execution_options={"write": True}, expire_on_commit=False, info=tenancy.EVERY_FIRM
        )

    def stop(self) -> None:
        """End after the row in hand. Safe to call in a signal handler."""
        self._asked = True

    def stopping(self) -> bool:
        return self._asked

    def run(self, *, once: bool = False) -> bool:
        """Work until told to stop, or one round of everything with ``once``.

        Returns:
            Whether all ended in good order: False when a row in hand took longer than the grace, or, with
            ``once``, when a part failed.
        """
        self._beat()
        log.info("started worker=%s every=%gs once=%s", self.name, self.every, str(once).lower())
        failures: list[str] = []
        lines = self.lines if self.lines is not None else self._everything()
        if once:
            lines = [Line("once", 0, [part for line in lines for part in line.parts])]
        threads = [
            threading.Thread(target=self._repeat, args=(line, once, failures), name=line.name, daemon=True)
            for line in lines
        ]
        for thread in threads:
            thread.start()
        in_time = self._watch(threads)
        self._attempt(Part("goodbye", self._goodbye))
        log.info("stopped worker=%s in_time=%s", self.name, str(in_time).lower())
        return in_time and not (once and failures)

    def _watch(self, threads: list[threading.Thread]) -> bool:
        """Show signs of life until every line has ended; once told to stop, wait no longer than the grace."""
        beaten = time.monotonic()
        deadline: float | None = None
        while alive := [thread for thread in threads if thread.is_alive()]:
            alive[0].join(LOOK)
            moment = time.monotonic()
            if self._asked and deadline is None:
                deadline = moment + GRACE
                self._ending.set()
            if deadline is not None and moment > deadline:
                log.error("cut off worker=%s lines=%s", self.name, ",".join(line.name for line in alive))
                return False
            if moment - beaten > BEAT_EVERY:
                beaten = moment
                self._beat()
        return True

    def _repeat(self, line: Line, once: bool, failures: list[str]) -> None:
        while not self._asked:
            now = clock.now()
            for part in line.parts:
                if self._asked:
                    break
                if not self._attempt(part, now):
                    failures.append(part.name)
            if once or self._ending.wait(line.every):
                break

    def _attempt(self, part: Part, now: datetime | None = None) -> bool:
        """Do one part. What goes wrong is logged, and the next round tries again."""
        begun = time.monotonic()
        try:
            did = part.work(now or clock.now())
        except Exception:
            log.exception("part=%s failed", part.name, extra={"facts": {"part": part.name}})
            return False
        if any(did.values()):
            counts = {word: count for word, count in did.items() if count}
            told = {"part": part.name, **counts, "ms": round((time.monotonic() - begun) * 1000)}
            log.info(" ".join(f"{word}={fact}" for word, fact in told.items()), extra={"facts": told})
        return True

    def _everything(self) -> list[Line]:
        delivery = [Part("events", self._events), Part("mail", self._mail)]
        sweeps = [
            Part("sweeps", self._sweeps),
            Part("reminders", self._reminders),
            Part("seal files", self._seal_files),
            Part("pruning", self._prune),
        ]
        return [
            Line("sweeps", self.every, sweeps),
            Line("delivery", min(DELIVER_EVERY, self.every), delivery),
            Line("seals", min(SEAL_EVERY, self.every), [Part("seals", self._seals)]),
            Line("webhooks", min(WEBHOOKS_EVERY, self.every), [Part("webhooks", self._webhooks)]),
        ]

    def _sweeps(self, now: datetime) -> dict[str, int]:
        reports = sweep_all(self.session, now=now, limit=self.batch, stop=self.stopping)
        if not self._asked:
            with self.session() as session:
                transaction.run(session, lambda: heartbeats.swept(session, self.name, now))
        kinds = [kind for report in reports for kind in report.kinds]
        return {
            "moved": sum(kind.moved for kind in kinds),
            "aside": sum(kind.problems for kind in kinds),
            "held": sum(kind.held.row_count for kind in kinds if kind.held is not None and kind.held.new),
            "failed_firms": sum(bool(report.failed) for report in reports),
        }

    def _events(self, now: datetime) -> dict[str, int]:
        return {"handled": self._emptied(events.handle, now)}

    def _mail(self, now: datetime) -> dict[str, int]:
        return {"sent": self._emptied(mail.deliver, now)}

    def _seals(self, now: datetime) -> dict[str, int]:
        return seals.make(self.session, settings=self.settings, now=now, stop=self.stopping)

    def _seal_files(self, now: datetime) -> dict[str, int]:
        return {"kept": seals.keep(self.session, self.settings)}

    def _webhooks(self, now: datetime) -> dict[str, int]:
        return webhooks.deliver(
            self.session, settings=self.settings, now=now, worker=self.name, stop=self.stopping
        )

    def _emptied(self, work: Callable[..., int], now: datetime) -> int:
        """Take from a queue until it gives less than asked for, at most so many times in one round.

        Each take knows how late it has become, so that its claims last as long as they should.
        """
        total = 0
        begun = time.monotonic()
        for _ in range(MOST_TAKES):
            moment = now + timedelta(seconds=time.monotonic() - begun)
            taken = work(
                self.session,
                settings=self.settings,
                now=moment,
                worker=self.name,
                limit=TAKE,
                stop=self.stopping,
            )
            total += taken
            if taken < TAKE or self._asked:
                break
        return total

    def _reminders(self, now: datetime) -> dict[str, int]:
        return {"written": reminders.queue(self.session, settings=self.settings, now=now)}

    def _prune(self, now: datetime) -> dict[str, int]:
        if self._pruned_at is not None and abs(now - self._pruned_at) < PRUNE_EVERY:
            return {}
        with self.session() as session:
            found = pruning.forget(session, now)
        self._pruned_at = now
        return found

    def _beat(self) -> None:
        self._attempt(Part("heartbeat", self._say_alive))

    def _say_alive(self, now: datetime) -> dict[str, int]:
        with self.session() as session:
            transaction.run(session, lambda: heartbeats.beat(session, self.name, now))
        return {}

    def _goodbye(self, now: datetime) -> dict[str, int]:
        with self.session() as session:
            transaction.run(session, lambda: heartbeats.stopped(session, self.name, now))
        return {}
