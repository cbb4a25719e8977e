"""What the pages of webhooks ask the database: few statements, by index, however much was sent."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import NOW, World, at_status, make_world
from tests.support.many import fill
from tests.support.statements import Statement, captured, postgres_plan, sqlite_plan
from tests.support.webhooks import make_attempt, make_delivery, make_endpoint
from webapp.lifecycle import webhook_replays
from webapp.lifecycle.errors import Missing
from webapp.models import AppointmentStatusHistory, OutboxEvent, WebhookDelivery, WebhookEndpoint
from webapp.queries import changes, webhooks
from webapp.queries.webhooks import Wanted
from webapp.vocabulary import DeliveryState, Disabled, Status

LARGE = ("webhook_delivery", "outbox_event", "appointment_status_history", "audit_event")
MANY = 5_000
SPAN = {"since": NOW - timedelta(hours=2), "before": NOW}


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


@pytest.fixture
def endpoint(session: Session, world: World) -> WebhookEndpoint:
    return make_endpoint(session, world, description="The CRM")


def written(session: Session, endpoint: WebhookEndpoint, count: int, state: DeliveryState) -> None:
    """So many test events of the endpoint, written at once."""
    values = {
        "firm_id": endpoint.firm_id,
        "webhook_endpoint_id": endpoint.webhook_endpoint_id,
        "event_type": "ping",
        "with_text": False,
        "state": state,
        "due_at": NOW,
        "created_at": NOW,
        "ended_at": None if state is DeliveryState.WAITING else NOW,
    }
    session.execute(sa.insert(WebhookDelivery), [values] * count)
    session.commit()


def flooded(engine: Engine, session: Session, world: World, endpoint: WebhookEndpoint) -> None:
    """A hundred days with an event for each change, and an endpoint beside a busy one."""
    fill(engine, world, MANY, contacts=MANY // 2)
    columns = ("firm_id", "appointment_id", "sequence", "event_type", "payload", "created_at", "attempts")
    changed = AppointmentStatusHistory
    told = sa.select(
        changed.firm_id,
        changed.appointment_id,
        changed.sequence,
        sa.literal("appointment.confirmed"),
        sa.literal({}, sa.JSON),
        changed.changed_at,
        sa.literal(0),
    ).order_by(changed.history_id)
    session.execute(sa.insert(OutboxEvent).from_select(columns, told))
    make_attempt(session, make_delivery(session, endpoint, world, DeliveryState.FAILED), world)
    written(session, make_endpoint(session, world), MANY, DeliveryState.DELIVERED)
    written(session, endpoint, 2 * webhooks.LOOK_BACK, DeliveryState.WAITING)
    session.connection().exec_driver_sql("ANALYZE")
    session.commit()


def asked(session: Session, world: World, number: int) -> dict[str, tuple[int, Callable[[], object]]]:
    """Each question by its name, with how many statements it may take."""
    firm = world.firm.firm_id
    return {
        "list": (1, lambda: webhooks.endpoints(session, firm_id=firm)),
        "one": (1, lambda: webhooks.endpoint(session, firm_id=firm, webhook_endpoint_id=number)),
        "deliveries": (
            1,
            lambda: webhooks.deliveries(
                session, firm_id=firm, webhook_endpoint_id=number, wanted=Wanted(), after=MANY
            ),
        ),
        "delivery": (
            1,
            lambda: webhooks.delivery(
                session, firm_id=firm, webhook_endpoint_id=number, webhook_delivery_id=1
            ),
        ),
        "attempts": (1, lambda: webhooks.attempts(session, firm_id=firm, webhook_delivery_id=1)),
        "steps": (1, lambda: webhooks.steps(session, firm_id=firm, webhook_endpoint_id=number)),
        "seen": (1, lambda: changes.of_endpoint(session, firm_id=firm, webhook_endpoint_id=number)),
        "range": (
            1,
            lambda: webhooks.in_range(session, firm_id=firm, webhook_endpoint_id=number, **SPAN),
        ),
        "stopped": (1, lambda: session.scalar(sa.select(webhooks.stopped(firm)))),
    }


def through_everything(engine: Engine, statement: Statement) -> list[str]:
    """The large tables that are read from end to end."""
    if engine.dialect.name == "postgresql":
        nodes = postgres_plan(engine, statement)
        found = [node.get("Relation Name", "") for node in nodes if node["Node Type"] == "Seq Scan"]
        return [name for name in found if name in LARGE]
    lines = sqlite_plan(engine, statement)
    return [line for line in lines if line.startswith("SCAN") and line.split()[1] in LARGE]


def test_each_question_is_one_statement_by_index_however_much_was_sent(
    engine: Engine, session: Session, world: World, endpoint: WebhookEndpoint
) -> None:
    flooded(engine, session, world, endpoint)
    for name, (most, ask) in asked(session, world, endpoint.webhook_endpoint_id).items():
        with captured(engine) as statements:
            ask()
        assert len(statements) == most, name
        for statement in statements:
            assert through_everything(engine, statement) == [], (name, statement.short)


def test_what_waits_is_counted_up_to_a_thousand_and_the_last_answer_is_told(
    session: Session, world: World, endpoint: WebhookEndpoint
) -> None:
    firm, number = world.firm.firm_id, endpoint.webhook_endpoint_id
    tried = make_delivery(session, endpoint, world, DeliveryState.WAITING)
    make_attempt(session, tried, world)
    make_delivery(session, endpoint, world, DeliveryState.WAITING)
    found = webhooks.endpoint(session, firm_id=firm, webhook_endpoint_id=number)
    assert found.waiting == 2
    assert found.last is not None
    assert (found.last.status, found.last.state) == (500, DeliveryState.WAITING)
    written(session, endpoint, 2 * webhooks.CAP, DeliveryState.WAITING)
    found = webhooks.endpoint(session, firm_id=firm, webhook_endpoint_id=number)
    assert found.waiting == webhooks.CAP
    assert found.last is None  # everything of late waits


def test_only_endpoints_that_stopped_by_themselves_are_counted(session: Session, world: World) -> None:
    firm = world.firm.firm_id
    there = [make_endpoint(session, world) for _ in range(5)]
    for endpoint, why in zip(
        there, (None, Disabled.BY_HAND, Disabled.GONE, Disabled.FAILING, Disabled.GONE), strict=True
    ):
        endpoint.disabled, endpoint.disabled_at = why, NOW if why else None
    there[-1].removed_at = NOW
    other = make_endpoint(session, make_world(session, "other"))
    other.disabled, other.disabled_at = Disabled.GONE, NOW
    session.commit()
    assert session.scalar(sa.select(webhooks.stopped(firm))) == 2


def test_another_firm_finds_nothing(session: Session, world: World, endpoint: WebhookEndpoint) -> None:
    delivery = make_delivery(session, endpoint, world, DeliveryState.FAILED)
    make_attempt(session, delivery, world)
    at_status(session, Status.COMPLETED, world)
    session.execute(sa.delete(WebhookDelivery).where(WebhookDelivery.event_type != "ping"))
    session.commit()
    firm = make_world(session, "other").firm.firm_id
    number, row = endpoint.webhook_endpoint_id, delivery.webhook_delivery_id
    assert webhooks.endpoints(session, firm_id=firm) == []
    with pytest.raises(Missing):
        webhooks.endpoint(session, firm_id=firm, webhook_endpoint_id=number)
    with pytest.raises(Missing):
        webhooks.delivery(session, firm_id=firm, webhook_endpoint_id=number, webhook_delivery_id=row)
    listed = webhooks.deliveries(session, firm_id=firm, webhook_endpoint_id=number, wanted=Wanted())
    assert listed.rows == []
    assert webhooks.attempts(session, firm_id=firm, webhook_delivery_id=row) == []
    assert webhooks.steps(session, firm_id=firm, webhook_endpoint_id=number) == []
    ever = {"since": NOW - timedelta(days=30), "before": NOW}
    assert webhooks.in_range(session, firm_id=firm, webhook_endpoint_id=number, **ever) == 0
    mine = world.firm.firm_id
    assert webhooks.in_range(session, firm_id=mine, webhook_endpoint_id=number, **ever) > 0


def test_a_range_is_replayed_in_four_statements(
    engine: Engine, session: Session, world: World, endpoint: WebhookEndpoint
) -> None:
    at_status(session, Status.COMPLETED, world)
    actor = world.acting(world.manager)
    moments = session.scalars(sa.select(AppointmentStatusHistory.changed_at)).all()
    session.execute(sa.delete(WebhookDelivery))
    session.commit()
    with captured(engine) as statements:
        sent = webhook_replays.replay_range(
            session,
            endpoint.webhook_endpoint_id,
            actor=actor,
            since=min(moments),
            before=max(moments) + timedelta(seconds=1),
            now=NOW,
        )
    assert sent == len(session.scalars(sa.select(OutboxEvent)).all())
    kinds = [statement.short.split()[0] for statement in statements]
    assert kinds == ["SELECT", "SELECT", "INSERT", "INSERT"]  # the endpoint, the count, the rows, the audit
