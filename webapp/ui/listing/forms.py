"""The filters of a list, read from the address. Nothing is changed by them, so they carry no token."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict
from wtforms import Form, SelectChoice, SelectField, SelectMultipleField, StringField
from wtforms.validators import ValidationError

from webapp.localtime import LAST_DATE, Local, day_start, parse_date
from webapp.queries.appointment_list import Criteria, Options, Order
from webapp.vocabulary import Status

Q_LENGTH = 100
MOST_DAYS_AHEAD = LAST_DATE.toordinal() - 1
EVERYBODY, ME = "", "me"


def _number(text: Any) -> int | None:
    bare = str(text)
    return int(bare) if bare.isascii() and bare.isdigit() and len(bare) < 19 else None


class FilterForm(Form):
    """Dates include both ends. A field keeps what was typed, also when it means nothing."""

    from_ = StringField("From", name="from", id="from")
    to = StringField("To")
    status = SelectMultipleField("Status", choices=[], validate_choice=False)
    staff = SelectField("Staff", choices=[], validate_choice=False)
    type = SelectField("Type", choices=[], validate_choice=False)
    order = SelectField(
        "Order",
        choices=[
            SelectChoice(Order.NEWEST.value, "Newest first"),
            SelectChoice(Order.OLDEST.value, "Oldest first"),
        ],
        default=Order.NEWEST.value,
        validate_choice=False,
    )
    q = StringField("Search")

    first: date | None = None
    last: date | None = None

    def validate_from_(self, field: StringField) -> None:
        self.first = _day(field)

    def validate_to(self, field: StringField) -> None:
        self.last = _day(field)
        if self.first and self.last and self.last < self.first:
            raise ValidationError("The last day lies before the first. Enter a later day.")

    def validate_status(self, field: SelectMultipleField) -> None:
        if not set(field.data or []) <= set(Status):
            raise ValidationError("Choose among the seven statuses.")

    def validate_staff(self, field: SelectField) -> None:
        if field.data not in (None, EVERYBODY, ME) and _number(field.data) is None:
            raise ValidationError("Choose somebody from the list, or everybody.")

    def validate_type(self, field: SelectField) -> None:
        if field.data not in (None, EVERYBODY) and _number(field.data) is None:
            raise ValidationError("Choose a type from the list, or all types.")

    def validate_order(self, field: SelectField) -> None:
        if field.data not in (Order.NEWEST, Order.OLDEST):
            raise ValidationError("Choose newest or oldest first.")

    def validate_q(self, field: StringField) -> None:
        if len(field.data or "") > Q_LENGTH:
            raise ValidationError(f"Search for at most {Q_LENGTH} characters.")

    def offer(self, options: Options) -> None:
        """Fill the choices. An id that the firm does not have stays chosen and finds nothing."""
        self.staff.choices = [
            SelectChoice(EVERYBODY, "Everybody"),
            SelectChoice(ME, "Me"),
            *(SelectChoice(str(number), name) for number, name in options.staff),
        ]
        self.type.choices = [
            SelectChoice(EVERYBODY, "All types"),
            *(SelectChoice(str(number), name) for number, name in options.types),
        ]


def _day(field: StringField) -> date | None:
    if not (field.data or "").strip():
        return None
    try:
        return parse_date(field.data)
    except ValueError as error:
        raise ValidationError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Filters:
    """What a valid address asks for."""

    first: date | None
    last: date | None
    statuses: frozenset[Status]
    staff: str
    type: str
    q: str
    order: Order

    @property
    def any(self) -> bool:
        return bool(self.first or self.last or self.statuses or self.staff or self.type or self.q)

    def criteria(self, local: Local, me: int) -> Criteria:
        """The filters as the query takes them; days become instants of the firm's zone."""
        after = date.fromordinal(min(self.last.toordinal(), MOST_DAYS_AHEAD) + 1) if self.last else None
        return Criteria(
            since=day_start(self.first, local.zone) if self.first else None,
            before=day_start(after, local.zone) if after else None,
            statuses=self.statuses,
            staff_user_id=me if self.staff == ME else _number(self.staff),
            appointment_type_id=_number(self.type),
            q=self.q,
        )

    def pairs(self) -> list[tuple[str, str]]:
        """The filters as an address carries them, without those that are not set."""
        found = [
            ("from", self.first.isoformat() if self.first else ""),
            ("to", self.last.isoformat() if self.last else ""),
            *(("status", status.value) for status in Status if status in self.statuses),
            ("staff", self.staff),
            ("type", self.type),
            ("q", self.q),
            ("order", "" if self.order is Order.NEWEST else self.order.value),
        ]
        return [(name, value) for name, value in found if value]

    def url(self, path: str, *more: tuple[str, str]) -> str:
        query = urlencode([*self.pairs(), *more])
        return f"{path}?{query}" if query else path


def read(args: MultiDict[str, str]) -> tuple[FilterForm, Filters | None]:
    """The form as typed, and what it means; None where a field cannot be understood."""
    form = FilterForm(args)
    form.q.data = (form.q.data or "").replace("\x00", "").strip()
    if not form.validate():
        return form, None
    return form, Filters(
        first=form.first,
        last=form.last,
        statuses=frozenset(Status(word) for word in form.status.data or []),
        staff=form.staff.data or "",
        type=form.type.data or "",
        q=form.q.data,
        order=Order(form.order.data),
    )
