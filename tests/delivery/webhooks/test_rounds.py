"""A worker's rounds: what arrives, what is tried again and when, what ends an endpoint, what is kept."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.delivery.webhooks.conftest import PING, Hooks
from tests.factories import DAY, World, at_status
from tests.support.receiver import HANG, Receiver, Reply, Taken, is_genuine
from webapp.delivery.webhooks import retries, sending
from webapp.lifecycle import appointments, deliveries
from webapp.models import (
    Appointment,
    AuditEvent,
    MailMessage,
    MailSwitch,
    WebhookDelivery,
    WebhookEndpoint,
)
from webapp.vocabulary import CancelledBy, DeliveryState, Disabled, MailTemplate, Status

Book = Callable[..., Appointment]
Listening = Callable[..., Receiver]
SECOND = timedelta(seconds=1)


@pytest.fixture
def there(listening: Listening) -> Receiver:
    there: Receiver = listening()
    return there


def states(hooks: Hooks, endpoint: int | None = None) -> list[str]:
    return [delivery.state.value for delivery in hooks.deliveries(endpoint)]


def test_an_event_arrives_signed_and_is_written_down(
    hooks: Hooks, world: World, book: Book, there: Receiver
) -> None:
    number = hooks.add(world, there.url)
    book()
    assert hooks.deliver(world.now) == {"delivered": 1, "refused": 0}
    (taken,) = there.taken
    assert is_genuine(taken, hooks.secret(number))
    assert taken.said["type"] == "appointment.confirmed"
    (delivery,) = hooks.deliveries()
    assert (delivery.state, delivery.attempts, delivery.last_status) == (DeliveryState.DELIVERED, 1, 200)
    (attempt,) = hooks.attempts()
    assert (attempt.status, attempt.error, attempt.response_body) == (200, None, "{}")
    assert attempt.request_body.encode() == taken.body
    assert f"webhook-id: {taken.id}" in attempt.request_headers
    assert hooks.secret(number) not in attempt.request_headers
    assert "content-length: 2" in attempt.response_headers.lower()
    endpoint = hooks.endpoint(number)
    assert (endpoint.leased_until, endpoint.leased_by, endpoint.failing_since) == (None, None, None)
    assert hooks.deliver(world.now) == {"delivered": 0, "refused": 0}


def test_after_a_rotation_both_secrets_sign(
    hooks: Hooks, session: Session, world: World, book: Book, there: Receiver
) -> None:
    number = hooks.add(world, there.url)
    session.execute(sa.update(WebhookEndpoint).values(turn=1, turned_at=world.now - timedelta(hours=23)))
    session.commit()
    book()
    hooks.deliver(world.now)
    book(start=world.now + 3 * DAY)
    hooks.deliver(world.now + timedelta(hours=2))
    first, second = there.taken
    assert [is_genuine(first, hooks.secret(number, turn)) for turn in (0, 1)] == [True, True]
    assert [is_genuine(second, hooks.secret(number, turn)) for turn in (0, 1)] == [False, True]


def test_a_failure_is_tried_again_on_the_schedule_with_the_same_bytes(
    hooks: Hooks, world: World, book: Book, there: Receiver
) -> None:
    number = hooks.add(world, there.url)
    there.always(status=500, body=b"no")
    book()
    moment = world.now
    for tries, wait in enumerate(retries.WAITS, start=1):
        assert hooks.deliver(moment) == {"delivered": 0, "refused": 1}
        (delivery,) = hooks.deliveries()
        assert (delivery.state, delivery.attempts, delivery.last_status) == (
            DeliveryState.WAITING,
            tries,
            500,
        )
        assert wait <= delivery.due_at - moment < wait * 1.1 + 5 * SECOND
        assert hooks.deliver(delivery.due_at - SECOND) == {"delivered": 0, "refused": 0}
        moment = delivery.due_at
    hooks.deliver(moment)
    (delivery,) = hooks.deliveries()
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, retries.TRIES)
    assert delivery.last_error == "It answered with 500."
    assert len(hooks.attempts()) == len(there.taken) == retries.TRIES
    assert len({(taken.id, taken.body) for taken in there.taken}) == 1
    assert len({taken.headers["webhook-timestamp"] for taken in there.taken}) == retries.TRIES
    assert all(is_genuine(taken, hooks.secret(number)) for taken in there.taken)


def test_a_success_ends_the_failing(hooks: Hooks, world: World, book: Book, there: Receiver) -> None:
    number = hooks.add(world, there.url)
    there.always(status=503)
    book()
    hooks.deliver(world.now)
    assert hooks.endpoint(number).failing_since is not None
    there.always(status=204, body=b"")
    hooks.deliver(world.now + 10 * SECOND)
    endpoint = hooks.endpoint(number)
    assert (endpoint.failing_since, endpoint.rests_until) == (None, None)
    assert states(hooks) == ["delivered"]


def test_a_retry_after_is_honoured_for_all_that_waits(
    hooks: Hooks, world: World, book: Book, there: Receiver
) -> None:
    number = hooks.add(world, there.url)
    there.always(status=429, headers={"retry-after": "600"})
    book()
    book(start=world.now + 3 * DAY)
    assert hooks.deliver(world.now) == {"delivered": 0, "refused": 1}
    first, second = hooks.deliveries()
    assert 600 <= (first.due_at - world.now).total_seconds() < 610
    assert second.attempts == 0
    there.always()
    assert hooks.deliver(world.now + 590 * SECOND) == {"delivered": 0, "refused": 0}
    assert hooks.deliver(world.now + 620 * SECOND) == {"delivered": 2, "refused": 0}
    assert hooks.endpoint(number).rests_until is None


def test_after_a_failure_an_endpoint_rests_before_another_event_is_tried(
    hooks: Hooks, world: World, book: Book, there: Receiver
) -> None:
    hooks.add(world, there.url)
    there.always(status=500)
    for day in range(1, 4):
        book(start=world.now + day * DAY)
    assert hooks.deliver(world.now)["refused"] == 1
    assert hooks.deliver(world.now + SECOND)["refused"] == 0
    assert hooks.deliver(world.now + 6 * SECOND)["refused"] == 1
    assert len(there.taken) == 2


def test_of_one_appointment_the_earlier_goes_first_and_others_do_not_wait(
    hooks: Hooks, session: Session, world: World, book: Book, there: Receiver
) -> None:
    hooks.add(world, there.url)
    stuck = book()
    there.answer = lambda taken: Reply(
        status=500 if taken.said["data"]["appointment_id"] == stuck.appointment_id else 200
    )
    hooks.deliver(world.now)
    appointments.cancel(
        session,
        stuck,
        actor=world.acting(),
        reason="No",
        cancelled_by=CancelledBy.STAFF,
        now=world.now,
    )
    session.commit()
    book(start=world.now + 3 * DAY)
    later = hooks.deliveries()[0].due_at - SECOND / 2
    for seconds in (0, 6, 12):
        hooks.deliver(later - 6 * SECOND + seconds * SECOND)
    assert states(hooks) == ["waiting", "waiting", "delivered"]
    there.always()
    moment = max(delivery.due_at for delivery in hooks.deliveries())
    hooks.deliver(moment + timedelta(minutes=6))
    told = [taken.said["data"] for taken in there.taken]
    of_it = [data["sequence"] for data in told if data["appointment_id"] == stuck.appointment_id]
    assert of_it == sorted(of_it)
    assert of_it[-2:] == [1, 2]
    assert states(hooks) == ["delivered"] * 3


def told(session: Session, world: World) -> list[str]:
    """Who got mail that an endpoint is off: whoever runs the settings of this firm, and is still there."""
    found = sa.select(MailMessage).order_by(MailMessage.mail_message_id)
    mails = session.scalars(found.where(MailMessage.template == MailTemplate.WEBHOOK_OFF)).all()
    assert {mail.firm_id for mail in mails} <= {world.firm.firm_id}
    return [mail.recipient for mail in mails]


def test_gone_disables_the_endpoint_and_drops_what_waits(
    hooks: Hooks, session: Session, world: World, book: Book, there: Receiver
) -> None:
    number = hooks.add(world, there.url)
    there.always(status=410)
    book()
    book(start=world.now + 3 * DAY)
    hooks.deliver(world.now)
    endpoint = hooks.endpoint(number)
    assert endpoint.disabled is Disabled.GONE
    assert endpoint.disabled_at is not None
    assert states(hooks) == ["failed", "dropped"]
    noted = session.scalars(sa.select(AuditEvent)).all()
    assert [(each.subject, each.action, each.actor_label) for each in noted] == [
        ("webhook_endpoint", "disable", "the system")
    ]
    session.commit()
    assert told(session, world) == [world.owner.email, world.manager.email]
    mail = session.scalars(sa.select(MailMessage)).all()[0]
    assert mail.subject == "Switched off: webhooks to 127.0.0.1"
    assert "Reason: It answered that it is gone (410)" in mail.text_body
    assert f"/settings/webhooks/{number}\n" in mail.text_body
    assert there.url not in mail.text_body  # what follows the host may be a secret
    session.commit()
    book(start=world.now + 5 * DAY)
    assert len(hooks.deliveries()) == 2  # nothing is written for it any more
    assert hooks.deliver(world.now + DAY) == {"delivered": 0, "refused": 0}


def test_failing_for_days_disables_the_endpoint(
    hooks: Hooks, session: Session, world: World, book: Book, there: Receiver
) -> None:
    number = hooks.add(world, there.url)
    there.always(status=500)
    book()
    hooks.deliver(world.now)
    session.execute(sa.update(WebhookDelivery).values(due_at=world.now + 5 * DAY))
    session.commit()
    book(start=world.now + 6 * DAY)
    hooks.deliver(world.now + 5 * DAY - timedelta(minutes=1))
    assert hooks.endpoint(number).disabled is None
    hooks.deliver(world.now + 5 * DAY + timedelta(hours=1))
    assert hooks.endpoint(number).disabled is Disabled.FAILING
    assert set(states(hooks)) == {"dropped"}
    session.rollback()
    assert told(session, world) == [world.owner.email, world.manager.email]


def test_a_firm_that_wants_no_mail_of_it_gets_none(
    hooks: Hooks, session: Session, world: World, book: Book, there: Receiver
) -> None:
    hooks.add(world, there.url)
    there.always(status=410)
    session.add(MailSwitch(firm_id=world.firm.firm_id, template=MailTemplate.WEBHOOK_OFF))
    book()
    hooks.deliver(world.now)
    session.rollback()
    assert told(session, world) == []


def test_a_ping_is_tried_once(hooks: Hooks, session: Session, world: World, there: Receiver) -> None:
    number = hooks.add(world, there.url)
    there.always(status=500)
    session.add(
        WebhookDelivery(
            firm_id=world.firm.firm_id,
            webhook_endpoint_id=number,
            event_type=PING,
            with_text=False,
            state=DeliveryState.WAITING,
            due_at=world.now,
            created_at=world.now,
        )
    )
    session.commit()
    hooks.deliver(world.now)
    assert states(hooks) == ["failed"]
    assert there.taken[0].said["type"] == PING


def test_a_replay_has_the_id_and_the_bytes_of_the_event(
    hooks: Hooks, session: Session, world: World, book: Book, there: Receiver
) -> None:
    hooks.add(world, there.url)
    book()
    hooks.deliver(world.now)
    (first,) = hooks.deliveries()
    session.add(
        WebhookDelivery(
            firm_id=first.firm_id,
            webhook_endpoint_id=first.webhook_endpoint_id,
            outbox_event_id=first.outbox_event_id,
            replay=1,
            appointment_id=first.appointment_id,
            sequence=first.sequence,
            event_type=first.event_type,
            with_text=False,
            state=DeliveryState.WAITING,
            due_at=world.now,
            created_at=world.now + DAY,
        )
    )
    session.commit()
    hooks.deliver(world.now + DAY)
    original, again = there.taken
    assert (original.id, original.body) == (again.id, again.body)


def test_an_address_that_is_refused_fails_without_a_connection(
    hooks: Hooks, world: World, book: Book, there: Receiver
) -> None:
    hooks.settings = type(hooks.settings)(
        database_url=hooks.settings.database_url, secret_key=hooks.settings.secret_key
    )
    hooks.add(world, there.url)
    book()
    assert hooks.deliver(world.now) == {"delivered": 0, "refused": 1}
    assert there.connections == 0
    (attempt,) = hooks.attempts()
    assert attempt.status is None
    assert "Use https" in str(attempt.error) or "this very machine" in str(attempt.error)


def test_what_was_dropped_meanwhile_stays_dropped(
    hooks: Hooks, world: World, book: Book, there: Receiver
) -> None:
    number = hooks.add(world, there.url)
    book()

    def answer(_taken: Taken) -> Reply:
        with hooks.session() as session:
            deliveries.drop(session, number, firm_id=world.firm.firm_id, now=world.now)
            session.commit()
        return Reply()

    there.answer = answer
    hooks.deliver(world.now)
    (delivery,) = hooks.deliveries()
    assert (delivery.state, delivery.attempts) == (DeliveryState.DROPPED, 1)
    assert len(hooks.attempts()) == 1


def test_nothing_is_open_in_the_database_while_somebody_is_spoken_to(
    hooks: Hooks, world: World, book: Book, there: Receiver
) -> None:
    """The receiver itself writes, which on SQLite only one can do at a time."""
    hooks.add(world, there.url)
    book()

    def answer(_taken: Taken) -> Reply:
        with hooks.session() as session:
            session.execute(sa.update(WebhookEndpoint).values(description="written meanwhile"))
            session.commit()
        return Reply()

    there.answer = answer
    assert hooks.deliver(world.now) == {"delivered": 1, "refused": 0}


def test_an_endpoint_that_another_worker_holds_is_left_to_it_until_its_claim_ends(
    hooks: Hooks, session: Session, world: World, book: Book, there: Receiver
) -> None:
    hooks.add(world, there.url)
    book()
    session.execute(sa.update(WebhookEndpoint).values(leased_by="w9", leased_until=world.now + 60 * SECOND))
    session.commit()
    assert hooks.deliver(world.now) == {"delivered": 0, "refused": 0}
    assert hooks.deliver(world.now + 61 * SECOND) == {"delivered": 1, "refused": 0}


def test_firms_hear_of_their_own_alone(
    hooks: Hooks, session: Session, world: World, listening: Listening
) -> None:
    from tests.factories import make_world

    other = make_world(session, slug="other")
    mine, theirs = listening(), listening()
    hooks.add(world, mine.url)
    hooks.add(other, theirs.url)
    at_status(session, Status.CONFIRMED, world)
    hooks.deliver(world.now)
    assert (len(mine.taken), len(theirs.taken)) == (1, 0)


@pytest.mark.one_engine("sqlite")  # it is about the time that a hanging endpoint takes
def test_a_hanging_endpoint_ends_after_its_time(
    hooks: Hooks, world: World, book: Book, there: Receiver
) -> None:
    hooks.timeout = 0.3
    hooks.add(world, there.url)
    there.always(how=HANG)
    book()
    assert hooks.deliver(world.now) == {"delivered": 0, "refused": 1}
    assert hooks.deliveries()[0].last_error == "There was no whole answer in time."
    assert sending.TIMEOUT == 15
