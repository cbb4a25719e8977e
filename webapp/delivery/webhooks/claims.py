"""Which endpoint is whose turn, which delivery is next, and what an answer means for both.

An endpoint is claimed by lease, so that only one thread of one worker speaks to it at a time. Of one
appointment the earlier delivery goes first: a later one waits until it has arrived or was given up.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session, aliased

from webapp.delivery.webhooks import bodies, retries, signing
from webapp.delivery.webhooks.sending import Answer
from webapp.lifecycle import audit, deliveries
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.webhook_secrets import signing_secrets
from webapp.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from webapp.vocabulary import DeliveryState, Disabled

LEASE = timedelta(minutes=2)  # renewed with each delivery; several times what one can take
SHARE = 3  # of a worker's threads that one firm's endpoints get at once
GONE = 410
SUBJECT = "webhook_endpoint"
Earlier = aliased(WebhookDelivery, name="earlier")
InHand = aliased(WebhookEndpoint, name="in_hand")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """One delivery to be sent, with everything that it takes."""

    webhook_delivery_id: int
    url: str
    body: bytes
    headers: dict[str, str]
    begun: datetime


def any_due(session: Session, moment: datetime) -> bool:
    """Whether an endpoint has something to get. Only reads."""
    session.connection(execution_options={"write": False})
    found = session.scalar(_due(moment).limit(1))
    session.rollback()
    return found is not None


def claim(session: Session, worker: str, moment: datetime, *, failing: bool, limit: int) -> list[int]:
    """Take endpoints that have something to get: of firms with few in hand first, then who waited longest.

    A worker has at most ``SHARE`` endpoints of a firm in hand, so that no firm's slow ones take all threads.

    Args:
        failing: those that failed the last time, or else those that did not.
    """
    state = WebhookEndpoint.failing_since
    due = _due(moment).where(state.is_not(None) if failing else state.is_(None))
    queue = _queue(due, worker, moment)
    found = session.scalars(
        due.join(queue, queue.c.webhook_endpoint_id == WebhookEndpoint.webhook_endpoint_id)
        .where(queue.c.place <= SHARE)
        .order_by(queue.c.place, queue.c.waiting)
        .limit(limit)
        .with_for_update(of=WebhookEndpoint, skip_locked=True, key_share=True)
    ).all()
    if found:
        session.execute(
            sa.update(WebhookEndpoint)
            .where(WebhookEndpoint.webhook_endpoint_id.in_(found))
            .values(leased_until=moment + LEASE, leased_by=worker)
            .execution_options(synchronize_session=False)
        )
    return list(found)


def _queue(due: sa.Select[int], worker: str, moment: datetime) -> sa.Subquery:
    """Each endpoint's place in its firm, after those that the worker has in hand, and since when it waits."""
    waiting = (
        sa.select(sa.func.min(WebhookDelivery.due_at))
        .where(
            WebhookDelivery.webhook_endpoint_id == WebhookEndpoint.webhook_endpoint_id,
            WebhookDelivery.state == DeliveryState.WAITING,
        )
        .scalar_subquery()
    )
    in_hand = (
        sa.select(sa.func.count())
        .where(
            InHand.firm_id == WebhookEndpoint.firm_id,
            InHand.leased_by == worker,
            InHand.leased_until > moment,
        )
        .scalar_subquery()
    )
    number = sa.func.row_number().over(partition_by=WebhookEndpoint.firm_id, order_by=waiting)
    return due.add_columns((number + in_hand).label("place"), waiting.label("waiting")).subquery("queue")


def _due(moment: datetime) -> sa.Select[int]:
    free = sa.or_(WebhookEndpoint.leased_until.is_(None), WebhookEndpoint.leased_until <= moment)
    rested = sa.or_(WebhookEndpoint.rests_until.is_(None), WebhookEndpoint.rests_until <= moment)
    due = sa.exists().where(
        WebhookDelivery.webhook_endpoint_id == WebhookEndpoint.webhook_endpoint_id,
        WebhookDelivery.state == DeliveryState.WAITING,
        WebhookDelivery.due_at <= moment,
        ~_behind(),
    )
    listening = deliveries.listening()
    return sa.select(WebhookEndpoint.webhook_endpoint_id).where(*listening, free, rested, due)


def _behind() -> sa.ColumnElement[bool]:
    """Whether an earlier delivery of the same appointment still waits."""
    return (
        sa.exists()
        .where(
            Earlier.webhook_endpoint_id == WebhookDelivery.webhook_endpoint_id,
            Earlier.appointment_id == WebhookDelivery.appointment_id,
            Earlier.webhook_delivery_id < WebhookDelivery.webhook_delivery_id,
            Earlier.state == DeliveryState.WAITING,
        )
        .correlate(WebhookDelivery)
    )


