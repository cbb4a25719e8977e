"""The client confirms, declines or cancels behind the personal link."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World
from tests.ui.client_page.conftest import Made, choose, fields, last, rows, rule, successor
from tests.ui.conftest import MovableClock, fresh
from webapp.lifecycle import appointments
from webapp.lifecycle.appointments import NewSlot
from webapp.models import (
    Poll,
)
from webapp.queries import invariants
from webapp.vocabulary import CancelledBy, PollStatus, Status

pytestmark = pytest.mark.one_engine(
    "sqlite"
)  # what it does is tested on both in tests/lifecycle/test_limits.py


def test_the_client_confirms(client: FlaskClient, proposed: Made, session: Session) -> None:
    appointment, token = proposed
    path = f"/c/{token}/confirmation"
    answer = client.post(path, data=fields(client, f"/c/{token}", path))
    assert (answer.status_code, answer.location) == (303, f"/c/{token}")
    row = last(session, appointment)
    assert (row.action, row.to_status, row.reason) == ("confirm", "confirmed", "Accepted by Ada Byron")
    assert (row.actor_kind, row.changed_by_id) == ("system", None)
    assert "the appointment is confirmed" in client.get(f"/c/{token}").text
    assert not list(invariants.check(session))


def test_the_client_declines_with_a_reason_whatever_the_notice(
    client: FlaskClient, proposed: Made, session: Session, world: World
) -> None:
    rule(session, world, cancel_notice=7 * 24 * 60)
    appointment, token = proposed
    path = f"/c/{token}/cancellation"
    answer = client.post(path, data=fields(client, path) | {"reason": "I am away"})
    assert answer.status_code == 303
    fresh(session, appointment)
    assert (appointment.status, appointment.cancelled_by) == (Status.CANCELLED, CancelledBy.CLIENT)
    row = last(session, appointment)
    assert (row.reason, row.actor_kind, row.actor_label) == ("I am away", "client", "Ada Byron")


def test_after_the_deadline_there_is_nothing_to_answer(
    client: FlaskClient, proposed: Made, session: Session, moved_clock: MovableClock
) -> None:
    appointment, token = proposed
    sent = fields(client, f"/c/{token}", f"/c/{token}/confirmation")
    moved_clock.now = appointment.confirm_by or moved_clock.now
    assert "The time to answer has passed" in client.get(f"/c/{token}").text
    answer = client.post(f"/c/{token}/confirmation", data=sent)
    assert answer.status_code == 409
    assert "Nothing was changed" in answer.text
    fresh(session, appointment)
    assert appointment.status is Status.AWAITING_CONFIRMATION


def test_who_is_one_of_several_answers_by_the_poll(
    client: FlaskClient, proposed: Made, session: Session, world: World
) -> None:
    appointment, token = proposed
    session.add(
        Poll(
            firm_id=world.firm.firm_id,
            title="Year end",
            appointment_type_id=world.kind.appointment_type_id,
            staff_user_id=world.staff.staff_user_id,
            deadline=world.now + DAY,
            status=PollStatus.HELD,
            appointment_id=appointment.appointment_id,
            created_by_id=world.staff.staff_user_id,
            created_at=world.now,
        )
    )
    session.commit()
    text = client.get(f"/c/{token}").text
    assert "Answer by the link in your invitation" in text
    assert f"/c/{token}/confirmation" not in text
    answer = client.post(
        f"/c/{token}/confirmation",
        data={"version": appointment.version, "booking": appointment.appointment_id},
    )
    assert answer.status_code == 409


def test_the_client_cancels_with_a_reason(client: FlaskClient, booked: Made, session: Session) -> None:
    appointment, token = booked
    path = f"/c/{token}/cancellation"
    sent = fields(client, path)
    empty = client.post(path, data=sent)
    assert empty.status_code == 422
    assert "<title>Error: Cancel your appointment" in empty.text
    assert client.post(path, data=sent | {"reason": "Ill"}).status_code == 303
    fresh(session, appointment)
    assert (appointment.status, appointment.cancelled_by) == (Status.CANCELLED, CancelledBy.CLIENT)
    row = last(session, appointment)
    assert (row.reason, row.actor_kind, row.overrides) == ("Ill", "client", None)
    after = client.get(f"/c/{token}").text
    assert "cancelled at your side" in after
    assert "Reason given: Ill" in after


def test_a_second_arrival_of_the_same_form_has_no_second_effect(
    client: FlaskClient, booked: Made, session: Session
) -> None:
    appointment, token = booked
    path = f"/c/{token}/cancellation"
    sent = fields(client, path) | {"reason": "Ill"}
    assert [client.post(path, data=sent).status_code for _ in range(3)] == [303, 303, 303]
    assert len(rows(session, appointment.appointment_id)) == 2


def test_what_came_in_between_is_told(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    appointment, token = booked
    sent = choose(client, token, world.at("2026-01-15 14:00")) | {"reason": "Ill"}
    fresh(session, appointment)
    slot = NewSlot(start_time=world.at("2026-01-20 10:00"), end_time=world.at("2026-01-20 10:45"))
    appointments.reschedule(session, appointment, actor=world.acting(), slot=slot, reason="", now=world.now)
    session.commit()
    new = successor(session, appointment)
    for step in ("cancellation", "rescheduling"):
        answer = client.post(f"/c/{token}/{step}", data=sent | {"form_token": step})
        assert answer.status_code == 409
        assert "Nothing was changed" in answer.text
        assert "Tue 20 Jan 2026" in answer.text
    fresh(session, new)
    assert new.status is Status.CONFIRMED
    assert len(rows(session, new.appointment_id)) == 1
