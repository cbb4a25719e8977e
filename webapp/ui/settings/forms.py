"""The settings of the firm."""

from typing import Any, Self

from wtforms import SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, NumberRange, Optional

from webapp.lifecycle import firm_settings
from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.firm_settings import Values, hours_field, parse_hours, span_text
from webapp.localtime import DAYS, duration, zone_names
from webapp.queries.settings import Shown
from webapp.ui.forms import SeenForm, WholeNumber
from webapp.ui.settings.units import UNITS, in_unit

NUMBER = "Enter a whole number."


def _zones() -> list[SelectChoice]:
    return [SelectChoice(name, name.replace("_", " ")) for name in sorted(zone_names())]


def _number(label: str, limits: tuple[int, int]) -> WholeNumber:
    low, high = limits
    sentence = f"Enter a whole number from {low:,} to {high:,}."
    return WholeNumber(label, validators=[InputRequired(sentence), NumberRange(low, high, sentence)])


def _amount(label: str) -> WholeNumber:
    return WholeNumber(label, validators=[InputRequired(NUMBER), NumberRange(0, 100_000, NUMBER)])


def _unit(label: str) -> SelectField:
    return SelectField(label, choices=list(UNITS))


class SettingsForm(SeenForm):
    name = StringField("Name of the firm", validators=[InputRequired("Enter the name of the firm.")])
    timezone = SelectField("Time zone", choices=_zones)
    twelve_hour = SelectField(
        "Clock", choices=[SelectChoice("no", "24 h, 14:30"), SelectChoice("yes", "12 h, 2:30 pm")]
    )
    month_first = SelectField(
        "Dates", choices=[SelectChoice("no", "Tue 13 Jan"), SelectChoice("yes", "Tue Jan 13")]
    )
    slot_step = SelectField(
        "Step between offered times",
        coerce=int,
        choices=[SelectChoice(step, duration(step)) for step in firm_settings.SLOT_STEPS],
    )
    reschedule_limit = WholeNumber(
        "Moves of one booking",
        validators=[
            Optional(),
            NumberRange(*firm_settings.RESCHEDULE_LIMIT, "Enter a whole number from 0 to 50, or nothing."),
        ],
    )
    reschedule_notice = _amount("Notice for moving")
    reschedule_notice_unit = _unit("Unit of the notice for moving")
    cancel_notice = _amount("Notice for cancelling")
    cancel_notice_unit = _unit("Unit of the notice for cancelling")
    correction_days = _number("Days to correct an outcome", firm_settings.CORRECTION_DAYS)
    confirm_hours = _number("Hours to confirm a proposal", firm_settings.CONFIRM_HOURS)

    @classmethod
    def showing(cls, shown: Shown[Values]) -> Self:
        """The form filled with the present settings, under anything that was typed."""
        values = shown.values
        filled: dict[str, Any] = {
            "seen": str(shown.seen),
            "name": values.name,
            "timezone": values.timezone,
            "twelve_hour": "yes" if values.twelve_hour else "no",
            "month_first": "yes" if values.month_first else "no",
            "slot_step": values.slot_step,
            "reschedule_limit": values.reschedule_limit,
            "correction_days": values.correction_days,
            "confirm_hours": values.confirm_hours,
            **in_unit("reschedule_notice", values.reschedule_notice),
            **in_unit("cancel_notice", values.cancel_notice),
        }
        for weekday, spans in enumerate(values.working_hours):
            for number, span in enumerate(spans[: firm_settings.SPANS_A_DAY]):
                filled[hours_field(weekday, number)] = span_text(span, twelve_hour=values.twelve_hour)
        return cls(data=filled)

    def validate(self, extra_validators: Any = None) -> bool:
        """Also looks at every span, so that all that is wrong is said at once."""
        fine: bool = super().validate(extra_validators)
        for field in (field for _day, pair in self.days() for field in pair if (field.data or "").strip()):
            try:
                firm_settings.parse_span(field.data, field=field.name)
            except Invalid as refusal:
                field.errors = [refusal.sentence]
                fine = False
        return fine

    def days(self) -> list[tuple[str, list[StringField]]]:
        """Weekday and its two inputs, for the template."""
        return [
            (day, [self[hours_field(weekday, number)] for number in range(firm_settings.SPANS_A_DAY)])
            for weekday, day in enumerate(DAYS)
        ]

    def values(self) -> Values:
        """What was typed.

        Raises:
            Invalid: an input of the working hours is not two times.
        """
        return Values(
            name=self.name.data,
            timezone=self.timezone.data,
            twelve_hour=self.twelve_hour.data == "yes",
            month_first=self.month_first.data == "yes",
            working_hours=parse_hours(
                {field.name: field.data for _day, pair in self.days() for field in pair}
            ),
            slot_step=self.slot_step.data,
            reschedule_limit=self.reschedule_limit.data,
            reschedule_notice=self.reschedule_notice.data * UNITS[self.reschedule_notice_unit.data],
            cancel_notice=self.cancel_notice.data * UNITS[self.cancel_notice_unit.data],
            correction_days=self.correction_days.data,
            confirm_hours=self.confirm_hours.data,
        )


for _weekday, _name in enumerate(DAYS):
    for _position, _which in enumerate(("first", "second")):
        setattr(SettingsForm, hours_field(_weekday, _position), StringField(f"{_name}, {_which} span"))
