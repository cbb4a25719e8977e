"""From records of the database to what the API tells."""

from webapp.api.operations import Answer, Call
from webapp.api.shapes import Named
from webapp.api.shapes.appointments import AppointmentOut
from webapp.queries import appointment_records
from webapp.queries.appointment_records import Record


def told(call: Call, record: Record) -> AppointmentOut:
    """One appointment, with what this caller may do to it now."""
    found = record.appointment
    return AppointmentOut(
        appointment_id=found.appointment_id,
        firm=call.caller.firm.slug,
        appointment_type=Named(id=found.appointment_type_id, name=record.type_name),
        staff_user=Named(id=found.staff_user_id, name=record.staff_name),
        account=_named(found.account_id, record.account_name),
        contact=_named(found.contact_id, record.contact_name),
        booked_by=found.booked_by,
        created_at=found.created_at,
        start_time=found.start_time,
        end_time=found.end_time,
        location=found.location,
        notes=found.notes,
        external_ref=found.external_ref,
        overbooked=found.overbooked,
        tracked=found.tracked,
        status=found.status,
        status_reason=found.status_reason,
        confirm_by=found.confirm_by,
        rescheduled_at=found.rescheduled_at,
        rescheduled_from=found.rescheduled_from_id,
        rescheduled_to=record.rescheduled_to,
        chain_id=record.chain_id,
        chain_position=found.chain_position,
        cancelled_at=found.cancelled_at,
        cancellation_kind=found.cancellation_kind,
        cancelled_by=found.cancelled_by,
        completed_at=found.completed_at,
        no_show_at=found.no_show_at,
        no_show_party=found.no_show_party,
        version=found.version,
        allowed_actions=record.allowed(call.actor, call.caller.firm, call.now),
    )


def _named(number: int | None, name: str | None) -> Named | None:
    return Named(id=number, name=name or "") if number is not None else None


def answer(call: Call, appointment_id: int, *, status: int = 200, location: str = "") -> Answer:
    """An appointment as it is now, with its version as the ETag."""
    record = appointment_records.get(call.session, firm_id=call.firm_id, appointment_id=appointment_id)
    return Answer(told(call, record), status, record.appointment.version, location)
