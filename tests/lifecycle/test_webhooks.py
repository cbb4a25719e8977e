"""Webhook endpoints and their deliveries, as managers keep them, on both engines."""

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, NOW, World, at_status, make_world
from tests.lifecycle.threads import at_once
from tests.support.names import nobody_answers
from webapp.lifecycle import audit, transaction, webhook_replays, webhook_secrets, webhooks
from webapp.lifecycle.errors import Forbidden, Invalid, Missing, Overtaken
from webapp.lifecycle.webhooks import Checked, Facts
from webapp.models import AuditEvent, OutboxEvent, WebhookDelivery, WebhookEndpoint
from webapp.vocabulary import DeliveryState, Disabled, Status

URL = "https://crm.example.com/hooks"
LATER = NOW + timedelta(hours=1)
SECRET_KEY = "k" * 40


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody_answers(monkeypatch)


def facts(**given: Any) -> Checked:
    return webhooks.checked(Facts(**{"url": URL, **given}), networks=())


def add(session: Session, world: World, **given: Any) -> int:
    """An endpoint that Daniel added, committed."""
    made = webhooks.create(session, actor=world.acting(world.manager), facts=facts(**given), now=NOW)
    session.commit()
    return made.webhook_endpoint_id


def rows(session: Session, webhook_endpoint_id: int) -> list[WebhookDelivery]:
    query = sa.select(WebhookDelivery).where(WebhookDelivery.webhook_endpoint_id == webhook_endpoint_id)
    ordered = query.order_by(WebhookDelivery.webhook_delivery_id)
    return list(session.scalars(ordered.execution_options(populate_existing=True)))


def written(
    session: Session, world: World, webhook_endpoint_id: int, state: DeliveryState
) -> WebhookDelivery:
    """A confirmation that was written for the endpoint and came to stand so."""
    appointment = at_status(session, Status.CONFIRMED, world)
    event = session.scalars(
        sa.select(OutboxEvent)
        .where(OutboxEvent.appointment_id == appointment.appointment_id)
        .order_by(OutboxEvent.sequence.desc())
    ).first()
    assert event is not None
    session.execute(sa.delete(WebhookDelivery))
    delivery = WebhookDelivery(
        firm_id=world.firm.firm_id,
        webhook_endpoint_id=webhook_endpoint_id,
        outbox_event_id=event.outbox_event_id,
        appointment_id=event.appointment_id,
        sequence=event.sequence,
        event_type=event.event_type,
        with_text=False,
        state=state,
        due_at=NOW,
        created_at=NOW,
        ended_at=None if state is DeliveryState.WAITING else NOW,
    )
    session.add(delivery)
    session.commit()
    return delivery


def actions(session: Session) -> list[str]:
    return list(session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.audit_event_id)))


def seen(session: Session, world: World, webhook_endpoint_id: int) -> int:
    return audit.last_change(
        session,
        firm_id=world.firm.firm_id,
        subject=webhooks.SUBJECT,
        subject_id=webhook_endpoint_id,
        actions=webhooks.CHANGES,
    )