def held(session: Session, webhook_endpoint_id: int, worker: str) -> WebhookEndpoint | None:
    """The endpoint, if this worker still has it, locked. Events can be written for it meanwhile."""
    return session.scalars(
        sa.select(WebhookEndpoint)
        .where(
            WebhookEndpoint.webhook_endpoint_id == webhook_endpoint_id, WebhookEndpoint.leased_by == worker
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def following(session: Session, endpoint: WebhookEndpoint, moment: datetime, *, key: str) -> Work | None:
    """The next delivery of a claimed endpoint, signed for this moment; renews the claim.

    One that cannot be put into words has had a try, of which the endpoint knows nothing, and the one after it
    is taken.
    """
    while (delivery := _next(session, endpoint, moment)) is not None:
        try:
            with session.begin_nested():
                work = _worded(session, endpoint, delivery, moment, key)
        except (OperationalError, InterfaceError):
            raise  # the database, not this delivery
        except Exception as error:
            log.exception("webhook delivery %s cannot be written", delivery.webhook_delivery_id)
            _unsent(session, delivery, f"It cannot be written: {type(error).__name__}", moment)
        else:
            endpoint.leased_until = moment + LEASE
            return work
    return None


def _worded(
    session: Session, endpoint: WebhookEndpoint, delivery: WebhookDelivery, moment: datetime, key: str
) -> Work:
    said = bodies.message(session, delivery)
    secrets = signing_secrets(
        endpoint.webhook_endpoint_id,
        key=key,
        turn=endpoint.turn,
        turned_at=endpoint.turned_at,
        now=moment,
    )
    headers = signing.headers(said.message_id, said.body, secrets=secrets, moment=moment)
    return Work(delivery.webhook_delivery_id, endpoint.url, said.body, headers, moment)


def _unsent(session: Session, delivery: WebhookDelivery, problem: str, moment: datetime) -> None:
    """Write down a try that sent nothing."""
    nothing = Work(delivery.webhook_delivery_id, "", b"", {}, moment)
    answer = Answer({}, 0, error=problem)
    _count(session, delivery, nothing, answer)
    _decide(delivery, answer, moment)
    session.flush()


def _count(session: Session, delivery: WebhookDelivery, work: Work, answer: Answer) -> None:
    session.add(_attempt(delivery, work, answer))
    delivery.attempts += 1
    delivery.last_status, delivery.last_error = answer.status, answer.error


def _next(session: Session, endpoint: WebhookEndpoint, moment: datetime) -> WebhookDelivery | None:
    if endpoint.disabled is not None or endpoint.removed_at is not None:
        return None
    if endpoint.rests_until is not None and endpoint.rests_until > moment:
        return None
    return session.scalars(
        sa.select(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_endpoint_id == endpoint.webhook_endpoint_id,
            WebhookDelivery.state == DeliveryState.WAITING,
            WebhookDelivery.due_at <= moment,
            ~_behind(),
        )
        .order_by(WebhookDelivery.due_at, WebhookDelivery.webhook_delivery_id)
        .limit(1)
    ).one_or_none()


def mark(
    session: Session, endpoint: WebhookEndpoint, work: Work, answer: Answer, moment: datetime
) -> Disabled | None:
    """Write down a try, what it means for the delivery, and for the endpoint: why, if that is off now."""
    delivery = session.get_one(
        WebhookDelivery, work.webhook_delivery_id, populate_existing=True, with_for_update=True
    )
    _count(session, delivery, work, answer)
    if answer.good:
        endpoint.failing_since = endpoint.rests_until = None
    else:
        _rest(endpoint, answer, moment)
    if delivery.state is DeliveryState.WAITING:  # it may have been dropped meanwhile
        _decide(delivery, answer, moment)
    session.flush()
    why = None
    if answer.status == GONE:
        why = Disabled.GONE
    elif endpoint.failing_since is not None and moment - endpoint.failing_since >= retries.GIVE_UP:
        why = Disabled.FAILING
    return why if why is not None and _switch_off(session, endpoint, why, moment) else None


def release(endpoint: WebhookEndpoint) -> None:
    """Let others have the endpoint."""
    endpoint.leased_until = endpoint.leased_by = None


def _attempt(delivery: WebhookDelivery, work: Work, answer: Answer) -> WebhookAttempt:
    return WebhookAttempt(
        firm_id=delivery.firm_id,
        webhook_delivery_id=delivery.webhook_delivery_id,
        attempted_at=work.begun,
        took=answer.took,
        request_headers="\n".join(f"{name}: {value}" for name, value in answer.sent.items()),
        request_body=work.body.decode(),
        status=answer.status,
        response_headers=answer.headers,
        response_body=answer.body,
        error=answer.error,
    )


def _decide(delivery: WebhookDelivery, answer: Answer, moment: datetime) -> None:
    """A ping is tried once: somebody waits for what comes of it."""
    if answer.good:
        _end(delivery, DeliveryState.DELIVERED, moment)
    elif delivery.outbox_event_id is None or delivery.attempts >= retries.TRIES or answer.status == GONE:
        _end(delivery, DeliveryState.FAILED, moment)
    else:
        pause = retries.wait(delivery.attempts, delivery.webhook_delivery_id)
        delivery.due_at = moment + max(pause, retries.asked(answer.retry_after, moment))


def _end(delivery: WebhookDelivery, state: DeliveryState, moment: datetime) -> None:
    delivery.state, delivery.ended_at = state, moment


def _rest(endpoint: WebhookEndpoint, answer: Answer, moment: datetime) -> None:
    endpoint.failing_since = endpoint.failing_since or moment
    pause = retries.rest(endpoint.failing_since, moment)
    endpoint.rests_until = moment + max(pause, retries.asked(answer.retry_after, moment))


def _switch_off(session: Session, endpoint: WebhookEndpoint, why: Disabled, moment: datetime) -> bool:
    if endpoint.disabled is not None:
        return False
    dropped = deliveries.disable(session, endpoint, why, now=moment)
    log.warning("webhook endpoint %s is off: %s dropped=%d", endpoint.webhook_endpoint_id, why, dropped)
    audit.note(
        session,
        actor=Actor.system(endpoint.firm_id),
        subject=SUBJECT,
        subject_id=endpoint.webhook_endpoint_id,
        action="disable",
        changed={"disabled": [None, why.value]},
        now=moment,
    )
    return True
