"""The parts of FHIR R4's Appointment (https://hl7.org/fhir/R4/appointment.html) that an appointment fills.

FHIR has no null: what is unknown is left out.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer
from pydantic.alias_generators import to_camel

from webapp.api.shapes import Moment

FhirStatus = Literal["pending", "booked", "arrived", "fulfilled", "cancelled", "noshow"]
ParticipationStatus = Literal["accepted", "declined", "needs-action"]
Text = Annotated[str, Field(min_length=1)]


class Element(BaseModel):
    """Something of FHIR, under its names there."""

    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True
    )

    @model_serializer(mode="wrap")
    def _without_nulls(self, handler: SerializerFunctionWrapHandler):
        """Untyped, so that the schema stays that of the fields."""
        told: dict[str, Any] = handler(self)
        return {name: value for name, value in told.items() if value is not None}


class FhirMeta(Element):
    """``versionId`` is the ETag's number."""

    version_id: Text


class FhirIdentifier(Element):
    system: Text
    value: Text


class FhirReference(Element):
    """``reference`` is relative to ``/api/v1/fhir``; people and places have a name alone."""

    reference: Text | None = None
    type: Literal["Appointment", "Location", "Patient", "Practitioner"] | None = None
    display: Text | None = None


class FhirCoding(Element):
    system: Text
    code: Text


class FhirConcept(Element):
    coding: list[FhirCoding] | None = None
    text: Text


class FhirExtension(Element):
    """An element of FHIR R5 that R4 does not have."""

    url: Text
    value_reference: FhirReference


class FhirParticipant(Element):
    """Somebody or a place; ``status`` is whether they agreed."""

    actor: FhirReference
    status: ParticipationStatus


class FhirAppointment(Element):
    """One appointment. ``extension`` holds R5's ``replaces``: the one that was moved here."""

    resource_type: Literal["Appointment"] = "Appointment"
    id: Text
    meta: FhirMeta
    extension: list[FhirExtension] | None = None
    identifier: list[FhirIdentifier]
    status: FhirStatus
    cancelation_reason: FhirConcept | None = None
    service_type: list[FhirConcept]
    start: Moment
    end: Moment
    minutes_duration: Annotated[int, Field(ge=1)]
    created: Moment
    participant: list[FhirParticipant]
