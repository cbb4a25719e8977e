"""An account."""

from wtforms import StringField, TextAreaField

from webapp.lifecycle.clients import NAME_LENGTH, NOTES_LENGTH, AccountFacts
from webapp.ui.forms import SeenForm


class AccountForm(SeenForm):
    """Rules are the lifecycle's; the form knows shapes."""

    name = StringField("Name", render_kw={"maxlength": NAME_LENGTH, "autocomplete": "off", "required": True})
    notes = TextAreaField("Notes", render_kw={"maxlength": NOTES_LENGTH})

    def facts(self) -> AccountFacts:
        return AccountFacts(name=self.name.data or "", notes=self.notes.data or "")
