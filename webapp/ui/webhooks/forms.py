"""A webhook endpoint, and the times of a replay."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Form, RadioField, SelectChoice, SelectMultipleField, StringField
from wtforms.validators import ValidationError

from webapp.lifecycle.destinations import URL_LENGTH
from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.webhooks import DESCRIPTION_LENGTH, EVENT_TYPES, Facts
from webapp.localtime import FIRST_DATE, LAST_DATE, AmbiguousTime, Local, NonexistentTime, instant
from webapp.queries.webhooks import Endpoint
from webapp.ui.forms import DeskForm, SeenForm
from webapp.ui.webhooks import words

ALL, SOME = "all", "some"
USUAL = timedelta(days=1)
MOMENT = "Enter a day and time such as 2026-01-13 10:00."


class EndpointForm(SeenForm):
    """``which`` says whether ``event_types`` count."""

    url = StringField(
        "Address",
        render_kw={"maxlength": URL_LENGTH, "autocomplete": "off", "inputmode": "url", "required": True},
    )
    description = StringField(
        "Description", render_kw={"maxlength": DESCRIPTION_LENGTH, "autocomplete": "off"}
    )
    which = RadioField(
        "Changes of an appointment’s status",
        choices=[SelectChoice(ALL, "Everything"), SelectChoice(SOME, "Only what is chosen below")],
        default=ALL,
        validate_choice=False,
    )
    event_types = SelectMultipleField(
        "Event types",
        choices=[SelectChoice(name, words.EVENTS[name]) for name in EVENT_TYPES],
        validate_choice=False,
    )
    with_text = BooleanField("Send reasons along")

    def facts(self) -> Facts:
        """What was typed.

        Raises:
            Invalid: neither everything nor anything is chosen.
        """
        chosen = self.event_types.data or []
        if self.which.data not in {ALL, SOME}:
            raise Invalid("Choose whether it is told everything.", field="which")
        if self.which.data == SOME and not chosen:
            raise Invalid("Choose at least one event type, or everything.", field="event_types")
        return Facts(
            url=self.url.data or "",
            description=self.description.data or "",
            event_types=chosen if self.which.data == SOME else (),
            with_text=bool(self.with_text.data),
        )

    @classmethod
    def showing(cls, endpoint: Endpoint, seen: int) -> "EndpointForm":
        """The form filled with what the endpoint is after change ``seen``, under anything that was typed."""
        return cls(
            data={
                "seen": str(seen),
                "url": endpoint.url,
                "description": endpoint.description,
                "which": SOME if endpoint.event_types else ALL,
                "event_types": list(endpoint.event_types),
                "with_text": endpoint.with_text,
            }
        )


class StepForm(SeenForm):
    """A button about an endpoint as it was seen."""

    @classmethod
    def at(cls, seen: int) -> "StepForm":
        return cls(data={"seen": str(seen)})


class RangeForm(Form):
    """From when to when events are sent again, by the firm's clock; read from the address or a form."""

    from_ = StringField("From", name="from", id="from")
    to = StringField("To")

    local: Local
    as_text: frozenset[str] = frozenset()
    """The fields with an offset in them, which a browser's own field cannot hold."""
    since: datetime | None = None
    before: datetime | None = None

    def validate_from_(self, field: StringField) -> None:
        self.since = _instant(field.data or "", self.local)

    def validate_to(self, field: StringField) -> None:
        self.before = _instant(field.data or "", self.local)
        if self.since is not None and self.before <= self.since:
            raise ValidationError("The end is not after the beginning. Enter a later time.")

    def show(self, since: datetime, before: datetime) -> None:
        """Fill the fields as somebody would type these instants."""
        for field, moment in ((self.from_, since), (self.to, before)):
            field.data, offset = _typed(moment, self.local)
            if offset:
                self.as_text |= {field.name}


class ReplayForm(DeskForm):
    """The range that was counted, to be sent."""

    from_ = StringField("From", name="from", id="from")
    to = StringField("To")


@dataclass(frozen=True, slots=True)
class Span:
    """Two instants, the second later."""

    since: datetime
    before: datetime

    def fields(self) -> dict[str, str]:
        """As hidden fields carry it: exact, whatever the firm's clock does."""
        return {"from": self.since.isoformat(), "to": self.before.isoformat()}


def read_range(args: MultiDict[str, str], *, local: Local, now: datetime) -> tuple[RangeForm, Span | None]:
    """The form as typed, and what it means; None where nothing was asked or it cannot be understood."""
    asked = {name: args[name].replace("\x00", "").strip() for name in ("from", "to") if name in args}
    form = RangeForm(MultiDict(asked))
    form.local = local
    if not asked:
        until = now.replace(second=0, microsecond=0)
        form.show(until - USUAL, until)
        return form, None
    if not form.validate() or form.since is None or form.before is None:
        return form, None
    form.show(form.since, form.before)
    return form, Span(form.since, form.before)


def _instant(text: str, local: Local) -> datetime:
    """An ISO instant, or a day and time by the firm's clock."""
    try:
        found = datetime.fromisoformat(text)
        if not FIRST_DATE < found.date() < LAST_DATE:
            raise ValidationError("Enter a day between 1990 and 2100.")
        return found.astimezone(UTC) if found.tzinfo is not None else instant(found, local.zone)
    except NonexistentTime:
        raise ValidationError(
            f"{local.city()} skips this time: the clocks go forward. Enter another."
        ) from None
    except AmbiguousTime as twice:
        example = local.at(twice.first).isoformat(timespec="minutes")
        raise ValidationError(
            f"{local.city()} has this time twice: the clocks go back. Say which with the offset, "
            f"such as {example}."
        ) from None
    except ValidationError:
        raise
    except ValueError:
        raise ValidationError(MOMENT) from None


def _typed(moment: datetime, local: Local) -> tuple[str, bool]:
    """An instant as somebody would type it; with its offset, and True, where the clock shows that twice."""
    wall = local.at(moment).replace(tzinfo=None)
    precise = "auto" if wall.second or wall.microsecond else "minutes"
    try:
        instant(wall, local.zone)
    except AmbiguousTime:
        return local.at(moment).isoformat(timespec=precise), True
    return wall.isoformat(timespec=precise), False
