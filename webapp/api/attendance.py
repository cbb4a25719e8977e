"""Facts of attendance. They are never a status: outcomes follow from them by the firm's rules."""

from datetime import datetime
from typing import Any

from webapp.api.operations import Answer, Call, operation
from webapp.api.shapes.attendance import AttendanceFact, AttendanceIn, AttendanceNoted, AttendanceOut
from webapp.lifecycle import attendance as lifecycle
from webapp.queries import appointments as pages
from webapp.queries import attendance, histories
from webapp.queries.attendance import Facts
from webapp.vocabulary import AttendanceSide, AttendanceSource, Scope

TAG = "Attendance"
PATH = "/appointments/<int:appointment_id>/attendance"
NOTHING = Facts(None, None, [])


@operation(
    "GET",
    PATH,
    scope=Scope.APPOINTMENTS_READ,
    answer=AttendanceOut,
    tag=TAG,
    summary="Read who joined",
)
def show_attendance(call: Call, appointment_id: int) -> Answer:
    """The first recorded first. What is reported of a booking that was moved is at its successor."""
    found = pages.get(call.session, firm_id=call.firm_id, appointment_id=appointment_id)
    facts = attendance.facts(call.session, firm_id=call.firm_id, appointment_ids=[found.appointment_id])
    return Answer(AttendanceOut(**_told(appointment_id, facts.get(appointment_id, NOTHING))))


@operation(
    "POST",
    PATH,
    scope=Scope.ATTENDANCE_WRITE,
    answer=AttendanceNoted,
    body=AttendanceIn,
    refusals=(409,),
    tag=TAG,
    summary="Report that somebody joined",
)
def record_attendance(call: Call, appointment_id: int, body: AttendanceIn) -> Answer:
    """Of a booking that was moved it counts for the one that it was moved to in the end; ``appointment``
    says which. 409 where the ``external_id`` is known with other facts.
    """
    found = pages.get(call.session, firm_id=call.firm_id, appointment_id=appointment_id)
    recorded = lifecycle.record(
        call.session,
        found,
        actor=call.actor,
        side=body.side,
        source=AttendanceSource.API,
        joined_at=body.joined_at,
        now=call.now,
        external_id=body.external_id,
    )
    stands, facts = _where(call, appointment_id, body.side, body.joined_at)
    return Answer(AttendanceNoted(**_told(stands, facts), recorded=recorded))


def _where(call: Call, appointment_id: int, side: AttendanceSide, joined_at: datetime) -> tuple[int, Facts]:
    """The last booking of the chain that holds this fact, with all that is known of it."""
    chain = histories.chain(call.session, firm_id=call.firm_id, appointment_id=appointment_id)
    numbers = [member.appointment_id for member in reversed(chain)]
    known = attendance.facts(call.session, firm_id=call.firm_id, appointment_ids=numbers)
    return next(
        (number, known[number])
        for number in numbers
        if number in known
        and any((fact.side, fact.joined_at) == (side, joined_at) for fact in known[number].rows)
    )


def _told(appointment_id: int, facts: Facts) -> dict[str, Any]:
    rows = [
        AttendanceFact(
            side=fact.side,
            source=fact.source,
            joined_at=fact.joined_at,
            recorded_at=fact.recorded_at,
            recorded_by=fact.actor_label,
            external_id=fact.external_id,
            withdrawn_at=fact.withdrawn_at,
            withdrawn_by=fact.withdrawn_by,
        )
        for fact in facts.rows
    ]
    return {
        "appointment": appointment_id,
        "client_joined_at": facts.client_joined_at,
        "staff_joined_at": facts.staff_joined_at,
        "attendance": rows,
    }
