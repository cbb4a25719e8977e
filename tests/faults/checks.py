"""What must be true whenever the programs rest: nothing acknowledged is lost, nothing happened twice."""

from collections import Counter
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.faults import client
from tests.faults.post import Post
from tests.faults.stack import LEASES_END, Stack
from webapp.models import (
    Appointment,
    AppointmentStatusHistory,
    MailMessage,
    OutboxEvent,
    WebhookDelivery,
)
from webapp.queries import invariants
from webapp.vocabulary import Action, DeliveryState, MailState, Status

TOLD = {Action.BOOK, Action.CANCEL, Action.RESCHEDULE}
DRAIN = 90  # seconds


def of_ledger(session: Session, ledger: client.Ledger) -> Iterator[str]:
    """Each acknowledged change that is not there, and each effect that is there twice."""
    rows = session.execute(
        sa.select(
            Appointment.appointment_id,
            Appointment.status,
            Appointment.notes,
            Appointment.location,
            Appointment.rescheduled_from_id,
        )
    ).all()
    known = {row.appointment_id: row for row in rows}
    booked = Counter(row.notes for row in rows if row.rescheduled_from_id is None)
    history = sa.select(AppointmentStatusHistory.reason, AppointmentStatusHistory.to_status)
    steps = Counter(tuple(row) for row in session.execute(history))
    for key in ledger.sent:
        effects = booked[key] + steps[key, Status.CANCELLED] + steps[key, Status.RESCHEDULED]
        if effects > 1:
            yield f"{key} had {effects} effects"
    for key, number in ledger.booked.items():
        if number not in known or known[number].notes != key:
            yield f"booking {number} is lost"
    for key, (number, follower) in ledger.moved.items():
        if steps[key, Status.RESCHEDULED] != 1 or follower not in known:
            yield f"the move of {number} to {follower} is lost"
    for key, number in ledger.cancelled.items():
        if steps[key, Status.CANCELLED] != 1 or known[number].status is not Status.CANCELLED:
            yield f"the cancellation of {number} is lost"
    for number, location in ledger.noted.items():
        if number in known and known[number].location != location:
            yield f"the note on {number} is lost"
    for number in ledger.live:
        if number in known and known[number].status is not Status.CONFIRMED:
            yield f"{number} is {known[number].status}, and nobody said so"


def of_invariants(session: Session) -> list[str]:
    return [
        f"invariant {found.number} is broken: {found.sentence} {found.rows[:2]}"
        for found in invariants.check(session, limit=5)
    ]


def waiting(stack: Stack) -> int:
    """How many events, mails and webhooks are still on their way."""
    queues = (
        (OutboxEvent, OutboxEvent.handled_at.is_(None)),
        (MailMessage, MailMessage.state == MailState.WAITING),
        (WebhookDelivery, WebhookDelivery.state == DeliveryState.WAITING),
    )
    with stack.reader() as session:
        return sum(
            session.scalar(sa.select(sa.func.count()).select_from(model).where(where)) or 0
            for model, where in queues
        )


def drain(stack: Stack) -> None:
    """Until nothing waits any more; whoever died with something in hand has lost the claim."""
    stack.pass_(LEASES_END)
    stack.wait_for(lambda: waiting(stack) == 0, f"{waiting(stack)} wait for ever", DRAIN)


def of_post(session: Session, post: Post) -> Iterator[str]:
    """Each mail and webhook that should have arrived and did not. Nothing may be waiting."""
    sent = session.execute(
        sa.select(MailMessage.mail_message_id, MailMessage.dedup_key, MailMessage.state)
    ).all()
    for number, _key, state in sent:
        if state is not MailState.SENT:
            yield f"mail {number} is {state}"
        elif not post.mails[number]:
            yield f"mail {number} counts as sent and did not arrive"
    written = {key.split(":")[1] for _number, key, _state in sent if key.startswith("event:")}
    last: dict[int, tuple[int, str]] = {}
    for event in session.execute(_events()):
        told = event.action in TOLD and event.to_status is not Status.RESCHEDULED
        if told and str(event.outbox_event_id) not in written:
            yield f"of event {event.outbox_event_id} no mail was written"
        last[event.appointment_id] = (event.sequence, event.to_status.value)
    for number, (sequence, status) in last.items():
        heard = post.heard.known.get(number, {})
        if (heard.get("sequence"), heard.get("to_status")) != (sequence, status):
            yield f"the receiver does not know that {number} is {status}"
    if post.heard.gaps or post.heard.out_of_order:
        yield f"webhooks with {post.heard.gaps} gaps, {post.heard.out_of_order} out of order"


def _events() -> "sa.Select[int, int, int, Action, Status]":
    same = sa.and_(
        AppointmentStatusHistory.firm_id == OutboxEvent.firm_id,
        AppointmentStatusHistory.appointment_id == OutboxEvent.appointment_id,
        AppointmentStatusHistory.sequence == OutboxEvent.sequence,
    )
    return (
        sa.select(
            OutboxEvent.outbox_event_id,
            OutboxEvent.appointment_id,
            OutboxEvent.sequence,
            AppointmentStatusHistory.action,
            AppointmentStatusHistory.to_status,
        )
        .join(AppointmentStatusHistory, same)
        .order_by(OutboxEvent.appointment_id, OutboxEvent.sequence)
    )


def everything(stack: Stack, ledger: client.Ledger) -> list[str]:
    """All of the above, while the programs rest."""
    with stack.reader() as session:
        found = [*ledger.faults, *of_ledger(session, ledger)]
    drain(stack)
    stack.collect()
    with stack.reader() as session:
        return [*found, *of_invariants(session), *of_post(session, stack.post)]


def of_commands(stack: Stack) -> list[str]:
    """What ``daybook verify`` and ``daybook audit verify`` find."""
    found = []
    for words in (["verify"], ["audit", "verify"]):
        done = stack.command(*words)
        if done.returncode:
            found.append(f"daybook {' '.join(words)}: {done.stdout[-600:]}{done.stderr[-600:]}")
    return found
