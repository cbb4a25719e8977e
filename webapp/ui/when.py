"""Choosing a day and a time: the fields, what they mean, and the choices that a page offers.

Shared by everything that takes a slot. ``partials/slot_picker.html`` prints it. A free time is a radio whose
value is the instant; anything else is typed, on the day chosen above it, by the clock on the firm's wall.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from wtforms import RadioField, StringField
from wtforms.validators import Length

from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.slots import DayOffer
from webapp.localtime import (
    FIRST_DATE,
    LAST_DATE,
    AmbiguousTime,
    Local,
    NonexistentTime,
    instant,
    parse_clock,
    parse_date,
)

TYPED = "typed"
SHOWN_DAYS = 6
LOOK_AHEAD = 21  # days looked through for six on which the firm works
TIME_HINT = "Such as 14:30. Any time can be booked, also outside working hours."


class _OpenRadio(RadioField):
    """Radios whose values are checked by whoever reads them: they change while the page is open."""

    def __init__(self, label: str, **options: Any) -> None:
        super().__init__(label, choices=[], validate_choice=False, **options)


class WhenFields:
    """Fields for a form: a day (radio or date), and a free time (radio) or a typed one.

    ``which_choices`` holds the two instants to choose from after a typed time turned out not to exist or to
    exist twice.
    """

    day = _OpenRadio("Day")
    other = StringField("Another day", [Length(max=40, message="Enter a date.")])
    start = _OpenRadio("Start")
    time = StringField(
        "Another time", [Length(max=20, message="Enter a time such as 14:30.")], render_kw={"maxlength": 20}
    )
    which = _OpenRadio("Which time is meant?")

    which_choices: list[dict[str, str]] | None = None

    def chosen_day(self) -> date | None:
        """The day whose times are to be shown; None when none is chosen or it cannot be read."""
        for typed in (self.other.data, self.day.data, (self.start.data or "")[:10]):
            try:
                if typed:
                    return parse_date(typed)
            except ValueError:
                continue
        return None

    def moment(self, local: Local) -> datetime:
        """The chosen start, in UTC.

        Raises:
            Invalid: nothing is chosen, it cannot be read, two different times are given, or the clock on the
                wall skips or repeats it; ``field`` is ``start``, ``time``, ``other`` or ``which``.
        """
        typed = (self.time.data or "").strip()
        radio = self.start.data or ""
        free = _parse_instant(radio) if radio not in ("", TYPED) else None
        if not typed:
            if free is None:
                wanted = "Type a time such as 14:30." if radio == TYPED else "Choose a time."
                raise Invalid(wanted, field="time" if radio == TYPED else "start")
            self._same_day(free, local)
            return free
        meant = self._typed_moment(typed, local)
        if free is not None and free != meant:
            raise Invalid(
                f"{local.time(free)} is chosen and {typed} is typed. Clear the typed time, or choose "
                "“Another time”.",
                field="time",
            )
        return meant

    def _typed_moment(self, typed: str, local: Local) -> datetime:
        try:
            wall = datetime.combine(self._typed_day(), parse_clock(typed))
        except ValueError as error:
            raise Invalid(str(error), field="time") from None
        return self.resolve(wall, local, "which")

    def resolve(self, wall: datetime, local: Local, field: str) -> datetime:
        """The instant of a typed wall-clock time. Where it is not one, ``<field>_choices`` gets two.

        Raises:
            Invalid: the zone skips or repeats it and the radios ``field`` do not say which is meant.
        """
        shown = f"{local.day(wall.date())} has"
        try:
            return instant(wall, local.zone)
        except NonexistentTime as gap:
            why = f"{shown} no {wall:%H:%M} in {local.city()}: the clocks go forward."
            why = f"{why} Choose one of the nearest times."
            return self._one_of(field, gap.before, gap.after, local, why)
        except AmbiguousTime as fold:
            why = f"{shown} {wall:%H:%M} twice in {local.city()}: the clocks go back."
            return self._one_of(field, fold.first, fold.second, local, f"{why} Choose which is meant.")

    def _same_day(self, free: datetime, local: Local) -> None:
        """Without script a day can be chosen above the times of another: ask instead of guessing."""
        day = self._typed_day() if self.other.data or self.day.data else local.day_of(free)
        if local.day_of(free) != day:
            raise Invalid(
                f"The time chosen is on {local.day(local.day_of(free))}, the day chosen is {local.day(day)}. "
                "Choose “Show times”, then a time.",
                field="start",
            )

    def _typed_day(self) -> date:
        text = self.other.data or self.day.data
        if not text:
            raise Invalid("Choose a day.", field="day")
        try:
            return parse_date(text)
        except ValueError as error:
            raise Invalid(str(error), field="other" if self.other.data else "day") from None

    def _one_of(self, field: str, first: datetime, second: datetime, local: Local, sentence: str) -> datetime:
        choices = [
            {"value": "first", "label": local.time(first), "detail": _zone_name(first, local)},
            {"value": "second", "label": local.time(second), "detail": _zone_name(second, local)},
        ]
        setattr(self, f"{field}_choices", choices)
        meant = {"first": first, "second": second}.get(getattr(self, field).data)
        if meant is None:
            raise Invalid(sentence, field=field)
        return meant


def _zone_name(moment: datetime, local: Local) -> str:
    offset = local.at(moment).strftime("%z")
    return f"{local.at(moment).tzname()}, UTC{offset[:3]}:{offset[3:]}"


def value_of(moment: datetime) -> str:
    """An instant as the value of a radio."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def _parse_instant(text: str) -> datetime:
    problem = Invalid("Choose one of the times on the page.", field="start")
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
    except ValueError:
        raise problem from None
    if not FIRST_DATE < moment.date() < LAST_DATE:
        raise problem
    return moment