def test_an_endpoint_keeps_its_types_so_that_each_is_found(session: Session, world: World) -> None:
    number = add(session, world, event_types=["appointment.no_show", "appointment.confirmed"])
    kept = session.get_one(WebhookEndpoint, number)
    assert kept.event_types == " appointment.confirmed appointment.no_show "
    assert not kept.with_text
    assert actions(session) == ["create"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": ""}, "url"),
        ({"url": f"https://crm.example.com/{'x' * 2000}"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "http://crm.example.com/"}, "url"),
        ({"description": "x" * 121}, "description"),
        ({"event_types": ["appointment.dreamt"]}, "event_types"),
    ],
)
def test_what_no_endpoint_can_be_is_refused(given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        facts(**given)
    assert refused.value.field == field


def test_a_network_that_the_installation_names_is_let_through() -> None:
    inside = Facts(url="http://127.0.0.1:9000/hook")
    assert webhooks.checked(inside, networks=[ip_network("127.0.0.0/8")]).url == inside.url


def test_a_firm_has_at_most_twenty(session: Session, world: World) -> None:
    numbers = [add(session, world) for _ in range(webhooks.MOST)]
    with pytest.raises(Invalid, match="has 20 endpoints"):
        add(session, world)
    session.rollback()
    webhooks.remove(session, numbers[0], actor=world.acting(world.manager), now=NOW)
    assert add(session, world) > numbers[-1]
    assert add(session, make_world(session, "other")) > numbers[-1]


def test_the_last_free_place_goes_to_one_of_two_at_once(
    engine: Engine, session: Session, world: World
) -> None:
    for _ in range(webhooks.MOST - 1):
        add(session, world)
    actor = world.acting(world.manager)

    def one_more(own: Session) -> object:
        return transaction.run(own, lambda: webhooks.create(own, actor=actor, facts=facts(), now=NOW))

    found = at_once(engine, [one_more, one_more])
    assert sorted(type(each).__name__ for each in found) == ["Invalid", "WebhookEndpoint"]


def test_staff_and_tokens_without_settings_do_nothing(session: Session, world: World) -> None:
    number = add(session, world)
    lena = world.acting()
    with pytest.raises(Forbidden):
        webhooks.create(session, actor=lena, facts=facts(), now=NOW)
    for step in (webhooks.rotate_secret, webhooks.disable, webhooks.enable, webhooks.remove, webhooks.ping):
        with pytest.raises(Forbidden):
            step(session, number, actor=lena, now=NOW)
    with pytest.raises(Forbidden):
        webhooks.reveal_secret(session, number, actor=lena, key=SECRET_KEY, now=NOW)
    assert actions(session) == ["create"]


def test_another_firms_endpoint_and_delivery_are_missing(session: Session, world: World) -> None:
    number = add(session, world)
    delivery = written(session, world, number, DeliveryState.FAILED)
    other = make_world(session, "other")
    stranger = other.acting(other.manager)
    for step in (webhooks.rotate_secret, webhooks.disable, webhooks.enable, webhooks.remove, webhooks.ping):
        with pytest.raises(Missing):
            step(session, number, actor=stranger, now=NOW)
    with pytest.raises(Missing):
        webhook_replays.replay(session, delivery.webhook_delivery_id, actor=stranger, now=NOW)
    with pytest.raises(Missing):
        webhook_replays.replay_range(
            session, number, actor=stranger, since=NOW - 9 * DAY, before=NOW, now=NOW
        )


def test_an_edit_is_noted_and_one_that_changes_nothing_is_not(session: Session, world: World) -> None:
    number = add(session, world)
    actor = world.acting(world.manager)
    assert not webhooks.edit(session, number, actor=actor, facts=facts(), now=NOW)
    assert webhooks.edit(session, number, actor=actor, facts=facts(with_text=True), now=NOW)
    assert actions(session) == ["create", "edit"]
    assert session.scalars(sa.select(AuditEvent.changes)).all()[-1] == {"with_text": [False, True]}


def test_another_address_starts_afresh(session: Session, world: World) -> None:
    number = add(session, world)
    endpoint = session.get_one(WebhookEndpoint, number)
    actor = world.acting(world.manager)
    endpoint.failing_since, endpoint.rests_until = NOW - DAY, NOW + DAY
    session.commit()
    webhooks.edit(session, number, actor=actor, facts=facts(description="The CRM"), now=NOW)
    assert endpoint.failing_since == NOW - DAY
    webhooks.edit(session, number, actor=actor, facts=facts(url="https://crm.example.org/"), now=NOW)
    assert endpoint.failing_since is endpoint.rests_until is None


def test_a_step_from_before_somebody_elses_change_is_refused(session: Session, world: World) -> None:
    number = add(session, world, description="The CRM")
    before = seen(session, world, number)
    actor = world.acting(world.manager)
    webhooks.rotate_secret(session, number, actor=world.acting(world.owner), now=NOW, seen=before)
    for step in (webhooks.rotate_secret, webhooks.disable, webhooks.enable, webhooks.remove):
        with pytest.raises(Overtaken, match="Olga Marlow changed The CRM"):
            step(session, number, actor=actor, now=LATER, seen=before)
    with pytest.raises(Overtaken):
        webhooks.edit(session, number, actor=actor, facts=facts(), now=LATER, seen=before)
    assert session.get_one(WebhookEndpoint, number).turn == 1


def test_looking_at_the_secret_and_testing_overtake_nobody(session: Session, world: World) -> None:
    number = add(session, world)
    before = seen(session, world, number)
    actor = world.acting(world.manager)
    webhooks.reveal_secret(session, number, actor=actor, key=SECRET_KEY, now=NOW)
    webhooks.ping(session, number, actor=actor, now=NOW)
    assert seen(session, world, number) == before
    assert actions(session) == ["create", "show secret", "send test event"]


def test_a_rotated_secret_is_another_and_the_old_one_signs_for_a_day(session: Session, world: World) -> None:
    number = add(session, world)
    actor = world.acting(world.manager)
    old = webhooks.reveal_secret(session, number, actor=actor, key=SECRET_KEY, now=NOW)
    webhooks.rotate_secret(session, number, actor=actor, now=NOW)
    new = webhooks.reveal_secret(session, number, actor=actor, key=SECRET_KEY, now=NOW)
    endpoint = session.get_one(WebhookEndpoint, number)

    def signing(after: timedelta) -> list[str]:
        return webhook_secrets.signing_secrets(
            number, key=SECRET_KEY, turn=endpoint.turn, turned_at=endpoint.turned_at, now=NOW + after
        )

    assert old != new
    assert signing(timedelta(hours=23)) == [new, old]
    assert signing(timedelta(hours=24)) == [new]


@pytest.mark.parametrize("why", [None, Disabled.GONE, Disabled.FAILING])
def test_disabling_drops_what_waits_and_keeps_the_rest(
    session: Session, world: World, why: Disabled | None
) -> None:
    number = add(session, world)
    actor = world.acting(world.manager)
    waits = written(session, world, number, DeliveryState.WAITING)
    other = add(session, world)
    untouched = webhooks.ping(session, other, actor=actor, now=NOW)
    endpoint = session.get_one(WebhookEndpoint, number)
    endpoint.disabled, endpoint.disabled_at = why, NOW if why else None
    session.commit()
    assert webhooks.disable(session, number, actor=actor, now=LATER)
    assert not webhooks.disable(session, number, actor=actor, now=LATER)
    assert endpoint.disabled is Disabled.BY_HAND
    session.refresh(waits)
    session.refresh(untouched)
    assert (waits.state, waits.ended_at) == (DeliveryState.DROPPED, LATER)
    assert untouched.state is DeliveryState.WAITING
    assert actions(session).count("disable") == 1


def test_enabling_forgets_the_failures(session: Session, world: World) -> None:
    number = add(session, world)
    actor = world.acting(world.manager)
    endpoint = session.get_one(WebhookEndpoint, number)
    endpoint.disabled, endpoint.disabled_at = Disabled.FAILING, NOW
    endpoint.failing_since, endpoint.rests_until = NOW - 5 * DAY, NOW + DAY
    session.commit()
    assert webhooks.enable(session, number, actor=actor, now=LATER)
    assert not webhooks.enable(session, number, actor=actor, now=LATER)
    assert endpoint.disabled is endpoint.disabled_at is endpoint.failing_since is endpoint.rests_until is None
    assert actions(session) == ["create", "enable"]


def test_a_removed_endpoint_is_gone_and_what_waits_is_dropped(session: Session, world: World) -> None:
    number = add(session, world)
    actor = world.acting(world.manager)
    delivery = written(session, world, number, DeliveryState.WAITING)
    webhooks.remove(session, number, actor=actor, now=LATER)
    session.refresh(delivery)
    assert delivery.state is DeliveryState.DROPPED
    with pytest.raises(Missing):
        webhooks.remove(session, number, actor=actor, now=LATER)
    with pytest.raises(Missing):
        webhook_replays.replay(session, delivery.webhook_delivery_id, actor=actor, now=LATER)


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
