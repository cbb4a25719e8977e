"""An installation in production's settings over a firm that has grown, with everything around it real."""

import contextlib
import math
import os
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import make_world
from tests.faults.cluster import Cluster, running_cluster
from tests.faults.stack import LOOPBACK, Stack
from tests.load.driving import Plan
from tests.load.people import Desk
from tests.support.api import token_of
from tests.support.engines import migrate
from tests.support.many import fill
from tests.support.postgres import SERVER_OPTIONS
from tests.support.receiver import receiver
from tests.support.smtp import mail_server
from webapp.lifecycle import access, webhooks
from webapp.models import Appointment, Contact, StaffUser
from webapp.models.engine import make_engine

ROLE, DATABASE = "daybook", "daybook"
POSTGRES = SERVER_OPTIONS | {"autovacuum": "on", "shared_buffers": "128MB"}
SEATS = 8  # sessions and tokens
LOOKED_AT = 500  # appointments and contacts


@dataclass
class Site(Stack):
    """``daybook serve`` and ``daybook worker`` as they are; ``flaw`` names something put in on purpose."""

    admin_url: str = ""
    flaw: str = ""
    every: str = "5"
    desk: Desk = field(init=False)
    days: int = 0

    @property
    def program(self) -> list[str]:
        return ["-m", "tests.load.flawed", self.flaw] if self.flaw else ["-m", "webapp.cli"]

    def _environment(self) -> dict[str, str]:
        ours = {name: value for name, value in super()._environment().items() if "FAULT" not in name}
        return ours | {"DAYBOOK_ENV": "production", "DAYBOOK_TLS": "0", "DAYBOOK_LOG": "json"}

    def grow(self, rows: int) -> None:
        """A firm with so many appointments around this moment, and seats at its desk."""
        now = datetime.now(UTC)
        self.engine = make_engine(self.admin_url)
        with self.writer() as session:
            world = replace(make_world(session, timezone="UTC"), now=now)
            facts = webhooks.checked(webhooks.Facts(url=self.hooks.url), networks=(LOOPBACK,))
            webhooks.create(session, actor=world.acting(world.manager), facts=facts, now=now)
            cookies = [access.open_session(session, world.manager, now=now) for _ in range(SEATS)]
            tokens = [token_of(session, world, world.owner) for _ in range(SEATS)]
            session.commit()
        fill(self.engine, world, rows)
        with self.reader() as session:
            self.desk = self._desk(session, world.kind.appointment_type_id, now, cookies, tokens)

    def _desk(
        self, session: Session, kind: int, now: datetime, cookies: list[str], tokens: list[str]
    ) -> Desk:
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        bookable = sa.select(StaffUser.staff_user_id).where(StaffUser.bookable)
        days = sa.func.abs(sa.extract("epoch", Appointment.start_time) - midnight.timestamp())
        near = sa.select(Appointment.appointment_id).order_by(days, Appointment.appointment_id)
        contacts = sa.select(Contact.contact_id).order_by(Contact.contact_id).limit(LOOKED_AT)
        numbers = tuple(session.scalars(near.limit(LOOKED_AT)))
        open_today = near.where(Appointment.start_time >= midnight, Appointment.status == "confirmed")
        return Desk(
            port=self.port,
            cookies=tuple(cookies),
            tokens=tuple(tokens),
            staff=tuple(session.scalars(bookable.order_by(StaffUser.staff_user_id))),
            kind=kind,
            contacts=tuple(session.scalars(contacts)),
            appointments=numbers,
            todays=tuple(session.scalars(open_today.limit(20))),
            midnight=midnight,
        )

    def plan(self, mix: dict[str, float], seconds: float, **how: Any) -> Plan:
        """A load that books where none before it did: a minute fills less than a day of everybody."""
        day, self.days = self.days, self.days + math.ceil(seconds / 60)
        return Plan(self.desk, mix, seconds, day=day, **how)

    def resize(self, processes: int, threads: int) -> None:
        """Serve by so many processes and threads from now on."""
        os.killpg(self.site.pid, signal.SIGTERM)
        self.site.wait()
        self.processes, self.threads = processes, threads
        self.start_site()
        self.wait_until_back()

    def forget_post(self) -> None:
        """Let go of what the receivers keep."""
        with self.mail.lock:
            self.mail.taken.clear()
            self.mail.verbs.clear()
        with self.hooks.lock:
            self.hooks.taken.clear()


def _database(cluster: Cluster, folder: Path) -> None:
    """A database of a role that the policies bind, as in production."""
    cluster.run(f"CREATE ROLE {ROLE} LOGIN")
    cluster.run(f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8' OWNER {ROLE}")
    migrate(cluster.url_of(DATABASE, ROLE), folder)


@contextlib.contextmanager
def running_site(rows: int, *, processes: int = 2, threads: int = 4, flaw: str = "") -> Iterator[Site]:
    """A site with a worker over so many appointments on PostgreSQL; everything has ended afterwards."""
    with contextlib.ExitStack() as around:
        folder = Path(around.enter_context(tempfile.TemporaryDirectory(prefix="daybook-load-")))
        cluster = around.enter_context(running_cluster(POSTGRES))
        mail, hooks = around.enter_context(mail_server()), around.enter_context(receiver())
        _database(cluster, folder)
        url, admin = (cluster.url_of(DATABASE, role) for role in (ROLE, "postgres"))
        site = Site(
            folder,
            url,
            "",
            mail,
            hooks,
            cluster,
            DATABASE,
            processes=processes,
            threads=threads,
            admin_url=admin,
            flaw=flaw,
        )
        site.grow(rows)
        try:
            site.start()
            yield site
        finally:
            site.stop()
            site.engine.dispose()
