"""What the steps of the desk and an idle worker cost, and how that grows with the firm. Printed only.

The floor is what the database took of the same step: its statements and its commit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from sqlalchemy.orm import Session

from tests.benchmarks.measuring import Times, beside_database, grown
from tests.factories import DAY, NOW
from tests.support.desks import Desk
from tests.support.engines import settings_for
from tests.support.signed_in import COOKIE, token_for
from webapp.models import Appointment, AppointmentType, StaffUser
from webapp.ui.when import value_of
from webapp.vocabulary import Role, Status
from webapp.worker import Worker

pytestmark = pytest.mark.benchmark

LATER = NOW + 3 * DAY
"""When the steps are taken: by then some meetings have begun without an outcome."""
RUNS = 15
MOST = 50
"""Rounds until nothing waits."""


@dataclass
class Ready:
    """A desk, and the appointments that its next steps take: keys with versions."""

    desk: Desk
    asked: Iterator[Any]
    begun: Iterator[Any]
    upcoming: Iterator[Any]
    free: Iterator[int]
    staff: int
    kind: int

    def post(self, path: str, **sent: object) -> None:
        answer = self.desk.browser.post(path, data=sent)
        assert answer.status_code == 303, answer.get_data(as_text=True)

    def slot(self) -> dict[str, str]:
        """A time at which nobody has anything yet."""
        start = (LATER + (400 + next(self.free)) * DAY).replace(hour=15)
        return {"day": f"{start:%Y-%m-%d}", "start": value_of(start), "staff_user_id": str(self.staff)}

    def step(self, which: Iterator[Any], path: str, **sent: object) -> None:
        number, version = next(which)
        self.post(f"/appointments/{number}/{path}", version=str(version), **sent)


def book(ready: Ready) -> None:
    facts = {"who": "existing", "contact_id": "20", "appointment_type_id": str(ready.kind), "how": "book"}
    ready.post("/appointments/new", **facts, **ready.slot())


def move(ready: Ready) -> None:
    ready.step(ready.upcoming, "rescheduling", reason="Away", **ready.slot())


STEPS: dict[str, Callable[[Ready], None]] = {
    "book": book,
    "approve": lambda ready: ready.step(ready.asked, "approval"),
    "move": move,
    "cancel": lambda ready: ready.step(ready.upcoming, "cancellation", cancelled_by="client", reason="Ill"),
    "complete": lambda ready: ready.step(ready.begun, "completion"),
    "no-show": lambda ready: ready.step(ready.begun, "no-show", party="client"),
    "edit": lambda ready: ready.step(ready.upcoming, "details", location="Room 9", notes="", contact_id="20"),
}


@pytest.fixture(scope="module")
def ready(desks: dict[int, Desk]) -> dict[int, Ready]:
    """Each desk three days on, somebody signed in."""
    return {size: _ready(desk) for size, desk in desks.items()}


def _ready(desk: Desk) -> Ready:
    def found(*conditions: sa.ColumnElement[bool]) -> Iterator[Any]:
        keys = sa.select(Appointment.appointment_id, Appointment.version).where(*conditions)
        return iter(session.execute(keys.order_by(Appointment.start_time).limit(200)).all())

    confirmed = Appointment.status == Status.CONFIRMED
    with Session(desk.engine) as session:
        manager = session.scalars(sa.select(StaffUser).where(StaffUser.role == Role.MANAGER)).first()
        assert manager is not None
        with time_machine.travel(LATER, tick=False):
            desk.browser.set_cookie(COOKIE, token_for(desk.app, manager))
        return Ready(
            desk=desk,
            asked=found(Appointment.status == Status.REQUESTED, Appointment.start_time > LATER),
            begun=found(confirmed, Appointment.start_time.between(NOW, LATER - timedelta(hours=2))),
            upcoming=found(confirmed, Appointment.start_time > LATER + DAY),
            free=count(),
            staff=session.scalars(sa.select(StaffUser.staff_user_id).where(StaffUser.bookable)).first() or 0,
            kind=session.scalars(sa.select(AppointmentType.appointment_type_id)).first() or 0,
        )


def told(desk: Desk, what: str, found: dict[int, Times]) -> None:
    for size, times in found.items():
        print(
            f"\n{desk.engine.dialect.name:10} {what:30} {size:>9,}: {times.whole:7.2f} ms, "
            f"×{times.ratio:4.2f} of the database's {times.floor:.2f}, growth ×{times.growth:4.2f}",
            end="",
        )


@pytest.mark.parametrize("name", STEPS)
def test_time_of_a_step(ready: dict[int, Ready], name: str) -> None:
    def once(one: Ready) -> tuple[float, float]:
        return beside_database(one.desk.engine, partial(STEPS[name], one))

    with time_machine.travel(LATER, tick=False):
        runs = 4 if name == "approve" else RUNS
        found = grown({size: partial(once, one) for size, one in ready.items()}, runs)
    told(ready[min(ready)].desk, name, found)


def test_time_of_a_worker_with_nothing_to_do(desks: dict[int, Desk], tmp_path: Path) -> None:
    """Each part of a round, once it has done what had waited."""
    workers = {
        size: Worker(desk.engine, settings_for(desk.engine.url.render_as_string(False), tmp_path / str(size)))
        for size, desk in desks.items()
    }
    parts = {size: _parts(worker) for size, worker in workers.items()}
    with time_machine.travel(LATER, tick=False):
        for name in parts[min(parts)]:
            for part in parts.values():
                assert any(not any(part[name]().values()) for _ in range(MOST)), f"{name} finds no end"
            works = {size: partial(beside_database, desks[size].engine, parts[size][name]) for size in desks}
            told(desks[min(desks)], f"idle: {name}", grown(works, RUNS))


def _parts(worker: Worker) -> dict[str, Callable[[], dict[str, int]]]:
    lines = worker._everything()
    return {part.name: partial(part.work, LATER) for line in lines for part in line.parts}
