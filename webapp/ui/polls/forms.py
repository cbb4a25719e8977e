"""The forms of polls. Times and invitees are rows; what is left empty is not there."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from wtforms import Field, FieldList, Form, FormField, SelectField, StringField, TextAreaField
from wtforms.validators import Length

from webapp.lifecycle.booking import LOCATION_LENGTH, NOTES_LENGTH, REASON_LENGTH
from webapp.lifecycle.errors import DomainError, Invalid
from webapp.lifecycle.polls.base import MOST_INVITEES, MOST_SLOTS
from webapp.lifecycle.polls.drafting import (
    EMAIL_LENGTH,
    NAME_LENGTH,
    TITLE_LENGTH,
    Changes,
    InviteeFacts,
    PollDraft,
    Span,
)
from webapp.localtime import Local
from webapp.ui.forms import VersionedForm
from webapp.ui.when import WhenFields

MORE = 4
READ = 100
LONGEST = 720
Taken = Callable[[datetime, datetime], Iterable[object]]
NO_TIME = "Enter a time such as 14:30."


class WhenRow(WhenFields, Form):
    """A day and a time, typed. ``which`` asks back where the clocks skip or repeat the time."""

    busy: bool | None = None  # what the calendar says, once it was asked

    day = StringField("Day", [Length(max=40, message="Enter a date.")])
    time = StringField("Time", [Length(max=20, message=NO_TIME)], render_kw={"maxlength": 20})

    @property
    def empty(self) -> bool:
        return not ((self.day.data or "").strip() or (self.time.data or "").strip())

    def read(self, local: Local) -> datetime | None:
        """The instant, or None with a sentence beside the field that is wrong."""
        if not (self.day.data or "").strip():
            self._refuse("day", "Enter a day.")
            return None
        if not (self.time.data or "").strip():
            self._refuse("time", NO_TIME)
            return None
        try:
            return self.moment(local)
        except Invalid as error:
            self._refuse(error.field if error.field in ("day", "which") else "time", error.sentence)
            return None

    def _refuse(self, name: str | None, sentence: str) -> None:
        field = self[name or "time"]
        field.errors = [*field.errors, sentence]


def _key(value: object) -> int:
    """The id that an option carries (ValueError for what no option has)."""
    text = str(value or 0)
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError("Choose one from the list.")
    return int(text)


def _attendance() -> list[tuple[str, str]]:
    return [("yes", "Required"), ("no", "Optional")]


class InviteeRow(Form):
    name = StringField("Name", render_kw={"maxlength": NAME_LENGTH, "autocomplete": "off"})
    email = StringField(
        "E-mail", render_kw={"maxlength": EMAIL_LENGTH, "autocomplete": "off", "inputmode": "email"}
    )
    required = SelectField("Must attend", choices=_attendance, default="yes")
    timezone = StringField("Time zone", render_kw={"maxlength": 64, "autocomplete": "off", "list": "zones"})

    @property
    def empty(self) -> bool:
        return not ((self.name.data or "").strip() or (self.email.data or "").strip())


class Rows(FieldList):
    """Rows of a form. Every row that was sent is read, so that one too many is refused and not lost."""

    def _extract_indices(self, prefix: str, formdata: Iterable[str]) -> Iterator[int]:
        """Numbers as the page writes them; “²” and hundreds of nines are none."""
        plain = [name for name in formdata if name.isascii() and len(name) < 60]
        found: Iterator[int] = super()._extract_indices(prefix, plain)
        return found


class NestedForm(VersionedForm):
    """A form of rows. Domain errors go to the input of the row that they are about."""

    def errors_list(self) -> list[tuple[str, str]]:
        found = [(field.id, str(error)) for field in _leaves(self) for error in field.errors]
        return found + [("", str(error)) for error in self.form_errors]

    def refuse(self, error: DomainError) -> None:
        super().refuse(DomainError(error.sentence))
        field = self._place(error.field or "")
        if field is not None:
            self.form_errors.remove(error.sentence)
            field.errors = [*field.errors, error.sentence]
        self.code = 422 if isinstance(error, Invalid) else 409

    def _place(self, name: str) -> Field | None:
        """The input that an error's field means."""
        found: Field | None = self._fields.get(name)
        return found


