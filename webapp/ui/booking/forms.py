"""A new appointment: what is typed, and what it means."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField

from webapp.lifecycle.booking import LOCATION_LENGTH, NOTES_LENGTH, REASON_LENGTH
from webapp.lifecycle.clients import EMAIL_LENGTH, NAME_LENGTH, PHONE_LENGTH
from webapp.lifecycle.errors import Invalid
from webapp.localtime import Local, parse_clock, parse_date
from webapp.queries.new_booking import Desk, Offered
from webapp.ui.forms import DeskForm
from webapp.ui.picker import key_of
from webapp.ui.when import WhenFields

HOW = {"book": "Book it", "request": "Leave it to be approved", "propose": "Ask the client to confirm"}
WHO = {"existing": "A contact", "new": "Somebody new", "account": "An account, no contact"}
OFF: dict[str, Any] = {"autocomplete": "off"}


@dataclass(frozen=True, slots=True)
class What:
    """What was typed, read; the client is still to be found or added."""

    kind: Offered
    staff_user_id: int
    start: datetime
    minutes: int
    who: str
    contact_id: int | None
    account_id: int | None
    confirm_by: datetime | None


class BookingForm(WhenFields, DeskForm):
    """Shapes only; the lifecycle has the rules. Everything is text, so that it comes back as it was typed."""

    who = RadioField("Who is it with?", choices=list(WHO), default="existing", validate_choice=False)
    contact_id = RadioField("Contact", choices=[], validate_choice=False)
    name = StringField("Name", render_kw=OFF | {"maxlength": NAME_LENGTH})
    phone = StringField("Phone", render_kw=OFF | {"maxlength": PHONE_LENGTH, "inputmode": "tel"})
    email = StringField("E-mail", render_kw=OFF | {"maxlength": EMAIL_LENGTH, "inputmode": "email"})
    account_id = RadioField("Account", choices=[], validate_choice=False)
    appointment_type_id = SelectField("Type", validate_choice=False)
    staff_user_id = SelectField("Staff", validate_choice=False)
    duration = StringField("Minutes", render_kw=OFF | {"maxlength": 9, "inputmode": "numeric"})
    how = RadioField("How?", choices=list(HOW), default="book", validate_choice=False)
    confirm_by = StringField("Answer needed by, day")
    confirm_at = StringField("Answer needed by, time", render_kw=OFF | {"maxlength": 20})
    which_deadline = RadioField("Which time is meant?", choices=[], validate_choice=False)
    location = StringField("Place", render_kw=OFF | {"maxlength": LOCATION_LENGTH})
    notes = TextAreaField("Note", render_kw={"maxlength": NOTES_LENGTH})
    reason = TextAreaField("Reason", render_kw={"maxlength": REASON_LENGTH})
    double_book = BooleanField("Double-book this time on purpose")

    which_deadline_choices: list[dict[str, str]] | None = None

    def offer(self, desk: Desk) -> None:
        """Fill the two lists."""
        self.appointment_type_id.choices = [
            (str(kind.appointment_type_id), kind.name) for kind in desk.types.values()
        ]
        self.staff_user_id.choices = [(str(number), name) for number, name in desk.staff.items()]

    def kind(self, desk: Desk) -> Offered | None:
        """The chosen type, if there is one of that id."""
        text = self.appointment_type_id.data or ""
        return desk.types.get(int(text)) if text.isascii() and text.isdigit() and len(text) < 19 else None

    def staff(self, desk: Desk) -> int | None:
        """The chosen member of staff, if they take appointments."""
        text = self.staff_user_id.data or ""
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
        return number if number in desk.staff else None

    def minutes(self, kind: Offered | None) -> int:
        """The typed length, or the type's.

        Raises:
            Invalid: it is no number of minutes that a meeting has.
        """
        text = (self.duration.data or "").strip()
        if not text:
            return kind.duration if kind else 0
        if not (text.isascii() and text.isdigit() and len(text) < 5 and 5 <= int(text) <= 24 * 60):
            raise Invalid("Enter the minutes as a number from 5 to 1,440.", field="duration")
        return int(text)

    def read(self, desk: Desk, local: Local, now: datetime) -> What | None:
        """All that was typed; None when something cannot be read, with a sentence beside each such field."""
        kind, staff_user_id = self.kind(desk), self.staff(desk)
        who = self.who.data if self.who.data in WHO else "existing"
        minutes = self._part(lambda: self.minutes(kind))
        start = self._part(lambda: self.moment(local))
        client = self._part(lambda: self._client(who))
        if kind is None:
            self.refuse(Invalid("Choose a type from the list.", field="appointment_type_id"))
        if staff_user_id is None:
            self.refuse(Invalid("Choose a member of staff from the list.", field="staff_user_id"))
        confirm_by = None
        if self.how.data == "propose" and start is not None:
            longest = now + timedelta(hours=desk.firm.confirm_hours)
            confirm_by = self._part(lambda: self._deadline(local) or min(longest, start))
        if self.status != 200 or kind is None or staff_user_id is None or start is None or client is None:
            return None
        contact_id, account_id = client
        return What(
            kind, staff_user_id, start, minutes or kind.duration, who, contact_id, account_id, confirm_by
        )

    def _part(self, work: Any) -> Any:
        try:
            return work()
        except Invalid as error:
            self.refuse(error)
            return None

    def _client(self, who: str) -> tuple[int | None, int | None]:
        """Contact and account, each None where it does not apply."""
        if who == "existing":
            contact_id = key_of(self.contact_id, "Choose a contact from the list.")
            if contact_id is None:
                raise Invalid("Choose who the meeting is with, or add somebody new.", field="contact_id")
            return contact_id, None
        account_id = key_of(self.account_id, "Choose an account from the list.")
        if who == "account" and account_id is None:
            raise Invalid("Choose the account that the meeting is with.", field="account_id")
        return None, account_id

    def _deadline(self, local: Local) -> datetime | None:
        """The typed deadline, None when nothing is typed. Asks which where the clock skips or repeats it."""
        day, clock = (self.confirm_by.data or "").strip(), (self.confirm_at.data or "").strip()
        if not day and not clock:
            return None
        if not day or not clock:
            missing = "confirm_at" if day else "confirm_by"
            raise Invalid("Enter both the day and the time, or neither.", field=missing)
        field = "confirm_by"
        try:
            date = parse_date(day)
            field = "confirm_at"
            wall = datetime.combine(date, parse_clock(clock))
        except ValueError as error:
            raise Invalid(str(error), field=field) from None
        return self.resolve(wall, local, "which_deadline")
