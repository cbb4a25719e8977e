"""A token of the API, before it is made."""

from datetime import timedelta
from typing import Any

from wtforms import SelectChoice, SelectField, SelectMultipleField, StringField

from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.tokens import NAME_LENGTH
from webapp.queries.tokens import Person
from webapp.ui.forms import DeskForm
from webapp.vocabulary import SCOPE_LABELS, Scope

ENDS: dict[str, tuple[str, timedelta | None]] = {
    "30": ("In 30 days", timedelta(days=30)),
    "90": ("In 90 days", timedelta(days=90)),
    "365": ("In a year", timedelta(days=365)),
    "never": ("Never, until somebody revokes it", None),
}


class TokenForm(DeskForm):
    """Nothing is chosen at first: what a token may do is for its maker to say."""

    name = StringField("Name", render_kw={"maxlength": NAME_LENGTH, "autocomplete": "off", "required": True})
    staff_user_id = SelectField("Acts for", validate_choice=False)
    scopes = SelectMultipleField(
        "What it may do",
        choices=[SelectChoice(scope.value, label) for scope, label in SCOPE_LABELS.items()],
        validate_choice=False,
    )
    ends = SelectField(
        "Ends",
        choices=[SelectChoice(word, label) for word, (label, _length) in ENDS.items()],
        default="365",
        validate_choice=False,
    )

    def offer(self, people: list[Person]) -> None:
        """Who can be chosen."""
        self.staff_user_id.choices = [SelectChoice("", "Choose somebody")] + [
            SelectChoice(str(person.staff_user_id), f"{person.name}, {person.role.label.lower()}")
            for person in people
        ]

    def facts(self) -> dict[str, Any]:
        """What was typed, as the lifecycle takes it; ``length`` None is without end.

        Raises:
            Invalid: something is chosen that is not offered.
        """
        offered = {str(choice.value) for choice in self.staff_user_id.choices or () if choice.value}
        if self.staff_user_id.data not in offered:
            raise Invalid("Choose the person whose role the token has.", field="staff_user_id")
        try:
            scopes = {Scope(word) for word in self.scopes.data or ()}
        except ValueError:
            raise Invalid("Choose from the list what the token may do.", field="scopes") from None
        if self.ends.data not in ENDS:
            raise Invalid("Choose when the token ends.", field="ends")
        return {
            "name": self.name.data or "",
            "staff_user_id": int(self.staff_user_id.data),
            "scopes": scopes,
            "length": ENDS[self.ends.data][1],
        }
