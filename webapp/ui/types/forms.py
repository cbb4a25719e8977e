"""An appointment type."""

from typing import Any

from wtforms import BooleanField, Field, SelectField, StringField

from webapp.lifecycle.booking import LOCATION_LENGTH
from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.types import NAME_LENGTH, TypeFacts
from webapp.ui.forms import SeenForm

UNITS = {"minutes": 1, "hours": 60, "days": 24 * 60}
WHOLE: dict[str, Any] = {"inputmode": "numeric", "autocomplete": "off", "maxlength": 9}


def _unit(label: str) -> SelectField:
    return SelectField(label, choices=list(UNITS), validate_choice=False, default="hours")


class TypeForm(SeenForm):
    """Numbers are typed as text, so that whatever was typed comes back with a sentence beside it."""

    name = StringField("Name", render_kw={"maxlength": NAME_LENGTH, "autocomplete": "off", "required": True})
    duration = StringField("Minutes", default="45", render_kw=WHOLE | {"required": True})
    location = StringField("Place", render_kw={"maxlength": LOCATION_LENGTH})
    tracked = BooleanField("The provider reports who joined")
    reschedule_limit = StringField("Moves of one booking", render_kw=WHOLE)
    reschedule_notice = StringField("Notice for moving", render_kw=WHOLE)
    reschedule_notice_unit = _unit("Unit of the notice for moving")
    cancel_notice = StringField("Notice for cancelling", render_kw=WHOLE)
    cancel_notice_unit = _unit("Unit of the notice for cancelling")

    def facts(self) -> TypeFacts:
        """What was typed (Invalid when a number is none)."""
        duration = _number(self.duration)
        if duration is None:
            raise Invalid("Enter how many minutes it takes.", field="duration")
        return TypeFacts(
            name=self.name.data or "",
            duration=duration,
            location=self.location.data or "",
            tracked=bool(self.tracked.data),
            reschedule_limit=_number(self.reschedule_limit),
            reschedule_notice=_minutes(self.reschedule_notice, self.reschedule_notice_unit),
            cancel_notice=_minutes(self.cancel_notice, self.cancel_notice_unit),
        )

    @classmethod
    def showing(cls, kind: Any, seen: int) -> "TypeForm":
        """The form filled with what the type is after change ``seen``, under anything that was typed."""
        return cls(
            data={
                "seen": str(seen),
                "name": kind.name,
                "duration": str(kind.duration),
                "location": kind.location,
                "tracked": kind.tracked,
                "reschedule_limit": "" if kind.reschedule_limit is None else str(kind.reschedule_limit),
                **_in_unit("reschedule_notice", kind.reschedule_notice),
                **_in_unit("cancel_notice", kind.cancel_notice),
            }
        )


def _number(field: Field) -> int | None:
    text = (field.data or "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid("Enter a whole number.", field=field.name)
    return int(text)


def _minutes(field: Field, unit: Field) -> int | None:
    number = _number(field)
    if number is not None and unit.data not in UNITS:
        raise Invalid("Choose minutes, hours or days.", field=unit.name)
    return None if number is None else number * UNITS[unit.data]


def _in_unit(field: str, minutes: int | None) -> dict[str, str]:
    """A number of minutes in the largest unit that divides it; empty for the firm's."""
    if not minutes:
        return {field: "" if minutes is None else "0", f"{field}_unit": "hours"}
    unit = next(unit for unit in ("days", "hours", "minutes") if minutes % UNITS[unit] == 0)
    return {field: str(minutes // UNITS[unit]), f"{field}_unit": unit}
