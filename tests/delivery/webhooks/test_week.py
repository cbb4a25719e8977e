"""A busy week, heard of by webhooks alone: the receiver ends with exactly the database's statuses.

The receiver is written against the specification. It refuses now and then, asks to be left alone, and loses
answers that it has given, so that what it had believed comes again.
"""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from tests.delivery.webhooks.busy_week import Week
from tests.delivery.webhooks.conftest import Hooks
from tests.factories import World
from tests.support.receiver import DROP, Ledger, Receiver, Reply, Taken
from webapp.models import Appointment, OutboxEvent
from webapp.queries import invariants
from webapp.vocabulary import Action, DeliveryState, Status

SOON = timedelta(minutes=6)


class Moody:
    """Answers 500 or 503 to some, and drops some connections after it has believed what they said."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.chance = ledger, random.Random(5)

    def __call__(self, taken: Taken) -> Reply:
        mood = self.chance.random()
        if mood < 0.02:
            return Reply(status=500)
        if mood < 0.03:
            return Reply(status=503, headers={"retry-after": "90"})
        self.ledger.take(taken)
        return Reply(how=DROP) if mood < 0.06 else Reply(status=202)


def catch_up(hooks: Hooks, number: int, moment: datetime) -> datetime:
    """Rounds until nothing waits, at the times at which something is due."""
    for _ in range(2000):
        waiting = [row for row in hooks.deliveries(number) if row.state is DeliveryState.WAITING]
        if not waiting:
            return moment
        rests = hooks.endpoint(number).rests_until or moment
        moment = max(moment + timedelta(seconds=1), rests, min(row.due_at for row in waiting))
        hooks.deliver(moment)
    raise AssertionError(f"{len(waiting)} still wait")


def really(session: Session) -> dict[int, tuple[Any, ...]]:
    """The database's view of each appointment."""
    to = aliased(Appointment)
    rows = session.execute(
        sa.select(Appointment, to.appointment_id).outerjoin(
            to, to.rescheduled_from_id == Appointment.appointment_id
        )
    )
    return {
        one.appointment_id: (
            one.status.value,
            one.version,
            one.no_show_party,
            one.cancelled_by,
            one.cancellation_kind,
            one.rescheduled_from_id,
            successor,
            one.chain_root_id or one.appointment_id,
            one.start_time,
            one.end_time,
        )
        for one, successor in rows
    }


def heard(ledger: Ledger) -> dict[int, tuple[Any, ...]]:
    """The receiver's view."""
    return {
        number: (
            data["to_status"],
            data["version"],
            data["no_show_party"],
            data["cancelled_by"],
            data["cancellation_kind"],
            data["rescheduled_from"],
            data["rescheduled_to"],
            data["chain_id"],
            datetime.fromisoformat(data["start_time"]),
            datetime.fromisoformat(data["end_time"]),
        )
        for number, data in ledger.known.items()
    }


def test_a_week_heard_of_by_webhooks_alone_ends_with_the_databases_statuses(
    hooks: Hooks, session: Session, world: World, listening: Callable[..., Receiver]
) -> None:
    there = listening()
    number = hooks.add(world, there.url)
    ledger = Ledger(hooks.secret(number))
    there.answer = Moody(ledger)
    for now in Week(session, world).hours():
        hooks.deliver(now)
        hooks.deliver(now + SOON)
    catch_up(hooks, number, now + SOON)
    truth = really(session)
    assert heard(ledger) == truth
    assert not list(invariants.check(session))
    events = session.scalar(sa.select(sa.func.count()).select_from(OutboxEvent)) or 0
    actions = Counter(session.scalars(sa.select(OutboxEvent.payload["action"].as_string())))
    session.rollback()
    print(
        f"\n{hooks.engine.dialect.name}: {len(truth)} appointments, {events} events, {len(there.taken)} sent"
    )
    assert len(ledger.seen) == events
    assert {state for state, *_ in truth.values()} >= set(Status) - {
        Status.REQUESTED,
        Status.AWAITING_CONFIRMATION,
    }
    assert set(actions) >= set(Action) - {Action.IMPORT}
    assert ledger.repeated > 0
    assert (ledger.out_of_order, ledger.gaps) == (0, 0)
    assert {delivery.state for delivery in hooks.deliveries()} == {DeliveryState.DELIVERED}