def first_day(chosen: date | None, today: date) -> date:
    """Where the row of days begins: today, or the chosen day when it lies too far ahead to be among them."""
    return chosen if chosen is not None and chosen > today + timedelta(days=SHOWN_DAYS) else today


@dataclass(frozen=True, slots=True)
class Picker:
    """What ``partials/slot_picker.html`` prints, and the day that it shows."""

    days: list[dict[str, Any]]
    chosen_day: date
    day_label: str
    slots: list[dict[str, Any]]
    other: str


def picker(
    form: WhenFields,
    offers: list[DayOffer],
    local: Local,
    *,
    chosen: date | None,
    working: list[Any],
    client: Local | None = None,
    gone: datetime | None = None,
) -> Picker:
    """Choose six days and the free times of one of them.

    Args:
        offers: consecutive days from ``first_day``, ``LOOK_AHEAD`` of them; if ``chosen`` is not among
            them, its own offer comes last.
        working: the firm's hours per weekday (``firm.working_hours``); days off are left out.
        client: how the client's wall clock reads, when it differs from the firm's.
        gone: a time that was just taken; it is shown, and cannot be chosen.
    """
    open_days = [offer for offer in offers[:LOOK_AHEAD] if working[offer.day.weekday()]]
    row = (open_days or offers)[:SHOWN_DAYS]
    day = chosen or next((offer.day for offer in row if offer.starts), row[0].day)
    starts = next((offer.starts for offer in offers if offer.day == day), ())
    if gone is not None and local.day_of(gone) == day:
        starts = tuple(sorted({*starts, gone}))
    among = any(offer.day == day for offer in row)
    return Picker(
        days=[_day(offer, local) for offer in row],
        chosen_day=day,
        day_label=local.day(day),
        slots=[_slot(start, form.start.data, local, client, gone) for start in starts],
        other="" if among else day.isoformat(),
    )


def _day(offer: DayOffer, local: Local) -> dict[str, Any]:
    return {
        "day": offer.day,
        "label_weekday": local.day(offer.day)[:3],
        "label_day": str(offer.day.day),
        "label": local.day(offer.day),
        "free": len(offer.starts),
    }


def _slot(
    start: datetime, checked: str | None, local: Local, client: Local | None, gone: datetime | None
) -> dict[str, Any]:
    value = value_of(start)
    return {
        "value": value,
        "label": local.time(start),
        "client_label": client.time(start) if client else "",
        "sum": local.day_time(start),
        "checked": checked == value and start != gone,
        "gone": start == gone,
    }
