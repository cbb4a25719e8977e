"""The filters of the timeline, read from the address. Nothing is changed by them, so they carry no token."""

from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict
from wtforms import Form, SelectChoice, SelectField, StringField
from wtforms.validators import ValidationError

from webapp.localtime import LAST_DATE, Local, day_start
from webapp.queries.activity import Criteria, Who
from webapp.ui import periods
from webapp.ui.activity.words import ACTIONS
from webapp.ui.periods import number
from webapp.vocabulary import Action, ActorKind, Status

MOST_DAYS_AHEAD = LAST_DATE.toordinal() - 1
ANY, ME, NEW = "", "me", "new"
SIDES = {ActorKind.CLIENT.value: "Clients", ActorKind.SYSTEM.value: "The system"}


def _select(label: str, anything: str, choices: dict[str, str]) -> SelectField:
    offered = [SelectChoice(ANY, anything), *(SelectChoice(*choice) for choice in choices.items())]
    return SelectField(label, choices=offered, default=ANY, validate_choice=False)


STATUSES = {status.value: status.label for status in Status}


class FilterForm(Form):
    """Dates include both ends. A field keeps what was typed, also when it means nothing."""

    from_ = StringField("From", name="from", id="from")
    to = StringField("To")
    action = _select("Change", "Any change", {action.value: word for action, word in ACTIONS.items()})
    was = _select("Status before", "Any", {NEW: "None, it was new"} | STATUSES)
    became = _select("Status after", "Any", STATUSES)
    by = _select("By", "Anybody", {})
    staff = _select("Meetings of", "Everybody", {})

    first: date | None = None
    last: date | None = None

    def validate_from_(self, field: StringField) -> None:
        self.first = periods.day(field.data)

    def validate_to(self, field: StringField) -> None:
        self.last = periods.day(field.data)
        periods.in_order(self.first, self.last, most=None)

    def validate_action(self, field: SelectField) -> None:
        if field.data not in {ANY, *Action}:
            raise ValidationError("Choose a change from the list, or any change.")

    def validate_was(self, field: SelectField) -> None:
        if field.data not in {ANY, NEW, *Status}:
            raise ValidationError("Choose one of the seven statuses, none, or any.")

    def validate_became(self, field: SelectField) -> None:
        if field.data not in {ANY, *Status}:
            raise ValidationError("Choose one of the seven statuses, or any.")

    def validate_by(self, field: SelectField) -> None:
        if field.data not in {ANY, ME, *SIDES} and number(field.data) is None:
            raise ValidationError("Choose somebody from the list, or anybody.")

    def validate_staff(self, field: SelectField) -> None:
        if field.data not in {ANY, ME} and number(field.data) is None:
            raise ValidationError("Choose somebody from the list, or everybody.")

    def offer(self, people: list[tuple[int, str]]) -> None:
        """Fill the choices. An id that the firm does not have stays chosen and finds nothing."""
        named = [SelectChoice(ME, "Me"), *(SelectChoice(str(number), name) for number, name in people)]
        sides = [SelectChoice(*side) for side in SIDES.items()]
        self.by.choices = [SelectChoice(ANY, "Anybody"), *sides, *named]
        self.staff.choices = [SelectChoice(ANY, "Everybody"), *named]

    def told(self, local: Local) -> list[str]:
        """The filters that are set, in words, for paper."""
        shown = [("From", local.full_day(self.first) if self.first else "")]
        shown += [("To", local.full_day(self.last) if self.last else "")]
        for field in (self.action, self.was, self.became, self.by, self.staff):
            labels = {value: label for value, label, *_ in field.iter_choices() if value}
            shown.append((field.label.text, labels.get(field.data, "")))
        return [f"{label}: {value}" for label, value in shown if value]


@dataclass(frozen=True, slots=True)
class Filters:
    """What a valid address asks for, each word as the address has it."""

    first: date | None = None
    last: date | None = None
    action: str = ANY
    was: str = ANY
    became: str = ANY
    by: str = ANY
    staff: str = ANY

    @property
    def any(self) -> bool:
        return self != Filters()

    def during(self, first: date | None, last: date | None = None) -> "Filters":
        """The same filters over other days."""
        return replace(self, first=first, last=last)

    def criteria(self, local: Local, me: int) -> Criteria:
        """The filters as the query takes them; days become instants of the firm's zone."""
        following = date.fromordinal(min(self.last.toordinal(), MOST_DAYS_AHEAD) + 1) if self.last else None
        return Criteria(
            since=day_start(self.first, local.zone) if self.first else None,
            before=day_start(following, local.zone) if following else None,
            action=Action(self.action) if self.action else None,
            was=Status(self.was) if self.was not in {ANY, NEW} else None,
            new=self.was == NEW,
            became=Status(self.became) if self.became else None,
            who=self._who(me),
            staff_user_id=me if self.staff == ME else number(self.staff),
        )

    def _who(self, me: int) -> Who | None:
        if self.by in SIDES:
            return Who(ActorKind(self.by))
        key = me if self.by == ME else number(self.by)
        return None if key is None else Who(ActorKind.STAFF, key)

    def url(self, path: str, *more: tuple[str, str]) -> str:
        """An address that asks for this, without what is not set."""
        found = [
            ("from", self.first.isoformat() if self.first else ""),
            ("to", self.last.isoformat() if self.last else ""),
            ("action", self.action),
            ("was", self.was),
            ("became", self.became),
            ("by", self.by),
            ("staff", self.staff),
        ]
        query = urlencode([*((name, value) for name, value in found if value), *more])
        return f"{path}?{query}" if query else path


def read(args: MultiDict[str, str]) -> tuple[FilterForm, Filters | None]:
    """The form as typed, and what it means; None where a field cannot be understood."""
    form = FilterForm(args)
    if not form.validate():
        return form, None
    chosen = {name: form[name].data for name in ("action", "was", "became", "by", "staff")}
    return form, Filters(first=form.first, last=form.last, **chosen)
