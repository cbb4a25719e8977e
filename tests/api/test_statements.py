"""What an answer costs the database: at most four statements, however long the list is."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.api.conftest import CallsAs
from tests.factories import World, at_status
from tests.support.many import analyse, fill
from tests.support.statements import captured
from webapp.extensions import db
from webapp.models.engine import make_engine
from webapp.vocabulary import Status

LIST = "/appointments"
MOST = 4


@pytest.fixture
def many(database_url: str, world: World) -> int:
    engine = make_engine(database_url)
    fill(engine, world, 400)
    analyse(engine)
    engine.dispose()
    return 400


def test_one_appointment_takes_four_statements(calls_as: CallsAs, session: Session, world: World) -> None:
    api = calls_as()
    made = at_status(session, Status.RESCHEDULED, world)
    with api.client.application.app_context():
        engine = db.engine
    for _ in range(2):
        with captured(engine) as found:
            answer = api.get(f"{LIST}/{made.appointment_id}")
        assert answer.json["rescheduled_to"] is not None
        assert len(found) <= MOST, [statement.short for statement in found]


def test_a_list_of_a_hundred_takes_four_statements(calls_as: CallsAs, world: World, many: int) -> None:
    api = calls_as()
    with api.client.application.app_context():
        engine = db.engine
    for query in ("", "&status=confirmed&status=completed", "&status=cancelled&from=2020-01-01T00:00:00Z"):
        with captured(engine) as found:
            answer = api.get(f"{LIST}?limit=100{query}")
        assert len(answer.json["appointments"]) == 100 or "cancelled" in query
        assert len(found) <= MOST, [statement.short for statement in found]


def test_the_pages_of_a_list_are_the_whole_list_once(calls_as: CallsAs, world: World, many: int) -> None:
    api = calls_as()
    pages = api.pages(f"{LIST}?limit=97", "appointments")
    found = [each["appointment_id"] for page in pages for each in page]
    assert [len(page) for page in pages] == [97, 97, 97, 97, 12]
    assert len(set(found)) == len(found) == many
    starts = [each["start_time"] for page in pages for each in page]
    assert starts == sorted(starts)
    since = (world.now - timedelta(days=2)).isoformat().replace("+", "%2B")
    narrow = api.pages(f"{LIST}?limit=10&status=confirmed&status=completed&from={since}", "appointments")
    assert all(
        each["status"] in {"confirmed", "completed"} and each["start_time"] >= "2026-01-11T10:00:00Z"
        for page in narrow
        for each in page
    )
