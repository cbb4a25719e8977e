"""What is asked once for all selected appointments."""

from wtforms import HiddenField, RadioField, SelectChoice, TextAreaField
from wtforms.validators import InputRequired, ValidationError

from webapp.lifecycle.booking import REASON_LENGTH
from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.text import prose
from webapp.ui.forms import DeskForm
from webapp.vocabulary import CancelledBy, NoShowParty


def _fits(field: TextAreaField) -> None:
    try:
        prose(field.data, REASON_LENGTH, field.name)
    except Invalid as error:
        raise ValidationError(error.sentence) from None


class SelectionForm(DeskForm):
    """Which appointments (``ref``: id and version as the person saw them), and where to go afterwards."""

    back = HiddenField()


class CancelForm(SelectionForm):
    cancelled_by = RadioField(
        "Who cancels?",
        validators=[InputRequired("Select who cancels.")],
        choices=[SelectChoice(CancelledBy.CLIENT.value), SelectChoice(CancelledBy.STAFF.value)],
    )
    reason = TextAreaField(
        "Reason",
        validators=[InputRequired("Give a reason for cancelling; the history keeps it.")],
        render_kw={"maxlength": REASON_LENGTH},
    )

    def validate_reason(self, field: TextAreaField) -> None:
        _fits(field)
        if not (field.data or "").strip():
            raise ValidationError("Give a reason for cancelling; the history keeps it.")


class NoShowForm(SelectionForm):
    party = RadioField(
        "Who didn’t show?",
        validators=[InputRequired("Select who didn’t show.")],
        choices=[SelectChoice(party.value) for party in NoShowParty],
    )
    note = TextAreaField("Note", render_kw={"maxlength": REASON_LENGTH})

    def validate_note(self, field: TextAreaField) -> None:
        _fits(field)
