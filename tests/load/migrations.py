"""How long people wait while a database that has grown is brought to a newer schema."""

import contextlib
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import flask_migrate
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import make_world
from tests.faults.cluster import running_cluster
from tests.load.site import DATABASE, POSTGRES, ROLE
from tests.support.engines import ROOT, dispose, make_app, migrate, settings_for
from tests.support.many import fill
from webapp.models import tenancy
from webapp.models.engine import make_engine

SCRIPTS = str(ROOT / "migrations")
PAUSE = 0.005  # seconds between two things that the same person does
REST = 2.0  # seconds before each migration
MAILS = 4  # one for each so many appointments
STEP = 37  # appointments from one that is asked for to the next
MAIL = (
    "INSERT INTO mail_message (firm_id, appointment_id, template, dedup_key, recipient_name, recipient, "
    "subject, text_body, html_body, state, attempts, due_at, sent_at, created_at) "
    "SELECT firm_id, appointment_id, 'confirmed', 'confirmed:' || appointment_id, 'Ada', 'ada@b.example', "
    f"'Your meeting', '{'Your meeting is confirmed. ' * 20}', '{'<p>Your meeting is confirmed.</p>' * 40}', "
    "'sent', 1, created_at, created_at, created_at FROM appointment WHERE appointment_id % :each = 0"
)
ENTRY = (
    "INSERT INTO appointment_status_history (firm_id, appointment_id, sequence, action, from_status, "
    "to_status, actor_kind, changed_by_id, actor_label, changed_at, occurred_at) "
    "SELECT firm_id, appointment_id, (SELECT max(sequence) + 1 FROM appointment_status_history AS told "
    "WHERE told.firm_id = one.firm_id AND told.appointment_id = one.appointment_id), 'cancel', 'confirmed', "
    "'completed', actor_kind, changed_by_id, actor_label, changed_at, occurred_at "
    "FROM appointment_status_history AS one WHERE firm_id = :firm AND appointment_id = :one AND sequence = 1"
)
"""An entry as the old program writes it. What it says is not looked at by any migration."""
PEOPLE = {
    "reads": [
        "SELECT status, version FROM appointment WHERE firm_id = :firm AND appointment_id = :one",
        "SELECT to_status, reason FROM appointment_status_history "
        "WHERE firm_id = :firm AND appointment_id = :one ORDER BY sequence",
        "SELECT count(*) FROM mail_message WHERE firm_id = :firm AND appointment_id = :one",
    ],
    "writes appointments": [
        "UPDATE appointment SET notes = notes WHERE firm_id = :firm AND appointment_id = :one"
    ],
    "writes contacts": ["UPDATE contact SET notes = notes WHERE firm_id = :firm AND contact_id = :one"],
    "writes mail": ["UPDATE mail_message SET attempts = 1 WHERE firm_id = :firm AND appointment_id = :one"],
    "writes history": [ENTRY],
}


@dataclass
class Traffic:
    """People at work: the longest that each kind waited, in seconds, by what went on meanwhile."""

    engine: Engine
    firm_id: int
    rows: int
    now: str = ""
    worst: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    done: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    faults: list[str] = field(default_factory=list)

    def go_on(self, kind: str, over: threading.Event) -> None:
        for turn in count(1):
            if over.wait(PAUSE):
                return
            facts = {"firm": self.firm_id, "one": turn * STEP % self.rows + 1}
            begun, before = time.monotonic(), self.now
            try:
                self._do(kind, facts)
            except sa.exc.DBAPIError as error:
                self.faults.append(f"{before or 'before'}: {kind}: {error.orig}")
            took = time.monotonic() - begun
            for what in {before, self.now}:
                self.worst[what, kind] = max(self.worst[what, kind], took)
                self.done[what, kind] += 1

    def _do(self, kind: str, facts: dict[str, int]) -> None:
        options = {"firm": self.firm_id, "write": kind != "reads"}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            for statement in PEOPLE[kind]:
                connection.execute(sa.text(statement), facts)

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        over = threading.Event()
        threads = [threading.Thread(target=self.go_on, args=(kind, over)) for kind in PEOPLE]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()


@dataclass(frozen=True)
class Step:
    """One migration: how long it took, and the longest wait of each kind of people meanwhile, in seconds."""

    revision: str
    seconds: float
    worst: dict[str, float]


def climb(
    engine_name: str, rows: int, *, since: str, tell: Callable[[str], None]
) -> tuple[list[Step], list[str]]:
    """Bring so many appointments, with mail, from a revision to the newest one by one, people at work.

    Returns:
        The steps, and what did not work for the people.
    """
    with _database(engine_name) as (url, admin, folder):
        app = make_app(settings_for(url, folder))
        firm_id, rows = _grow(admin, rows)
        tell(f"{rows:,} appointments on {engine_name}")
        coming = _go_back(app, since)
        engine = make_engine(url)
        traffic = Traffic(engine, firm_id, rows)
        steps = []
        with traffic.going_on():
            for revision in coming:
                time.sleep(REST)
                traffic.now = revision
                begun = time.monotonic()
                with app.app_context():
                    flask_migrate.upgrade(directory=SCRIPTS, revision=revision)
                took = time.monotonic() - begun
                time.sleep(PAUSE * 20)  # who waited has come through
                traffic.now = ""
                steps.append(Step(revision, took, {kind: traffic.worst[revision, kind] for kind in PEOPLE}))
        steps.append(Step("none", REST, {kind: traffic.worst["", kind] for kind in PEOPLE}))
        with app.app_context():
            dispose(app)
        engine.dispose()
        return steps, traffic.faults


@contextlib.contextmanager
def _database(engine_name: str) -> Iterator[tuple[str, str, Path]]:
    """A migrated one: its address as production has it, the address to fill it by, and a folder."""
    with contextlib.ExitStack() as around:
        folder = Path(around.enter_context(tempfile.TemporaryDirectory(prefix="daybook-load-")))
        url = admin = f"sqlite:///{folder / 'daybook.sqlite3'}"
        if engine_name == "postgresql":
            cluster = around.enter_context(running_cluster(POSTGRES))
            cluster.run(f"CREATE ROLE {ROLE} LOGIN")
            cluster.run(f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8' OWNER {ROLE}")
            url, admin = (cluster.url_of(DATABASE, role) for role in (ROLE, "postgres"))
        migrate(url, folder)
        yield url, admin, folder


def _grow(url: str, rows: int) -> tuple[int, int]:
    engine = make_engine(url)
    with Session(engine, info=tenancy.EVERY_FIRM) as session:
        world = make_world(session)
        firm_id = world.firm.firm_id
        session.commit()
        fill(engine, world, rows, at_length=True)
        session.execute(sa.text(MAIL), {"each": MAILS})
        session.commit()
    engine.dispose()
    return firm_id, rows


def _go_back(app: Flask, since: str) -> list[str]:
    """To the schema of a revision; gives those that come after it, the next one first."""
    with app.app_context():
        flask_migrate.downgrade(directory=SCRIPTS, revision=since)
        scripts = ScriptDirectory.from_config(app.extensions["migrate"].migrate.get_config(SCRIPTS))
        return [each.revision for each in scripts.iterate_revisions("head", since)][::-1]
