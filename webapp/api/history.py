"""What happened to an appointment, and what it was moved from and to."""

from webapp.api.operations import Answer, Call, operation
from webapp.api.shapes import Named
from webapp.api.shapes.history import ChainMember, ChainOut, HistoryOut, HistoryRow
from webapp.queries import histories
from webapp.queries.histories import Step
from webapp.vocabulary import Override, Scope

TAG = "Appointments"
ONE = "/appointments/<int:appointment_id>"


@operation(
    "GET",
    f"{ONE}/history",
    scope=Scope.APPOINTMENTS_READ,
    answer=HistoryOut,
    tag=TAG,
    summary="Read the status history",
)
def show_history(call: Call, appointment_id: int) -> Answer:
    """Of this booking alone; those of its chain have their own."""
    found = histories.of(call.session, firm_id=call.firm_id, appointment_id=appointment_id)
    return Answer(HistoryOut(history=[_row(step) for step in found]))


@operation(
    "GET",
    f"{ONE}/chain",
    scope=Scope.APPOINTMENTS_READ,
    answer=ChainOut,
    tag=TAG,
    summary="Read the reschedule chain",
)
def show_chain(call: Call, appointment_id: int) -> Answer:
    """The same chain, whichever of its bookings is asked for. One that was never moved is a chain of one."""
    found = histories.chain(call.session, firm_id=call.firm_id, appointment_id=appointment_id)
    members = [
        ChainMember(
            appointment_id=each.appointment_id,
            position=each.position,
            start_time=each.start_time,
            end_time=each.end_time,
            status=each.status,
        )
        for each in found
    ]
    return Answer(ChainOut(chain_id=found[0].appointment_id, chain=members))


def _row(step: Step) -> HistoryRow:
    row = step.row
    by = row.changed_by_id
    return HistoryRow(
        appointment=row.appointment_id,
        sequence=row.sequence,
        action=row.action,
        from_status=row.from_status,
        to_status=row.to_status,
        reason=row.reason,
        changed_by=None if by is None else Named(id=by, name=step.changed_by or ""),
        actor_kind=row.actor_kind,
        actor_label=row.actor_label,
        changed_at=row.changed_at,
        occurred_at=row.occurred_at,
        no_show_party=row.no_show_party,
        cancelled_by=row.cancelled_by,
        overrides=[Override(word) for word in (row.overrides or "").split(",") if word],
    )
