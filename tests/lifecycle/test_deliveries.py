"""A row for each event and endpoint, in the transition's own transaction, or none."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_world
from tests.lifecycle.due_rows import many
from tests.support.statements import captured, postgres_plan, sqlite_plan
from webapp.lifecycle import deliveries, pruning, recording
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.recording_sets import Move
from webapp.models import OutboxEvent, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from webapp.vocabulary import Action, DeliveryState, Disabled, Status

Endpoint = Callable[..., WebhookEndpoint]


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


@pytest.fixture
def endpoint(session: Session, world: World) -> Endpoint:
    """Adds an endpoint that is told of everything unless said otherwise."""

    def add(**values: object) -> WebhookEndpoint:
        made = WebhookEndpoint(
            **{
                "firm_id": world.firm.firm_id,
                "url": "https://crm.example.com/",
                "description": "",
                "event_types": "",
                "created_at": world.now,
            }
            | values
        )
        session.add(made)
        session.commit()
        return made

    return add


def told(session: Session) -> list[tuple[int, str, int | None]]:
    """Which endpoint is told of what, in order."""
    rows = session.scalars(sa.select(WebhookDelivery).order_by(WebhookDelivery.webhook_delivery_id))
    return [(row.webhook_endpoint_id, row.event_type, row.sequence) for row in rows]


def complete(session: Session, world: World, ids: list[int]) -> list[int]:
    """Complete a set of meetings as the sweep does."""
    return recording.bulk_record(
        session,
        [Move(number, 1, world.now) for number in ids],
        action=Action.COMPLETE,
        source=Status.CONFIRMED,
        to=Status.COMPLETED,
        actor=Actor.system(world.firm.firm_id),
        now=world.now,
    )


def test_each_step_is_told_to_each_endpoint(session: Session, world: World, endpoint: Endpoint) -> None:
    one, two = endpoint().webhook_endpoint_id, endpoint().webhook_endpoint_id
    at_status(session, Status.CANCELLED, world)
    assert sorted(told(session)) == [
        (one, "appointment.cancelled", 2),
        (one, "appointment.confirmed", 1),
        (two, "appointment.cancelled", 2),
        (two, "appointment.confirmed", 1),
    ]
    row = session.scalars(sa.select(WebhookDelivery)).first()
    assert row is not None
    assert (row.state, row.attempts, row.replay, row.with_text) == (DeliveryState.WAITING, 0, 0, False)
    assert row.due_at == row.created_at == world.now - 2 * DAY
    event = session.get_one(OutboxEvent, row.outbox_event_id)
    assert (event.appointment_id, event.sequence) == (row.appointment_id, row.sequence)


@pytest.mark.parametrize(
    ("values", "heard"),
    [
        ({"event_types": " appointment.cancelled "}, ["appointment.cancelled"]),
        ({"event_types": " appointment.completed appointment.no_show "}, []),
        ({"event_types": " appointment.confirmed_not "}, []),
        (
            {"event_types": " appointment.confirmed appointment.cancelled "},
            ["appointment.confirmed", "appointment.cancelled"],
        ),
    ],
)
def test_an_endpoint_hears_what_it_asked_for(
    session: Session, world: World, endpoint: Endpoint, values: dict[str, object], heard: list[str]
) -> None:
    endpoint(**values)
    at_status(session, Status.CANCELLED, world)
    assert [event_type for _, event_type, _ in told(session)] == heard


def test_who_is_disabled_removed_or_of_another_firm_hears_nothing(
    session: Session, world: World, endpoint: Endpoint
) -> None:
    other = make_world(session, slug="other")
    endpoint(disabled=Disabled.BY_HAND, disabled_at=world.now)
    endpoint(removed_at=world.now)
    endpoint(firm_id=other.firm.firm_id)
    at_status(session, Status.CANCELLED, world)
    complete(session, world, many(session, world, 3, last_end=world.now - DAY))
    assert told(session) == []
    assert not deliveries.has_listeners(session, world.firm.firm_id)
    assert deliveries.has_listeners(session, other.firm.firm_id)


def test_a_step_that_is_rolled_back_is_told_to_nobody(
    session: Session, world: World, endpoint: Endpoint
) -> None:
    endpoint()
    ids = many(session, world, 2, last_end=world.now - DAY)
    complete(session, world, ids)
    assert len(told(session)) == 2
    session.rollback()
    assert told(session) == []


def test_of_a_set_each_last_event_is_told_once(session: Session, world: World, endpoint: Endpoint) -> None:
    endpoint()
    endpoint(event_types=" appointment.no_show ")
    ids = many(session, world, 30, last_end=world.now - DAY)
    complete(session, world, ids[:10])
    assert (
        complete(session, world, ids) == ids[10:]
    )  # those that had moved are left alone, and not told again
    rows = session.scalars(sa.select(WebhookDelivery)).all()
    assert sorted(row.appointment_id or 0 for row in rows) == sorted(ids)
    assert {(row.event_type, row.sequence) for row in rows} == {("appointment.completed", 2)}
    events = {event.outbox_event_id for event in session.scalars(sa.select(OutboxEvent))}
    assert {row.outbox_event_id for row in rows} == events


def test_a_set_takes_one_statement_more_with_an_endpoint_and_none_to_write_without(
    session: Session, engine: Engine, world: World, endpoint: Endpoint
) -> None:
    ids = many(session, world, 20, last_end=world.now - DAY)
    with captured(engine) as without:
        complete(session, world, ids[:10])
    session.commit()
    endpoint()
    with captured(engine) as listened:
        complete(session, world, ids[10:])
    writes = [
        [each.short.split()[0] for each in found if not each.short.startswith("SELECT")]
        for found in (without, listened)
    ]
    assert writes == [["UPDATE", "INSERT", "INSERT"], ["UPDATE", "INSERT", "INSERT", "INSERT"]]
    assert len(without) == 5  # one of them for rows that are older than their digests
    assert len(listened) == 6
    session.commit()


def test_a_set_finds_the_last_event_of_each_by_its_key(
    session: Session, engine: Engine, world: World, endpoint: Endpoint
) -> None:
    endpoint()
    complete(session, world, many(session, world, 2000, last_end=world.now - 2 * DAY))
    session.execute(sa.text("ANALYZE"))
    session.commit()
    ids = many(session, world, 10, last_end=world.now - timedelta(hours=3), staff_user=world.staff2)
    with captured(engine) as found:
        complete(session, world, ids)
    session.commit()
    if engine.dialect.name == "sqlite":
        lines = sqlite_plan(engine, found[-1])
        assert "SEARCH outbox_event USING INTEGER PRIMARY KEY (rowid=?)" in lines, lines
        assert any("(firm_id=? AND appointment_id=?)" in line for line in lines), lines
    else:
        nodes = postgres_plan(engine, found[-1])
        assert "uq_outbox_event_firm_id_appointment_id_sequence" in {node.get("Index Name") for node in nodes}


def test_what_waits_ends_with_its_endpoint(session: Session, world: World, endpoint: Endpoint) -> None:
    one, two = endpoint(), endpoint()
    at_status(session, Status.CANCELLED, world)
    first = session.scalars(
        sa.select(WebhookDelivery).where(WebhookDelivery.webhook_endpoint_id == one.webhook_endpoint_id)
    ).first()
    assert first is not None
    first.state, first.ended_at = DeliveryState.DELIVERED, world.now
    session.flush()
    dropped = deliveries.drop(session, one.webhook_endpoint_id, firm_id=one.firm_id, now=world.now)
    session.commit()
    assert dropped == 1
    ended = {
        number: sorted(
            session.scalars(
                sa.select(WebhookDelivery.state).where(WebhookDelivery.webhook_endpoint_id == number)
            )
        )
        for number in (one.webhook_endpoint_id, two.webhook_endpoint_id)
    }
    assert ended == {
        one.webhook_endpoint_id: [DeliveryState.DELIVERED, DeliveryState.DROPPED],
        two.webhook_endpoint_id: [DeliveryState.WAITING, DeliveryState.WAITING],
    }
    assert deliveries.disable(session, two, Disabled.FAILING, now=world.now) == 2
    assert deliveries.disable(session, two, Disabled.GONE, now=world.now) == 0
    assert (two.disabled, two.disabled_at) == (Disabled.FAILING, world.now)
    session.commit()


def test_nothing_of_another_firm_is_dropped(session: Session, world: World, endpoint: Endpoint) -> None:
    number = endpoint().webhook_endpoint_id
    at_status(session, Status.CONFIRMED, world)
    other = make_world(session, slug="other")
    assert deliveries.drop(session, number, firm_id=other.firm.firm_id, now=world.now) == 0


@pytest.mark.parametrize("at_once", [1, 2, pruning.AT_ONCE])
def test_old_deliveries_and_tries_are_forgotten_and_strays_ended(
    session: Session, engine: Engine, world: World, endpoint: Endpoint, at_once: int
) -> None:
    kept = endpoint()
    for day in (2, 3):
        at_status(session, Status.CONFIRMED, world, start=world.now + day * DAY)
    old, young = session.scalars(sa.select(WebhookDelivery).order_by(WebhookDelivery.webhook_delivery_id))
    for delivery, ended in ((old, world.now - 31 * DAY), (young, world.now - 29 * DAY)):
        delivery.state, delivery.ended_at = DeliveryState.DELIVERED, ended
        for at in (ended, world.now - 40 * DAY):
            session.add(
                WebhookAttempt(
                    firm_id=world.firm.firm_id,
                    webhook_delivery_id=delivery.webhook_delivery_id,
                    attempted_at=at,
                    took=1,
                    request_headers="",
                    request_body="{}",
                    status=200,
                    response_headers="",
                    response_body="",
                )
            )
    at_status(session, Status.CONFIRMED, world, start=world.now + 5 * DAY)
    kept.removed_at = world.now  # without its waiting row being dropped
    session.commit()
    with captured(engine) as asked:
        found = pruning.forget(session, world.now, at_once=at_once)
    deletes = [each for each in asked if each.sql.startswith("DELETE FROM webhook_attempt")]
    assert len(deletes) == 3 // at_once + 1  # until one finds less than it may
    assert {name: found[name] for name in ("attempts", "deliveries", "strays")} == {
        "attempts": 3,
        "deliveries": 1,
        "strays": 1,
    }
    left = session.scalars(sa.select(WebhookDelivery).order_by(WebhookDelivery.webhook_delivery_id)).all()
    assert [row.state for row in left] == [DeliveryState.DELIVERED, DeliveryState.DROPPED]
    assert session.scalar(sa.select(sa.func.count()).select_from(WebhookAttempt)) == 1