class RowsForm(NestedForm):
    """What the new poll's form and the edit's share."""

    deadline = FormField(WhenRow, "Deadline for votes")
    slots = Rows(FormField(WhenRow), "Times", min_entries=MORE, max_entries=READ)
    invitees = Rows(FormField(InviteeRow), "Invitees", min_entries=3, max_entries=READ)

    def grow(self, step: str) -> bool:
        """Add empty rows when that was asked for; returns whether it was."""
        grown = {"more-slots": (self.slots, MOST_SLOTS), "more-invitees": (self.invitees, MOST_INVITEES)}
        if step not in grown:
            return False
        rows, most = grown[step]
        for _ in range(min(MORE, most - len(rows.entries))):
            rows.append_entry()
        return True

    def mark(self, local: Local, minutes: int, taken: Taken) -> None:
        """Show beside each time whether the host is free then; one that cannot be read says why."""
        rows = [entry.form for entry in self.slots if not entry.form.empty]
        for row in rows:
            start = row.read(local)
            if start is None:
                self.code = 422
            else:
                row.busy = bool(taken(start, start + timedelta(minutes=minutes)))

    def spans(self, local: Local, minutes: int) -> list[Span] | None:
        """The times that were typed; None when one cannot be read."""
        rows = [(number, entry.form) for number, entry in enumerate(self.slots) if not entry.form.empty]
        starts = [(number, row.read(local)) for number, row in rows]
        found = [
            Span(start, start + timedelta(minutes=minutes), f"slots-{number}")
            for number, start in starts
            if start
        ]
        return found if len(found) == len(rows) else None

    def people(self) -> list[InviteeFacts]:
        return [
            InviteeFacts(
                name=entry.form.name.data or "",
                email=entry.form.email.data or "",
                required=entry.form.required.data != "no",
                timezone=(entry.form.timezone.data or "").strip().replace(" ", "_") or None,
                field=f"invitees-{number}",
            )
            for number, entry in enumerate(self.invitees)
            if not entry.form.empty
        ]

    def _place(self, name: str) -> Field | None:
        """The input that an error's field means: of a row its time or its e-mail address."""
        noun, _, number = name.partition("-")
        if noun == "deadline":
            return self.deadline.form.time
        if noun == "slots":
            return self.slots.entries[int(number or 0)].form.time
        if noun == "invitees":
            return self.invitees.entries[int(number or 0)].form.email
        return super()._place(name)


def _leaves(form: Any) -> Iterator[Field]:
    for field in form:
        if isinstance(field, FieldList):
            for entry in field:
                yield from _leaves(entry.form)
        elif isinstance(field, FormField):
            yield from _leaves(field.form)
        else:
            yield field


class PollForm(RowsForm):
    """A new poll. ``minutes`` empty is the type's length."""

    title = StringField("What is it about?", render_kw={"maxlength": TITLE_LENGTH, "autocomplete": "off"})
    appointment_type_id = SelectField("Type", coerce=_key, validate_choice=False)
    staff_user_id = SelectField("With", coerce=_key, validate_choice=False)
    minutes = StringField(
        "Minutes", render_kw={"inputmode": "numeric", "maxlength": 4, "autocomplete": "off"}
    )
    location = StringField("Place", render_kw={"maxlength": LOCATION_LENGTH, "autocomplete": "off"})
    notes = TextAreaField("Note", render_kw={"maxlength": NOTES_LENGTH})

    def draft(self, local: Local, usual: int) -> PollDraft | None:
        """What was typed; None with sentences in the form when something cannot be read."""
        minutes = self._minutes(usual)
        deadline = self.deadline.form.read(local)
        spans = self.spans(local, minutes or usual)
        if minutes is None or deadline is None or spans is None:
            self.code = 422
            return None
        return PollDraft(
            title=self.title.data or "",
            appointment_type_id=self.appointment_type_id.data or 0,
            staff_user_id=self.staff_user_id.data or 0,
            deadline=deadline,
            slots=spans,
            invitees=self.people(),
            location=self.location.data or "",
            notes=self.notes.data or "",
        )

    def length(self, usual: int) -> int:
        """The meeting's length in minutes; the usual one where what was typed cannot be read."""
        return self._minutes(usual) or usual

    def _minutes(self, usual: int) -> int | None:
        text = (self.minutes.data or "").strip()
        if not text:
            return usual
        if text.isascii() and text.isdigit() and 5 <= int(text) <= LONGEST:
            return int(text)
        self.minutes.errors = [f"Enter a length from 5 to {LONGEST} minutes."]
        return None


class EditForm(RowsForm):
    """Adding to an open poll, or moving its deadline."""

    def changes(self, local: Local, minutes: int) -> Changes | None:
        row = self.deadline.form
        deadline = None if row.empty else row.read(local)
        spans = self.spans(local, minutes)
        if spans is None or (deadline is None and not row.empty):
            self.code = 422
            return None
        return Changes(deadline=deadline, slots=spans, invitees=self.people())


class HoldForm(NestedForm):
    """Holding a time: until when everybody is to confirm, and why this one."""

    confirm_by = FormField(WhenRow, "Answers by")
    reason = TextAreaField("Reason", render_kw={"maxlength": REASON_LENGTH})

    def _place(self, name: str) -> Field | None:
        return self.confirm_by.form.time if name == "confirm_by" else super()._place(name)


class ReasonForm(VersionedForm):
    reason = TextAreaField("Reason", render_kw={"maxlength": REASON_LENGTH, "required": True})
