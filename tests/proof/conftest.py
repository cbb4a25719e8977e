"""A history with everything in it: every status, sets, rows older than their digests, seals, and a rest."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_world
from tests.lifecycle.due_rows import many
from tests.proof.ledger import adopt_all, seal_all
from webapp.lifecycle import sealing
from webapp.lifecycle.sweeps import sweep_all
from webapp.vocabulary import OUTCOMES, Status


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


@pytest.fixture
def ledger(session: Session, engine: Engine, world: World) -> World:
    """Some 25 appointments of Marlow's under four seals, eight of them from an older version, and a rest."""
    for week in range(2):
        for place, status in enumerate(Status):
            at_status(session, status, world, start=_start(world, status, week * 10 + place))
        seal_all(session, world)
    many(session, world, 5, last_end=world.now - 40 * DAY)
    sealing.accept(session, world.firm.firm_id)
    session.commit()
    sweep_all(lambda: Session(engine, execution_options={"write": True}), now=world.now - 39 * DAY)
    adopt_all(session, world)
    seal_all(session, world)
    many(session, world, 3, last_end=world.now - 60 * DAY)
    sealing.accept(session, world.firm.firm_id)
    adopt_all(session, world)
    sweep_all(lambda: Session(engine, execution_options={"write": True}), now=world.now - 59 * DAY)
    seal_all(session, world)
    for place, status in enumerate((Status.CONFIRMED, Status.CANCELLED, Status.REQUESTED)):
        at_status(session, status, world, start=_start(world, status, 30 + place))
    return world


def _start(world: World, status: Status, place: int) -> datetime:
    """Every second day: one that is moved takes the day between."""
    return world.now + (1 + 2 * place) * (-DAY if status in OUTCOMES else DAY)
