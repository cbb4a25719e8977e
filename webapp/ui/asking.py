"""What the forms of reports and of prints have in common: period, staff, type and moment, in the address."""

from datetime import date, datetime
from typing import Any, TypeVar

from werkzeug.datastructures import MultiDict
from wtforms import Form, SelectChoice, SelectField, StringField
from wtforms.validators import ValidationError

from webapp.localtime import Local
from webapp.queries.analytics.names import Names
from webapp.ui import moments, periods

EVERYBODY, ME = "", "me"
NOT_STAFF = "This person is not in the list. Choose somebody else."
NOT_A_TYPE = "This type is not in the list. Choose another one."

Asking = TypeVar("Asking", bound="AskingForm")


class AskingForm(Form):
    """Dates include both ends. A field keeps what was typed, also when it means nothing.

    Whoever extends it has the fields, in the order of its page, and the checks of what it has besides.
    """

    local: Local
    now: datetime
    first: date | None = None
    last: date | None = None
    instant: datetime | None = None
    offset_shown = False  # whether the field holds an offset or fractions, which a browser's own cannot

    @classmethod
    def of(cls: type[Asking], args: MultiDict[str, str], *, local: Local, now: datetime) -> Asking:
        """The form as it stands in an address, not yet checked."""
        form = cls(MultiDict((name, value.replace("\x00", "")) for name, value in args.items()))
        form.local, form.now = local, now
        return form

    def validate_as_of(self, field: StringField) -> None:
        if text := (field.data or "").strip():
            self.instant = moments.past(text, self.local, self.now)

    def validate_from_(self, field: StringField) -> None:
        self.first = periods.day(field.data)

    def validate_to(self, field: StringField) -> None:
        self.last = periods.day(field.data)
        periods.in_order(self.first, self.last)

    def validate_staff(self, field: SelectField) -> None:
        if field.data not in (None, EVERYBODY, ME) and periods.number(field.data) is None:
            raise ValidationError("Choose somebody from the list, or everybody.")

    def validate_type(self, field: SelectField) -> None:
        if field.data and periods.number(field.data) is None:
            raise ValidationError("Choose a type from the list, or all types.")

    def offer(self, names: Names) -> None:
        """Fill the choices of staff and types."""
        for field, everything, found in (
            (self["staff"], "Everybody", names.staff),
            (self["type"], "All types", names.types),
        ):
            choices = [SelectChoice(str(key), name) for key, name in found.items()]
            field.choices = [SelectChoice("", everything), *choices]

    def lacks(self, asked: Any, names: Names, no_account: str) -> bool:
        """Whether ``asked`` names what the firm does not have, or a field is wrong; the form says so."""
        for name, known, sentence in (
            ("staff", names.staff, NOT_STAFF),
            ("type", names.types, NOT_A_TYPE),
            ("account", names.accounts, no_account),
        ):
            key = getattr(asked, name)
            if key is not None and key not in known:
                self[name].errors = [sentence]
        return any(field.errors for field in self)

    def errors_list(self) -> list[tuple[str, str]]:
        """What is wrong, each with the id of its field."""
        return [(field.id, str(error)) for field in self for error in field.errors]
