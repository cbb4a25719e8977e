"""How both engines go about a sweep: what is due by its index, what is moved row by row from the batch."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World
from tests.lifecycle.due_rows import many
from tests.support.statements import Statement, captured, postgres_plan, sqlite_plan
from webapp.lifecycle.sweeps import sweep
from webapp.models import Appointment
from webapp.vocabulary import Status

HOUR = timedelta(hours=1)
PAST, AHEAD, DUE = 6000, 400, 30
BY_TIME = re.compile(r"ix_appointment_(due|staff_due|tracked|requested|awaiting|status_start)")


@pytest.fixture
def firm(session: Session, world: World) -> World:
    """Years of meetings behind it, some to come, a few due, and statistics that say so."""
    many(session, world, PAST, last_end=world.now - 10 * DAY, status=Status.COMPLETED)
    many(session, world, AHEAD, last_end=world.now + AHEAD * timedelta(minutes=15) + HOUR)
    many(session, world, DUE, last_end=world.now - 2 * HOUR, staff_user=world.staff2)
    session.execute(sa.text("ANALYZE"))
    session.commit()
    return world


def asked(session: Session, engine: Engine, world: World) -> list[Statement]:
    with captured(engine) as statements:
        assert sweep(session, firm_id=world.firm.firm_id, now=world.now).moved == DUE
    done = sa.select(sa.func.count()).where(Appointment.status == Status.COMPLETED)
    assert session.scalar(done) == PAST + DUE
    session.rollback()
    return statements


def reads(engine: Engine, statement: Statement) -> list[str]:
    """How each table of appointments and their history is gone through, as far as a plan says it."""
    if engine.dialect.name == "sqlite":
        return sqlite_plan(engine, statement)
    return [
        " ".join(node.get(fact, "") for fact in ("Node Type", "Relation Name", "Index Name", "Index Cond"))
        for node in postgres_plan(engine, statement)
        if node["Node Type"] == "Seq Scan" or "Index Name" in node
    ]


def test_what_is_due_is_found_by_time(session: Session, engine: Engine, firm: World) -> None:
    looking = [
        one
        for one in asked(session, engine, firm)
        if one.short.startswith("SELECT") and "end_time <" in one.sql
    ]
    assert len(looking) == 2  # how much is due, and the batch
    for statement in looking:
        lines = [
            line for line in reads(engine, statement) if re.search(r"appointment\b|ix_appointment", line)
        ]
        lines = [line for line in lines if "attendance" not in line]
        assert lines
        for line in lines:
            assert BY_TIME.search(line), line
            assert re.search(r"(start_time|end_time|confirm_by) ?<", line), line


@pytest.mark.one_engine("sqlite")  # PostgreSQL counts, and reads a table whole that is small beside the batch
def test_a_batch_is_moved_from_its_own_rows(session: Session, engine: Engine, firm: World) -> None:
    writes = [one for one in asked(session, engine, firm) if one.short.startswith(("UPDATE", "INSERT"))]
    assert len(writes) == 3
    for statement in writes:
        first, *rest = reads(engine, statement)
        assert first.startswith("SCAN moves_each"), first
        assert not [line for line in rest if line.startswith("SCAN")], rest
