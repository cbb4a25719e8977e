"""Appointments as FHIR R4 resources, to read. Refusals are problem details here too, not OperationOutcome.

Notes stay out: in FHIR a comment is what the patient may read.
"""

from datetime import timedelta

from flask import current_app

from webapp.api.operations import VERSION, Answer, Call, operation
from webapp.api.shapes.fhir import (
    FhirAppointment,
    FhirCoding,
    FhirConcept,
    FhirExtension,
    FhirIdentifier,
    FhirMeta,
    FhirParticipant,
    FhirReference,
    FhirStatus,
    ParticipationStatus,
)
from webapp.queries import appointment_records, attendance
from webapp.queries.appointment_records import Record
from webapp.vocabulary import CancellationKind, CancelledBy, Scope, Status

REPLACES = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.replaces"
REASONS = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"
MINUTE = timedelta(minutes=1)

STATUSES: dict[Status, FhirStatus] = {
    Status.REQUESTED: "pending",
    Status.AWAITING_CONFIRMATION: "pending",
    Status.CONFIRMED: "booked",
    Status.RESCHEDULED: "cancelled",
    Status.CANCELLED: "cancelled",
    Status.COMPLETED: "fulfilled",
    Status.NO_SHOW: "noshow",
}
"""A confirmed one whose client has joined is ``arrived``."""
WHOSE = {CancelledBy.CLIENT: "pat", CancelledBy.STAFF: "prov", CancelledBy.SYSTEM: "other"}
KINDS = {
    CancellationKind.CANCELLED: "Cancelled",
    CancellationKind.DECLINED: "The request was declined",
    CancellationKind.TIMED_OUT: "Nobody confirmed in time",
    CancellationKind.EXPIRED: "Nobody answered the request in time",
}
"""What is said where no reason was given."""


@operation(
    "GET",
    "/fhir/Appointment/<int:appointment_id>",
    scope=Scope.APPOINTMENTS_READ,
    answer=FhirAppointment,
    media="application/fhir+json",
    tag="FHIR",
    summary="Read an appointment as a FHIR R4 resource",
)
def show_fhir_appointment(call: Call, appointment_id: int) -> Answer:
    """What was moved is ``cancelled``; its successor says in ``extension`` (R5's ``replaces``) what it
    stands for. Refusals are problem details, not OperationOutcome.
    """
    record = appointment_records.get(call.session, firm_id=call.firm_id, appointment_id=appointment_id)
    known = attendance.facts(call.session, firm_id=call.firm_id, appointment_ids=[appointment_id])
    facts = known.get(appointment_id)
    arrived = facts is not None and facts.client_joined_at is not None
    return Answer(_resource(record, arrived=arrived), version=record.appointment.version)


def _resource(record: Record, *, arrived: bool) -> FhirAppointment:
    found = record.appointment
    status = STATUSES[found.status]
    return FhirAppointment(
        id=str(found.appointment_id),
        meta=FhirMeta(version_id=str(found.version)),
        extension=_replaces(found.rescheduled_from_id),
        identifier=_identifiers(found.appointment_id, found.external_ref),
        status="arrived" if arrived and found.status is Status.CONFIRMED else status,
        cancelation_reason=_reason(record),
        service_type=[FhirConcept(text=record.type_name)],
        start=found.start_time,
        end=found.end_time,
        minutes_duration=max(1, (found.end_time - found.start_time) // MINUTE),
        created=found.created_at,
        participant=_participants(record),
    )


def _replaces(number: int | None) -> list[FhirExtension] | None:
    if number is None:
        return None
    before = FhirReference(reference=f"Appointment/{number}", type="Appointment")
    return [FhirExtension(url=REPLACES, value_reference=before)]


def _identifiers(number: int, external_ref: str | None) -> list[FhirIdentifier]:
    """Ours, and the one that it was imported with."""
    system = f"{current_app.config['SETTINGS'].base_url}{VERSION}/appointments"
    found = [FhirIdentifier(system=system, value=str(number))]
    if external_ref:
        found.append(FhirIdentifier(system=f"{system}#external_ref", value=external_ref))
    return found


def _reason(record: Record) -> FhirConcept | None:
    """Why it will not take place; a FHIR appointment has that only when it is cancelled."""
    found = record.appointment
    if found.status is Status.RESCHEDULED:
        return FhirConcept(coding=[FhirCoding(system=REASONS, code="other")], text="Rescheduled")
    if found.cancelled_by is None or found.cancellation_kind is None:
        return None
    coding = [FhirCoding(system=REASONS, code=WHOSE[found.cancelled_by])]
    return FhirConcept(coding=coding, text=found.status_reason or KINDS[found.cancellation_kind])


def _participants(record: Record) -> list[FhirParticipant]:
    """Staff, the client, and the place where there is one."""
    found = record.appointment
    staff, client = _agreed(record)
    people = [
        FhirParticipant(actor=FhirReference(type="Practitioner", display=record.staff_name), status=staff)
    ]
    if record.contact_name is not None:
        who = FhirReference(type="Patient", display=record.contact_name)
    else:  # an organisation cannot take part under a type of its own
        who = FhirReference(display=record.account_name)
    people.append(FhirParticipant(actor=who, status=client))
    if found.location:
        place = FhirReference(type="Location", display=found.location)
        people.append(FhirParticipant(actor=place, status="accepted"))
    return people


def _agreed(record: Record) -> tuple[ParticipationStatus, ParticipationStatus]:
    """Whether staff and client agreed to the time."""
    found = record.appointment
    match found.status, found.cancellation_kind, found.cancelled_by:
        case (Status.REQUESTED, _, _) | (_, CancellationKind.EXPIRED, _):
            return "needs-action", "accepted"
        case (Status.AWAITING_CONFIRMATION, _, _) | (_, CancellationKind.TIMED_OUT, _):
            return "accepted", "needs-action"
        case _, _, CancelledBy.STAFF:
            return "declined", "accepted"
        case _, _, CancelledBy.CLIENT:
            return "accepted", "declined"
    return "accepted", "accepted"
