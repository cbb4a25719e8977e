"""Test events, replays and ranges: what is sent again, on both engines."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, NOW, World, at_status, make_world
from tests.lifecycle.threads import at_once
from tests.lifecycle.webhooks.conftest import LATER, actions, add, facts, written
from webapp.lifecycle import transaction, webhook_replays, webhooks
from webapp.lifecycle.errors import Invalid
from webapp.models import OutboxEvent, WebhookDelivery, WebhookEndpoint
from webapp.vocabulary import DeliveryState, Status


def rows(session: Session, webhook_endpoint_id: int) -> list[WebhookDelivery]:
    query = sa.select(WebhookDelivery).where(WebhookDelivery.webhook_endpoint_id == webhook_endpoint_id)
    ordered = query.order_by(WebhookDelivery.webhook_delivery_id)
    return list(session.scalars(ordered.execution_options(populate_existing=True)))


def test_a_test_event_is_about_nothing_and_goes_at_once(session: Session, world: World) -> None:
    number = add(session, world)
    actor = world.acting(world.manager)
    session.get_one(WebhookEndpoint, number).rests_until = NOW + DAY
    made = webhooks.ping(session, number, actor=actor, now=NOW)
    assert (made.event_type, made.outbox_event_id, made.appointment_id) == ("ping", None, None)
    assert (made.state, made.due_at, made.replay) == (DeliveryState.WAITING, NOW, 0)
    assert session.get_one(WebhookEndpoint, number).rests_until is None
    with pytest.raises(Invalid, match="waiting already"):
        webhooks.ping(session, number, actor=actor, now=NOW)


def test_nothing_is_sent_to_a_disabled_endpoint(session: Session, world: World) -> None:
    number = add(session, world)
    actor = world.acting(world.manager)
    delivery = written(session, world, number, DeliveryState.FAILED)
    webhooks.disable(session, number, actor=actor, now=NOW)
    span = {"since": NOW - 9 * DAY, "before": LATER}
    with pytest.raises(Invalid, match="Enable it first"):
        webhooks.ping(session, number, actor=actor, now=NOW)
    with pytest.raises(Invalid, match="Enable it first"):
        webhook_replays.replay(session, delivery.webhook_delivery_id, actor=actor, now=NOW)
    with pytest.raises(Invalid, match="Enable it first"):
        webhook_replays.replay_range(session, number, actor=actor, now=NOW, **span)
    assert len(rows(session, number)) == 1


@pytest.mark.parametrize("state", [DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.DROPPED])
def test_a_replay_is_a_delivery_of_its_own(session: Session, world: World, state: DeliveryState) -> None:
    number = add(session, world)
    actor = world.acting(world.manager)
    first = written(session, world, number, state)
    webhooks.edit(session, number, actor=actor, facts=facts(with_text=True), now=NOW)
    again = webhook_replays.replay(session, first.webhook_delivery_id, actor=actor, now=LATER)
    session.commit()
    same = ("outbox_event_id", "appointment_id", "sequence", "event_type")
    assert [getattr(again, name) for name in same] == [getattr(first, name) for name in same]
    assert (again.replay, again.state, again.due_at) == (1, DeliveryState.WAITING, LATER)
    assert again.with_text
    session.refresh(first)
    assert (first.state, first.replay) == (state, 0)
    with pytest.raises(Invalid, match="still waiting"):
        webhook_replays.replay(session, first.webhook_delivery_id, actor=actor, now=LATER)
    again.state, again.ended_at = DeliveryState.DELIVERED, LATER
    session.commit()
    assert webhook_replays.replay(session, first.webhook_delivery_id, actor=actor, now=LATER).replay == 2


def test_two_replays_at_once_send_it_once(engine: Engine, session: Session, world: World) -> None:
    number = add(session, world)
    first = written(session, world, number, DeliveryState.FAILED).webhook_delivery_id
    actor = world.acting(world.manager)

    def again(own: Session) -> object:
        return transaction.run(own, lambda: webhook_replays.replay(own, first, actor=actor, now=NOW))

    found = at_once(engine, [again, again])
    assert sorted(type(each).__name__ for each in found) == ["Invalid", "WebhookDelivery"]
    session.rollback()
    assert [row.replay for row in rows(session, number)] == [0, 1]


def test_a_test_event_replayed_is_another(session: Session, world: World) -> None:
    number = add(session, world)
    actor = world.acting(world.manager)
    first = webhooks.ping(session, number, actor=actor, now=NOW)
    first.state, first.ended_at = DeliveryState.FAILED, NOW
    session.commit()
    again = webhook_replays.replay(session, first.webhook_delivery_id, actor=actor, now=LATER)
    assert (again.event_type, again.outbox_event_id) == ("ping", None)
    assert again.webhook_delivery_id != first.webhook_delivery_id


def events(session: Session) -> list[OutboxEvent]:
    return list(session.scalars(sa.select(OutboxEvent).order_by(OutboxEvent.outbox_event_id)))


def test_a_range_brings_what_was_never_sent_in_its_order(session: Session, world: World) -> None:
    for status in (Status.COMPLETED, Status.CANCELLED, Status.RESCHEDULED):
        at_status(session, status, world, staff_user=world.staff2 if status is Status.CANCELLED else None)
    number = add(session, world)
    actor = world.acting(world.manager)
    span = {"since": NOW - 30 * DAY, "before": NOW + 30 * DAY}
    wanted = [event.outbox_event_id for event in events(session)]
    assert len(wanted) > 4
    assert webhook_replays.count(session, number, firm_id=world.firm.firm_id, **span) == len(wanted)
    assert webhook_replays.replay_range(session, number, actor=actor, now=LATER, **span) == len(wanted)
    session.commit()
    made = rows(session, number)
    assert [row.outbox_event_id for row in made] == wanted
    assert {(row.state, row.replay, row.due_at) for row in made} == {(DeliveryState.WAITING, 1, LATER)}
    assert webhook_replays.replay_range(session, number, actor=actor, now=LATER, **span) == 0
    assert actions(session).count("replay a range") == 1
    for row in made:
        row.state, row.ended_at = DeliveryState.DELIVERED, LATER
    session.commit()
    assert webhook_replays.replay_range(session, number, actor=actor, now=LATER, **span) == len(wanted)
    assert {row.replay for row in rows(session, number)} == {1, 2}


def test_a_range_has_its_beginning_and_not_its_end(session: Session, world: World) -> None:
    at_status(session, Status.COMPLETED, world)
    number = add(session, world)
    moments = sorted({event.created_at for event in events(session)})
    assert len(moments) > 1
    firm_id = world.firm.firm_id

    def found(since: Any, before: Any) -> int:
        return webhook_replays.count(session, number, firm_id=firm_id, since=since, before=before)

    assert found(moments[0], moments[-1]) == len([e for e in events(session) if e.created_at < moments[-1]])
    assert found(moments[-1], moments[-1] + timedelta(seconds=1)) == 1
    assert found(moments[-1] + timedelta(microseconds=1), NOW + DAY) == 0


def test_a_range_brings_only_the_types_asked_for_of_this_firm(session: Session, world: World) -> None:
    at_status(session, Status.COMPLETED, world)
    at_status(session, Status.COMPLETED, make_world(session, "other"))
    number = add(session, world, event_types=["appointment.completed"])
    actor = world.acting(world.manager)
    span = {"since": NOW - 30 * DAY, "before": NOW + DAY}
    assert webhook_replays.replay_range(session, number, actor=actor, now=NOW, **span) == 1
    assert [row.event_type for row in rows(session, number)] == ["appointment.completed"]
    assert {row.firm_id for row in rows(session, number)} == {world.firm.firm_id}


def test_what_waits_already_is_not_sent_twice_by_a_range(session: Session, world: World) -> None:
    number = add(session, world)
    written(session, world, number, DeliveryState.WAITING)
    actor = world.acting(world.manager)
    span = {"since": NOW - 30 * DAY, "before": NOW + DAY}
    others = len(events(session)) - 1
    assert webhook_replays.replay_range(session, number, actor=actor, now=NOW, **span) == others
    assert len(rows(session, number)) == len(events(session))


def test_a_range_that_is_none_or_too_much_is_refused(
    session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_status(session, Status.COMPLETED, world)
    number = add(session, world)
    actor = world.acting(world.manager)
    with pytest.raises(Invalid) as refused:
        webhook_replays.replay_range(session, number, actor=actor, since=NOW, before=NOW, now=NOW)
    assert refused.value.field == "to"
    monkeypatch.setattr(webhook_replays, "MOST", 1)
    with pytest.raises(Invalid, match="more than 1 events"):
        webhook_replays.replay_range(
            session, number, actor=actor, since=NOW - 30 * DAY, before=NOW + DAY, now=NOW
        )
    assert rows(session, number) == []
