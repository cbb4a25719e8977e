"""How fast old rows get their digests, entries their seals, and how fast all is verified.

Run with ``make bench``. ``DAYBOOK_BENCH_ROWS`` is how many appointments there are, with two entries each.
Printed are rows a second and, of the verification, the ratio to reading the rows alone.
"""

import os
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World, make_world
from tests.proof.ledger import KEY, adopt_all, check
from tests.support.many import fill
from webapp.lifecycle import sealing
from webapp.queries import proofs

pytestmark = pytest.mark.benchmark

ALL = int(os.environ.get("DAYBOOK_BENCH_ROWS") or 100_000)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        yield session


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = perf_counter()
    found = work()
    return perf_counter() - began, found


def seal_everything(session: Session, world: World) -> int:
    total = 0
    while done := sealing.seal(session, world.firm.firm_id, key=KEY, now=world.now, at_once=True):
        total += done
        session.commit()
    session.commit()
    return total


def test_a_whole_history_is_adopted_sealed_and_verified(session: Session, engine: Engine) -> None:
    world = make_world(session)
    firm_id = world.firm.firm_id
    fill(engine, world, ALL)
    entries = sealing.accept(session, firm_id)
    session.commit()
    adopting, _ = timed(lambda: adopt_all(session, world))
    sealed, _ = timed(lambda: seal_everything(session, world))
    reading, _ = timed(lambda: list(proofs.chapters(session, firm_id=firm_id)))
    session.rollback()
    verifying, (findings, seen) = timed(lambda: check(session, firm_id))
    session.rollback()
    assert (findings, seen.entries, seen.sealed) == ([], entries, entries)
    print(f"\n{engine.dialect.name}: {entries:,} entries, {seen.seals:,} seals")
    print(f"adopted {entries / adopting:,.0f}/s, sealed {entries / sealed:,.0f}/s")
    ratio = verifying / reading
    print(f"verified {entries / verifying:,.0f}/s: {verifying:.1f} s, x{ratio:.2f} of reading the rows")
