"""The forms of the transitions. They check shapes; rules are the lifecycle's."""

from typing import Any

from wtforms import BooleanField, HiddenField, RadioField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from webapp.lifecycle.booking import LOCATION_LENGTH, NOTES_LENGTH, REASON_LENGTH
from webapp.ui.forms import VersionedForm
from webapp.vocabulary import CancelledBy, NoShowParty, Status

REASON = {"maxlength": REASON_LENGTH}


class StepForm(VersionedForm):
    """A step that needs no facts."""


class TellingForm(VersionedForm):
    """A step that its client hears of. ``asked`` is there where the form offered to leave the mail out."""

    asked = HiddenField()
    send_mail = BooleanField("Send the e-mail", default=True)

    @property
    def is_quiet(self) -> bool:
        return bool(self.asked.data) and not self.send_mail.data


class DeclineForm(TellingForm):
    reason = TextAreaField(
        "Reason",
        [InputRequired("Give a reason for declining; the history keeps it."), Length(max=REASON_LENGTH)],
        render_kw=REASON,
    )


class CancelForm(TellingForm):
    cancelled_by = RadioField(
        "Who cancels?",
        [InputRequired("Select who cancels")],
        choices=[CancelledBy.CLIENT.value, CancelledBy.STAFF.value],
    )
    reason = TextAreaField(
        "Reason",
        [InputRequired("Give a reason for cancelling; the history keeps it."), Length(max=REASON_LENGTH)],
        render_kw=REASON,
    )


class NoShowForm(VersionedForm):
    party = RadioField(
        "Who didn’t show?",
        [InputRequired("Select who didn’t show")],
        choices=[party.value for party in NoShowParty],
    )
    at = StringField("Time", [Length(max=20)])
    note = TextAreaField("Note", [Length(max=REASON_LENGTH)], render_kw=REASON)


class CorrectForm(VersionedForm):
    """``outcome`` is ``completed`` or a party that did not show."""

    outcome = RadioField(
        "What really happened?",
        [InputRequired("Select what really happened")],
        choices=[Status.COMPLETED.value, *(party.value for party in NoShowParty)],
    )
    reason = TextAreaField(
        "Reason",
        [InputRequired("Give a reason for the correction; the history keeps it."), Length(max=REASON_LENGTH)],
        render_kw=REASON,
    )


class DetailsForm(VersionedForm):
    location = StringField("Place", [Length(max=LOCATION_LENGTH)], render_kw={"maxlength": LOCATION_LENGTH})
    notes = TextAreaField("Note", [Length(max=NOTES_LENGTH)], render_kw={"maxlength": NOTES_LENGTH})
    contact_id = RadioField("Contact", choices=[], validate_choice=False)

    @classmethod
    def showing(cls, appointment: Any) -> "DetailsForm":
        """The form filled with what is agreed, under anything that was typed."""
        return cls(
            data={
                "version": appointment.version,
                "location": appointment.location,
                "notes": appointment.notes,
                "contact_id": str(appointment.contact_id or ""),
            }
        )
