"""What a webhook says: ids and facts, the same bytes each time, reasons only where they were asked for."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.delivery.webhooks.conftest import Hooks
from tests.factories import DAY, LENGTH, World, at_status
from webapp.lifecycle import appointments
from webapp.lifecycle.appointments import NewSlot
from webapp.models import Appointment, WebhookDelivery
from webapp.vocabulary import CancelledBy, DeliveryState, NoShowParty, Status

Book = Callable[..., Appointment]
NOWHERE = "https://crm.example.com/hooks"
FACTS = {
    "appointment_id",
    "action",
    "from_status",
    "to_status",
    "version",
    "occurred_at",
    "rescheduled_from",
    "rescheduled_to",
    "chain_id",
    "no_show_party",
    "cancelled_by",
    "cancellation_kind",
    "sequence",
    "start_time",
    "end_time",
}


def said(hooks: Hooks, number: int = -1) -> dict[str, Any]:
    """The body of one delivery, in order of writing."""
    body: dict[str, Any] = json.loads(hooks.message(hooks.deliveries()[number]).body)
    return body


def test_it_has_ids_and_facts_and_no_words(hooks: Hooks, session: Session, world: World, book: Book) -> None:
    hooks.add(world, NOWHERE)
    made = book(notes="Ask about the will", location="Room 9", reason="")
    body = said(hooks)
    assert set(body) == {"type", "timestamp", "data"}
    assert (body["type"], body["timestamp"]) == ("appointment.confirmed", "2026-01-13T10:00:00+00:00")
    assert set(body["data"]) == FACTS
    assert body["data"] | {"version": 1, "sequence": 1} == body["data"]
    assert body["data"]["start_time"] == made.start_time.isoformat() == "2026-01-14T10:00:00+00:00"
    assert body["data"]["end_time"] == "2026-01-14T10:45:00+00:00"
    assert body["data"]["chain_id"] == body["data"]["appointment_id"] == made.appointment_id


def test_a_reason_goes_along_only_if_the_endpoint_asked(hooks: Hooks, session: Session, world: World) -> None:
    silent, telling = hooks.add(world, NOWHERE), hooks.add(world, NOWHERE, with_text=True)
    at_status(session, Status.CANCELLED, world)
    last = {delivery.webhook_endpoint_id: delivery for delivery in hooks.deliveries()}
    told = {number: json.loads(hooks.message(each).body) for number, each in last.items()}
    assert "reason" not in told[silent]["data"]
    assert told[telling]["data"]["reason"] == "Ada is ill"
    assert told[telling]["data"]["cancellation_kind"] == "cancelled"
    assert told[telling]["data"]["cancelled_by"] == "client"


def test_a_move_names_chain_predecessor_and_successor(hooks: Hooks, session: Session, world: World) -> None:
    hooks.add(world, NOWHERE)
    old = at_status(session, Status.RESCHEDULED, world)
    assert old.rescheduled_to is not None
    new = old.rescheduled_to.appointment_id
    session.commit()
    booked, left, taken = (said(hooks, number)["data"] for number in range(3))
    assert (booked["rescheduled_from"], booked["rescheduled_to"]) == (None, None)
    assert (left["to_status"], left["rescheduled_to"], left["rescheduled_from"]) == ("rescheduled", new, None)
    assert (taken["appointment_id"], taken["rescheduled_from"]) == (new, old.appointment_id)
    assert booked["chain_id"] == left["chain_id"] == taken["chain_id"] == old.appointment_id


def test_a_no_show_names_the_party_and_a_correction_is_told_as_one(
    hooks: Hooks, session: Session, world: World
) -> None:
    hooks.add(world, NOWHERE)
    missed = at_status(session, Status.NO_SHOW, world, party=NoShowParty.BOTH)
    assert said(hooks)["type"] == "appointment.no_show"
    assert said(hooks)["data"]["no_show_party"] == "both"
    appointments.correct(
        session,
        missed,
        actor=world.acting(world.manager),
        to=Status.COMPLETED,
        party=None,
        reason="They were in the other room",
        now=world.now,
    )
    session.commit()
    assert said(hooks)["type"] == "appointment.corrected"
    assert said(hooks)["data"] | {"to_status": "completed", "no_show_party": None} == said(hooks)["data"]


def test_nothing_that_happens_later_changes_a_body(
    hooks: Hooks, session: Session, world: World, book: Book
) -> None:
    hooks.add(world, NOWHERE, with_text=True)
    made = book()
    (first,) = hooks.deliveries()
    before = hooks.message(first)
    slot = NewSlot(start_time=made.start_time + DAY, end_time=made.start_time + DAY + LENGTH)
    moved = appointments.reschedule(
        session, made, actor=world.acting(), slot=slot, reason="Later", now=world.now + timedelta(hours=1)
    )
    appointments.cancel(
        session,
        moved,
        actor=world.acting(),
        reason="No",
        cancelled_by=CancelledBy.STAFF,
        now=world.now + timedelta(hours=2),
    )
    session.commit()
    assert hooks.message(first) == before


def test_one_event_has_one_id_for_all_endpoints_and_each_event_its_own(
    hooks: Hooks, session: Session, world: World
) -> None:
    hooks.add(world, NOWHERE)
    hooks.add(world, NOWHERE)
    at_status(session, Status.CANCELLED, world)
    names = [hooks.message(delivery).message_id for delivery in hooks.deliveries()]
    assert len(names) == 4
    assert len(set(names)) == 2


@pytest.mark.one_engine("sqlite")  # no database decides it
def test_a_ping_names_its_endpoint(hooks: Hooks, session: Session, world: World) -> None:
    number = hooks.add(world, NOWHERE)
    ping = WebhookDelivery(
        firm_id=world.firm.firm_id,
        webhook_endpoint_id=number,
        event_type="ping",
        with_text=False,
        state=DeliveryState.WAITING,
        due_at=world.now,
        created_at=world.now,
    )
    session.add(ping)
    session.commit()
    message = hooks.message(ping)
    assert message.message_id.startswith("ping_")
    assert json.loads(message.body) == {
        "type": "ping",
        "timestamp": "2026-01-13T10:00:00+00:00",
        "data": {"webhook_endpoint_id": number},
    }
