"""One POST per step of the transition table. Each may carry ``If-Match`` and an ``Idempotency-Key``."""

from collections.abc import Callable
from typing import Any

from webapp.api import records
from webapp.api.operations import Answer, Call, operation
from webapp.api.shapes.appointments import (
    AppointmentOut,
    CancelIn,
    CompleteIn,
    ConfirmIn,
    CorrectIn,
    DeclineIn,
    Moved,
    NoFacts,
    NoShowIn,
    RescheduleIn,
)
from webapp.lifecycle import appointments as lifecycle
from webapp.lifecycle.appointments import NewSlot
from webapp.lifecycle.booking import REASON_LENGTH
from webapp.lifecycle.text import prose
from webapp.queries import appointment_records
from webapp.queries import appointments as pages
from webapp.vocabulary import Scope

TAG = "Steps"


def step(
    word: str,
    body: Any,
    summary: str,
    *,
    answer: Any = AppointmentOut,
    scope: Scope = Scope.APPOINTMENTS_WRITE,
) -> Callable[..., Any]:
    """A step of one appointment, at its own address."""
    return operation(
        "POST",
        f"/appointments/<int:appointment_id>/{word}",
        scope=scope,
        answer=answer,
        body=body,
        versioned=True,
        refusals=(409,),
        tag=TAG,
        summary=summary,
    )


def _take(call: Call, appointment_id: int, act: Callable[..., Any], **facts: Any) -> Answer:
    found = pages.get(call.session, firm_id=call.firm_id, appointment_id=appointment_id)
    act(call.session, found, actor=call.actor, now=call.now, expected_version=call.expected_version, **facts)
    return records.answer(call, appointment_id)


def _optional(reason: str | None) -> str | None:
    return prose(reason, REASON_LENGTH, "reason") or None


@step("approve", NoFacts, "Approve a request")
def approve(call: Call, appointment_id: int, body: NoFacts) -> Answer:
    """requested → confirmed."""
    return _take(call, appointment_id, lifecycle.approve)


@step("decline", DeclineIn, "Decline a request")
def decline(call: Call, appointment_id: int, body: DeclineIn) -> Answer:
    """requested → cancelled, kind ``declined``."""
    return _take(call, appointment_id, lifecycle.decline, reason=body.reason)


@step("confirm", ConfirmIn, "Confirm what awaits confirmation")
def confirm(call: Call, appointment_id: int, body: ConfirmIn) -> Answer:
    """awaiting_confirmation → confirmed."""
    return _take(call, appointment_id, lifecycle.confirm, reason=_optional(body.reason))


@step("cancel", CancelIn, "Cancel an appointment")
def cancel(call: Call, appointment_id: int, body: CancelIn) -> Answer:
    """confirmed or awaiting_confirmation → cancelled. The client is told the reason."""
    return _take(call, appointment_id, lifecycle.cancel, reason=body.reason, cancelled_by=body.cancelled_by)


@step("reschedule", RescheduleIn, "Move an appointment", answer=Moved)
def reschedule(call: Call, appointment_id: int, body: RescheduleIn) -> Answer:
    """confirmed → rescheduled, and a confirmed successor at the new time, in one transaction."""
    found = pages.get(call.session, firm_id=call.firm_id, appointment_id=appointment_id)
    slot = NewSlot(
        start_time=body.start_time,
        end_time=body.end_time or body.start_time + (found.end_time - found.start_time),
        staff_user_id=body.staff_user_id,
        double_book=body.double_book,
    )
    successor = lifecycle.reschedule(
        call.session,
        found,
        actor=call.actor,
        slot=slot,
        reason=body.reason,
        now=call.now,
        expected_version=call.expected_version,
    )
    both = [
        records.told(call, appointment_records.get(call.session, firm_id=call.firm_id, appointment_id=each))
        for each in (appointment_id, successor.appointment_id)
    ]
    return Answer(Moved(original=both[0], successor=both[1]), version=both[0].version)


@step("complete", CompleteIn, "Record that it took place")
def complete(call: Call, appointment_id: int, body: CompleteIn) -> Answer:
    """confirmed → completed, from the start on."""
    return _take(call, appointment_id, lifecycle.complete, reason=_optional(body.reason))


@step("no-show", NoShowIn, "Record that somebody did not come")
def mark_no_show(call: Call, appointment_id: int, body: NoShowIn) -> Answer:
    """confirmed → no_show, from the start on."""
    return _take(
        call,
        appointment_id,
        lifecycle.mark_no_show,
        party=body.no_show_party,
        note=body.note,
        occurred_at=body.occurred_at,
    )


@step("correct", CorrectIn, "Correct an outcome", scope=Scope.APPOINTMENTS_MANAGE)
def correct(call: Call, appointment_id: int, body: CorrectIn) -> Answer:
    """completed ↔ no_show, or another party, within the firm's window for corrections."""
    return _take(
        call,
        appointment_id,
        lifecycle.correct,
        to=body.status,
        party=body.no_show_party,
        reason=body.reason,
    )
