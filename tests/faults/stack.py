"""One installation as it runs for real: site, worker, database, mail server and a receiver of webhooks."""

import contextlib
import http.client
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World, make_contact, make_world
from tests.faults.cluster import Cluster, children, kill
from tests.faults.post import Post
from tests.support.api import token_of
from tests.support.engines import ROOT, SECRET_KEY
from tests.support.receiver import Receiver, receiver
from tests.support.smtp import MailServer, closed_port, mail_server
from webapp.cli.serve import THREADS
from webapp.lifecycle import access, webhooks
from webapp.lifecycle.webhook_secrets import secret_of
from webapp.models.engine import make_engine

LOOPBACK = ip_network("127.0.0.0/8")
PATIENCE = 60  # seconds
LOOK = 0.06  # seconds between two looks at what is waited for
LEASES_END = timedelta(minutes=6)
TOKENS = 32
SITE_PROCESSES = 2
EVERY = "0.4"  # seconds between two rounds of the worker


@dataclass
class Stack:
    """What runs, and the ways to strike at it. ``database`` is the name on the cluster; None on SQLite."""

    folder: Path
    url: str
    guards_off: str
    mail: MailServer
    hooks: Receiver
    cluster: Cluster | None = None
    database: str | None = None
    port: int = field(default_factory=closed_port)
    workers: int = 1
    every: str = EVERY
    processes: int = SITE_PROCESSES
    threads: int = THREADS
    world: World = field(init=False)
    tokens: list[str] = field(init=False)
    cookie: str = field(init=False)
    post: Post = field(default_factory=Post)
    loads: int = 0
    engine: Engine = field(init=False)
    ahead: timedelta = timedelta()
    site: "subprocess.Popen[bytes]" = field(init=False)
    at_work: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def name(self) -> str:
        return "postgresql" if self.cluster else "sqlite"

    def now(self) -> datetime:
        """By the clock that the processes read."""
        return datetime.now(UTC) + self.ahead

    def pass_(self, span: timedelta) -> None:
        """Move the clock of every process, forwards or back."""
        self.ahead += span
        aside = self.folder / "clock.new"
        aside.write_text(str(self.ahead.total_seconds()))
        aside.replace(self.folder / "clock")

    def seed(self) -> None:
        """A firm, its tokens, somebody signed in, and an endpoint that is told of everything."""
        self.pass_(timedelta())
        self.engine = make_engine(self.url)
        with self.writer() as session:
            self.world = world = make_world(session)
            self.contacts = [make_contact(session, world.firm, f"Client{n} Byron") for n in range(8)]
            facts = webhooks.checked(webhooks.Facts(url=self.hooks.url), networks=(LOOPBACK,))
            found = webhooks.create(session, actor=world.acting(world.manager), facts=facts, now=world.now)
            self.tokens = [token_of(session, world, world.owner) for _ in range(TOKENS)]
            self.cookie = access.open_session(session, world.manager, now=self.now())
            session.commit()
            self.post.heard.secret = secret_of(found.webhook_endpoint_id, key=SECRET_KEY, turn=0)

    def collect(self) -> None:
        """Take in what has arrived outside."""
        self.post.collect(self.mail, self.hooks)

    def writer(self) -> Session:
        return Session(self.engine, execution_options={"write": True}, expire_on_commit=False)

    def reader(self) -> Session:
        return Session(self.engine, expire_on_commit=False)

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of ``daybook`` to its end."""
        program = [sys.executable, "-m", "webapp.cli", *words]
        return subprocess.run(
            program, cwd=ROOT, env=self._environment(), capture_output=True, text=True, check=False
        )

    @property
    def program(self) -> list[str]:
        """How ``daybook`` is started."""
        return ["-m", "tests.faults.process"]

    def _environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.url,
            "DAYBOOK_INSTANCE": str(self.folder / "instance"),
            "DAYBOOK_ENV": "development",
            "SECRET_KEY": SECRET_KEY,
            "PORT": str(self.port),
            "SMTP_URL": self.mail.url,
            "DAYBOOK_API_RATE": "1000000",
            "DAYBOOK_WEBHOOK_NETWORKS": str(LOOPBACK),
            "DAYBOOK_FAULT_CLOCK": str(self.folder / "clock"),
            "DAYBOOK_FAULT_GUARDS_OFF": self.guards_off,
            "PATH": os.environ.get("PATH", ""),
        }

    def _begin(self, log: str, *words: str) -> "subprocess.Popen[bytes]":
        setpriv = shutil.which("setpriv")
        front = [setpriv, "--pdeathsig=KILL"] if setpriv else []  # nobody outlives the tests
        program = [*front, sys.executable, "-u", *self.program, *words]
        with (self.folder / log).open("ab") as output:
            return subprocess.Popen(
                program,
                cwd=ROOT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def start_site(self) -> None:
        sizes = ["--workers", str(self.processes), "--threads", str(self.threads)]
        self.site = self._begin("site.log", "serve", *sizes)

    def start_workers(self) -> None:
        """Start workers up to the number that there should be; a lease of one that died has ended."""
        while len(self.at_work) < self.workers:
            self.at_work.append(self._begin("worker.log", "worker", "--every", self.every))

    def start(self) -> None:
        self.start_site()
        self.start_workers()
        self.wait_until_back()

    def wait_until_back(self) -> None:
        """Until the site answers that it is ready, from as many processes as it should have."""
        self.wait_for(self.is_ready, "the site is not ready")

    def is_ready(self) -> bool:
        up = len(children(self.site.pid)) == self.processes
        return up and self.ask("/readyz") == 200 and self.worker_beats()

    def worker_beats(self) -> bool:
        """Whether each worker that runs has said that it began."""
        log = self.folder / "worker.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        return all(f":{process.pid}:" in text for process in self.at_work)

    def ask(self, path: str) -> int:
        """The status of a page; 0 if nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        return 0

    def wait_for(self, true: Callable[[], bool], otherwise: str, seconds: float = PATIENCE) -> None:
        give_up = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < give_up, f"{self.tail()}\n{otherwise}"
            time.sleep(LOOK)

    def tail(self) -> str:
        """The last lines of each log."""
        logs = [path for path in self.folder.glob("*.log") if path.stat().st_size]
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-2000:]}" for path in logs)

    def victims(self) -> "dict[str, Callable[[], None]]":
        """Ways to kill a part, by name; each starts again what nobody else would."""
        found = {
            "site": self.kill_site,
            "site's master": self.kill_master,
            "site's child": self.kill_child,
            "worker": self.kill_worker,
            "site and worker": self.kill_all,
        }
        if self.cluster is not None:
            found |= {"PostgreSQL": self.kill_postgres, "backend": self.kill_backend, "all": self.kill_all}
        return found

    def kill_site(self) -> None:
        self._kill_group(self.site)
        self.start_site()

    def kill_master(self) -> None:
        """Its children are left over: they must notice, and let go of the address."""
        os.kill(self.site.pid, signal.SIGKILL)
        self.site.wait()
        self.start_site()

    def kill_child(self) -> None:
        if found := children(self.site.pid):
            kill([random.choice(found)])

    def stop_workers(self) -> None:
        """Kill every worker; what they had in hand is free again."""
        for process in self.at_work:
            self._kill_group(process)
        self.at_work.clear()
        self.pass_(LEASES_END)

    def kill_worker(self) -> None:
        self.stop_workers()
        self.start_workers()

    def kill_postgres(self) -> None:
        assert self.cluster is not None
        self.cluster.kill()
        self.pass_(LEASES_END)
        self.cluster.start()

    def kill_backend(self) -> None:
        assert self.cluster is not None
        assert self.database is not None
        self.cluster.kill_backend(self.database)
        self.pass_(LEASES_END)

    def kill_all(self) -> None:
        self._kill_group(self.site)
        self.stop_workers()
        if self.cluster is not None:
            self.cluster.kill()
            self.cluster.start()
        self.start_site()
        self.start_workers()

    def _kill_group(self, process: "subprocess.Popen[bytes]") -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for process in [self.site, *self.at_work]:
            self._kill_group(process)


@contextlib.contextmanager
def running(
    folder: Path,
    url: str,
    *,
    guards_off: str = "",
    workers: int = 1,
    cluster: Cluster | None = None,
    database: str | None = None,
) -> Iterator[Stack]:
    """A stack over a fresh, migrated database; everything in it has ended afterwards."""
    with mail_server() as mail, receiver() as hooks:
        stack = Stack(folder, url, guards_off, mail, hooks, cluster, database, workers=workers)
        stack.seed()
        try:
            stack.start()
            yield stack
        finally:
            stack.stop()
            stack.engine.dispose()
