"""A file and the count at its head are of one instant, whatever is committed while it is read."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World, make_contact, make_world
from webapp.models import Contact
from webapp.queries import snapshots


def read(engine: Engine, world: World) -> snapshots.Counted[str]:
    question = sa.select(Contact.name).where(Contact.firm_id == world.firm.firm_id).order_by(Contact.name)
    return snapshots.every(engine, question, str)


def names(session: Session, world: World) -> list[str]:
    found: Any = session.scalars(sa.select(Contact.name).where(Contact.firm_id == world.firm.firm_id))
    return sorted(found)


def test_what_is_committed_between_the_count_and_the_rows_is_in_neither(
    engine: Engine, session: Session
) -> None:
    world = make_world(session)
    session.commit()
    before = names(session, world)
    session.commit()
    found = read(engine, world)
    assert len(found) == len(before)
    make_contact(session, world.firm, "Zoe Later")
    session.commit()
    assert list(found) == before
    assert names(session, world) == [*before, "Zoe Later"]


def test_it_only_reads_and_gives_its_connection_back(engine: Engine, session: Session) -> None:
    world = make_world(session)
    session.commit()
    before = names(session, world)
    session.commit()
    found = read(engine, world)
    found.close()
    assert list(found) == []
    make_contact(session, world.firm, "Zoe Later")
    session.commit()
    assert len(list(read(engine, world))) == len(before) + 1
