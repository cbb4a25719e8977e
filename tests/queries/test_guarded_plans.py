"""Where policies are in force, what the outside was told is looked up by key: never a whole table of it.

PostgreSQL puts no comparison with a subquery into an index condition of a guarded table; a superuser's plans
do not show that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import NOW
from tests.queries.conftest import DeskOf
from tests.support.desks import Desk
from tests.support.many_events import fill_events
from tests.support.statements import Statement, captured, postgres_plan
from webapp.lifecycle import webhook_replays
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.erasing import meetings
from webapp.lifecycle.sweeps import sweep
from webapp.models import StaffUser, WebhookEndpoint, tenancy
from webapp.vocabulary import Role

COUNT = 12_000
LARGE = {"appointment", "appointment_status_history", "outbox_event", "webhook_delivery"}
PAGES = (
    "/settings/webhooks",
    "/settings/webhooks/1",
    "/settings/webhooks/1?state=failed",
    "/settings/webhooks/1/deliveries/1",
)


@pytest.fixture(scope="module")
def told(bound_desk_of: DeskOf) -> Desk:
    """A desk whose firm has an endpoint that was told of everything."""
    desk = bound_desk_of(COUNT)
    with working(desk) as session:
        endpoint = WebhookEndpoint(
            firm_id=1, url="https://crm.example", description="", event_types="", created_at=NOW
        )
        session.add(endpoint)
        session.flush()
        fill_events(session, endpoint)
        session.connection().exec_driver_sql("ANALYZE")
        session.commit()
    return desk


@contextmanager
def working(desk: Desk) -> Iterator[Session]:
    """A session that works for every firm, as the worker's do; it ends in a rollback."""
    with Session(desk.engine, info=tenancy.EVERY_FIRM) as session:
        yield session


def whole(desk: Desk, asked: list[Statement]) -> list[str]:
    """The large tables that the statements read from end to end."""
    nodes = ((each.short, node) for each in asked for node in postgres_plan(desk.engine, each))
    return [
        f"{node['Relation Name']} in: {short}"
        for short, node in nodes
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
    ]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_webhooks_looks_up_the_last_answer(told: Desk, path: str) -> None:
    asked = told.statements(path)
    assert any("webhook_delivery AS last" in statement.sql for statement in asked)
    assert whole(told, asked) == []


def test_a_batch_of_a_sweep_looks_up_the_events_it_wrote(told: Desk) -> None:
    with working(told) as session, captured(told.engine) as asked:
        assert sweep(session, firm_id=1, now=NOW, limit=5).moved
        session.rollback()
    sent = [each for each in asked if each.short.startswith("INSERT INTO webhook_delivery")]
    assert sent
    assert whole(told, sent) == []


def test_a_replay_of_days_looks_up_the_events_of_those_days(told: Desk) -> None:
    with working(told) as session:
        manager = session.scalars(sa.select(StaffUser).where(StaffUser.role == Role.MANAGER)).first()
        assert manager is not None
        with captured(told.engine) as asked:
            sent = webhook_replays.replay_range(
                session,
                1,
                actor=Actor.of_staff(manager),
                since=NOW - timedelta(days=40),
                before=NOW - timedelta(days=20),
                now=NOW,
            )
    assert sent > COUNT // 10
    assert whole(told, asked) == []


def test_whose_meetings_an_erasure_takes_is_looked_up(told: Desk) -> None:
    with working(told) as session, captured(told.engine) as asked:
        assert meetings.of_contact(session, 1, 77)
    assert whole(told, asked) == []
