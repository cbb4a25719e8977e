"""What goes wrong between an answer and its row: the try counts, and a claim that ended changes nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from tests.delivery.webhooks.conftest import Hooks
from tests.factories import DAY, World
from tests.support.receiver import Receiver, Reply, Taken
from webapp.delivery.webhooks import retries
from webapp.delivery.webhooks.claims import LEASE
from webapp.models import Appointment, OutboxEvent, WebhookAttempt, WebhookDelivery
from webapp.vocabulary import DeliveryState

Book = Callable[..., Appointment]
SECOND = timedelta(seconds=1)


@pytest.fixture
def there(listening: Callable[..., Receiver]) -> Receiver:
    return listening()


@contextmanager
def breaking(model: type, moment: str, when: Callable[[Any], bool]) -> Iterator[None]:
    """The database layer raises at this moment of such a row."""

    def breaks(*facts: Any) -> None:
        if when(facts[-1] if moment == "before_insert" else facts[0]):
            raise RuntimeError("broken")

    event.listen(model, moment, breaks)
    try:
        yield
    finally:
        event.remove(model, moment, breaks)


@pytest.mark.parametrize(
    "asked",
    [
        "Mon, 01 Jan 2024 00:00:00 +9999999999999999999",
        f"Mon, 01 Jan {'9' * 30} 00:00:00 GMT",
        f"Mon, 01 Jan 2024 {'9' * 30}:00:00 GMT",
    ],
)
def test_a_retry_after_beyond_all_dates_is_a_failure_like_another(
    hooks: Hooks, world: World, book: Book, there: Receiver, asked: str
) -> None:
    number = hooks.add(world, there.url)
    there.always(status=503, headers={"retry-after": asked})
    book()
    assert hooks.deliver(world.now) == {"delivered": 0, "refused": 1}
    (delivery,) = hooks.deliveries()
    assert (delivery.attempts, delivery.last_error) == (1, "It answered with 503.")
    assert len(hooks.attempts()) == 1
    assert hooks.endpoint(number).leased_by is None


def test_an_answer_that_cannot_be_written_down_is_a_try_that_failed(
    hooks: Hooks, world: World, book: Book, there: Receiver
) -> None:
    number = hooks.add(world, there.url)
    book()
    with breaking(WebhookAttempt, "before_insert", lambda attempt: attempt.status is not None):
        hooks.deliver(world.now)
    (delivery,) = hooks.deliveries()
    assert (delivery.state, delivery.attempts) == (DeliveryState.WAITING, 1)
    assert delivery.last_error == "Its answer could not be written down: RuntimeError"
    assert delivery.due_at > world.now
    (attempt,) = hooks.attempts()
    assert (attempt.status, attempt.error) == (None, delivery.last_error)
    endpoint = hooks.endpoint(number)
    assert endpoint.leased_by is None
    assert endpoint.failing_since is not None


def test_what_breaks_the_next_does_not_undo_what_arrived(
    hooks: Hooks, world: World, book: Book, there: Receiver
) -> None:
    hooks.add(world, there.url)
    book()
    second = book(start=world.now + 3 * DAY).appointment_id
    with breaking(WebhookDelivery, "load", lambda row: row.appointment_id == second):
        hooks.deliver(world.now)
    assert [each.state.value for each in hooks.deliveries()] == ["delivered", "waiting"]
    hooks.deliver(world.now + 2 * LEASE)
    assert len(there.taken) == len(set(there.ids)) == 2


def broken_row(session: Session) -> None:
    """What only breaks in Python, and on PostgreSQL what leaves no transaction to go on with."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SELECT 1 / 0"))
    raise RuntimeError("broken")


@contextmanager
def unreadable(appointment_id: int) -> Iterator[None]:
    """The events of this appointment break whoever reads them."""

    def breaks(row: OutboxEvent, context: Any) -> None:
        if row.appointment_id == appointment_id:
            broken_row(context.session)

    event.listen(OutboxEvent, "load", breaks)
    try:
        yield
    finally:
        event.remove(OutboxEvent, "load", breaks)


def test_one_that_cannot_be_put_into_words_has_had_a_try_and_the_others_go_on(
    hooks: Hooks, world: World, book: Book, there: Receiver
) -> None:
    number = hooks.add(world, there.url)
    bad = book().appointment_id
    book(start=world.now + 3 * DAY)
    with unreadable(bad):
        assert hooks.deliver(world.now) == {"delivered": 1, "refused": 0}
        first, second = hooks.deliveries()
        assert (first.state, first.attempts) == (DeliveryState.WAITING, 1)
        assert first.last_error in {f"It cannot be written: {kind}" for kind in ("RuntimeError", "DataError")}
        assert first.due_at > world.now
        assert second.state is DeliveryState.DELIVERED
        attempt, _arrived = hooks.attempts()
        assert (attempt.status, attempt.request_body, attempt.error) == (None, "", first.last_error)
        endpoint = hooks.endpoint(number)
        assert (endpoint.leased_by, endpoint.failing_since, endpoint.rests_until) == (None, None, None)
    assert hooks.deliver(world.now + LEASE) == {"delivered": 1, "refused": 0}
    assert [each.state.value for each in hooks.deliveries()] == ["delivered", "delivered"]


def test_one_that_can_never_be_put_into_words_has_failed_in_the_end(
    hooks: Hooks, world: World, book: Book, there: Receiver
) -> None:
    number = hooks.add(world, there.url)
    bad, now = book().appointment_id, world.now
    with unreadable(bad):
        for tries in range(1, retries.TRIES + 1):
            hooks.deliver(now)
            (delivery,) = hooks.deliveries()
            assert delivery.attempts == len(hooks.attempts()) == tries
            now = delivery.due_at
    assert delivery.state is DeliveryState.FAILED
    assert hooks.endpoint(number).disabled is None
    assert there.taken == []


def test_an_answer_after_the_claim_ended_changes_nothing(
    hooks: Hooks, world: World, book: Book, there: Receiver
) -> None:
    """While the first worker waits, another takes over and is refused; then the first hears 200."""
    number = hooks.add(world, there.url)
    book()
    later = world.now + LEASE + SECOND

    def answer(_taken: Taken) -> Reply:
        if there.taken:
            return Reply(status=500)
        there.taken.append(_taken)
        assert hooks.deliver(later, worker="w2") == {"delivered": 0, "refused": 1}
        return Reply()

    there.answer = answer
    hooks.deliver(world.now)
    (delivery,) = hooks.deliveries()
    assert (delivery.state, delivery.attempts, delivery.last_status) == (DeliveryState.WAITING, 1, 500)
    assert [attempt.status for attempt in hooks.attempts()] == [500]
    assert hooks.endpoint(number).failing_since is not None
