"""Appointments: listed, read, made, and edited where nothing but details change."""

from webapp.api import cursors, records
from webapp.api.operations import VERSION, Answer, Call, operation
from webapp.api.shapes.appointments import (
    AppointmentEdit,
    AppointmentIn,
    AppointmentOut,
    AppointmentPage,
    AppointmentQuery,
)
from webapp.lifecycle import booking, details
from webapp.lifecycle.booking import Draft
from webapp.lifecycle.errors import Invalid
from webapp.queries import appointment_records
from webapp.queries import appointments as pages
from webapp.queries.appointment_records import Criteria
from webapp.vocabulary import Scope, Status

TAG = "Appointments"
ONE = "/appointments/<int:appointment_id>"
MAKERS = {
    Status.REQUESTED: booking.request,
    Status.CONFIRMED: booking.book,
    Status.AWAITING_CONFIRMATION: booking.propose,
}


@operation(
    "GET",
    "/appointments",
    scope=Scope.APPOINTMENTS_READ,
    answer=AppointmentPage,
    query=AppointmentQuery,
    tag=TAG,
    summary="List appointments by start",
)
def list_appointments(call: Call, query: AppointmentQuery) -> Answer:
    """The earliest first. Follow ``next`` until it is null; it repeats the filters."""
    criteria = Criteria(
        since=query.from_,
        before=query.to,
        statuses=frozenset(query.status),
        staff_user_id=query.staff_user_id,
        appointment_type_id=query.appointment_type_id,
        contact_id=query.contact_id,
        account_id=query.account_id,
        external_ref=query.external_ref,
    )
    found, following = appointment_records.page(
        call.session,
        firm_id=call.firm_id,
        criteria=criteria,
        after=cursors.read(query.cursor),
        size=query.limit,
    )
    onward = cursors.address("/appointments", query, following)
    return Answer(AppointmentPage(appointments=[records.told(call, each) for each in found], next=onward))


@operation(
    "GET", ONE, scope=Scope.APPOINTMENTS_READ, answer=AppointmentOut, tag=TAG, summary="Read an appointment"
)
def show_appointment(call: Call, appointment_id: int) -> Answer:
    """``allowed_actions`` are those that this token could take now."""
    return records.answer(call, appointment_id)


@operation(
    "POST",
    "/appointments",
    scope=Scope.APPOINTMENTS_WRITE,
    answer=AppointmentOut,
    body=AppointmentIn,
    status=201,
    refusals=(409,),
    tag=TAG,
    summary="Request, book or propose an appointment",
)
def create_appointment(call: Call, body: AppointmentIn) -> Answer:
    """Takes the time at once, whichever status it begins with. 409 where the time is taken."""
    draft = Draft(
        appointment_type_id=body.appointment_type_id,
        staff_user_id=body.staff_user_id,
        contact_id=body.contact_id,
        account_id=body.account_id,
        start_time=body.start_time,
        end_time=body.end_time
        or booking.usual_end(call.session, call.firm_id, body.appointment_type_id, body.start_time),
        location=body.location,
        notes=body.notes,
        reason=body.reason,
        double_book=body.double_book,
        confirm_by=body.confirm_by,
    )
    if body.confirm_by is not None and body.status is not Status.AWAITING_CONFIRMATION:
        raise Invalid("Only an appointment that awaits confirmation has a deadline.", field="confirm_by")
    made = MAKERS[body.status](call.session, actor=call.actor, draft=draft, now=call.now)
    address = f"{VERSION}/appointments/{made.appointment_id}"
    return records.answer(call, made.appointment_id, status=201, location=address)


@operation(
    "PATCH",
    ONE,
    scope=Scope.APPOINTMENTS_WRITE,
    answer=AppointmentOut,
    body=AppointmentEdit,
    versioned=True,
    refusals=(409,),
    tag=TAG,
    summary="Change place or notes",
)
def edit_appointment(call: Call, appointment_id: int, body: AppointmentEdit) -> Answer:
    """What is left out stays. The change is in the timeline; the status is not touched."""
    found = pages.get(call.session, firm_id=call.firm_id, appointment_id=appointment_id)
    facts = {"location": found.location, "notes": found.notes} | body.model_dump(exclude_unset=True)
    details.edit(
        call.session,
        found,
        actor=call.actor,
        **facts,
        contact_id=found.contact_id,
        now=call.now,
        expected_version=found.version if call.expected_version is None else call.expected_version,
    )
    return records.answer(call, appointment_id)
