"""Webhook endpoints, as managers keep them, on both engines."""

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, NOW, World, make_world
from tests.lifecycle.threads import at_once
from tests.lifecycle.webhooks.conftest import LATER, actions, add, facts, written
from webapp.lifecycle import audit, transaction, webhook_replays, webhook_secrets, webhooks
from webapp.lifecycle.errors import Forbidden, Invalid, Missing, Overtaken
from webapp.lifecycle.webhooks import Facts
from webapp.models import AuditEvent, WebhookEndpoint
from webapp.vocabulary import DeliveryState, Disabled

SECRET_KEY = "k" * 40


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
