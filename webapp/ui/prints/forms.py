"""What a print is asked for: days and filters, read from the address. Nothing is changed: no token."""

import datetime as dt
import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, SelectChoice, SelectField, StringField
from wtforms.validators import ValidationError

from webapp.localtime import FIRST_DATE, Local, day_start, parse_date
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.names import Names
from webapp.ui import moments, periods
from webapp.ui.asking import ME, AskingForm
from webapp.ui.periods import DAY, MOST_DAYS, TOO_LONG, number

DAY_SHEET, WEEK, MONTH, NO_SHOWS = "day-sheet", "week", "month", "no-shows"
FIELDS = {
    DAY_SHEET: ("date", "staff", "type", "as_of", "pages"),
    WEEK: ("date", "staff", "type", "as_of"),
    MONTH: ("from_", "to", "staff", "type", "as_of"),
    NO_SHOWS: ("from_", "to", "staff", "type", "as_of"),
}
EACH, ONE = "", "one"
CHANNELS = {"reported": True, "unreported": False}


class TooMuch(Exception):
    """More appointments than one print of this kind holds."""

    def __init__(self, most: int) -> None:
        super().__init__(f"More than {most:,} appointments.")
        self.most = most


class AskForm(AskingForm):
    """The days and the filters of a print."""

    date = StringField("Day")
    from_ = StringField("From", name="from", id="from")
    to = StringField("To")
    staff = SelectField("Staff", choices=[], validate_choice=False)
    type = SelectField("Type", choices=[], validate_choice=False)
    as_of = StringField("As it stood on")
    pages = SelectField(
        "Pages",
        choices=[SelectChoice(EACH, "A page for each of staff"), SelectChoice(ONE, "Everybody in one list")],
        default=EACH,
        validate_choice=False,
    )
    account = HiddenField()
    channel = HiddenField()

    day: dt.date | None = None
    month: dt.date | None = None

    def validate_date(self, field: StringField) -> None:
        text = (field.data or "").strip()
        if re.fullmatch(r"\d{4}-\d\d", text):
            try:
                self.month = parse_date(f"{text}-01")
            except ValueError:
                raise ValidationError("Enter a month from 1990-01 to 2100-12.") from None
        elif text:
            self.day = periods.day(text)

    def validate_account(self, field: HiddenField) -> None:
        if field.data and number(field.data) is None:
            raise ValidationError("There is no such account. Go back to the reports and choose another one.")

    def validate_channel(self, field: HiddenField) -> None:
        if field.data and field.data not in CHANNELS:
            raise ValidationError("Go back to the reports and choose whether attendance is reported.")

    def validate_pages(self, field: SelectField) -> None:
        if field.data not in (None, EACH, ONE):
            raise ValidationError("Choose a page for each, or one list.")


def _senseless(first: dt.date, last: dt.date) -> str:
    """What is wrong with a period, empty for nothing; a month may have given one of its ends."""
    if last < first:
        return "This day lies outside the month. Enter both days, or the month alone."
    if (last - first).days >= MOST_DAYS:
        return TOO_LONG
    return ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Days (both included) and filters, None where unset, with whose they are and when it was asked.

    ``most`` is how many lines a day sheet or a week may have, None for any number.
    """

    report: str
    firm_id: int
    local: Local
    now: datetime
    first: dt.date
    last: dt.date
    staff: int | None
    type: int | None
    account: int | None
    channel: str
    as_of: datetime | None
    each: bool
    names: Names
    most: int | None = None

    @property
    def at(self) -> datetime:
        """As of when things are seen."""
        return self.as_of or self.now

    @property
    def tracked(self) -> bool | None:
        return CHANNELS.get(self.channel)

    @property
    def whole_month(self) -> bool:
        return self.first.day == 1 and (self.first + 31 * DAY).replace(day=1) - DAY == self.last

    @property
    def before(self) -> tuple[dt.date, dt.date]:
        """The month before a whole month; else as many days, just before."""
        if self.whole_month:
            return (self.first - DAY).replace(day=1), self.first - DAY
        return self.first - (self.last - self.first) - DAY, self.first - DAY

    def scope(self, first: dt.date | None = None, last: dt.date | None = None) -> Scope:
        """The same for the queries; days become instants of the firm's zone."""
        return Scope(
            firm_id=self.firm_id,
            zone=self.local.zone,
            since=day_start(first or self.first, self.local.zone),
            before=day_start((last or self.last) + DAY, self.local.zone),
            now=self.at,
            replayed=self.as_of is not None,
            staff_user_id=self.staff,
            appointment_type_id=self.type,
            account_id=self.account,
            tracked=self.tracked,
        )

    def pairs(self) -> list[tuple[str, str]]:
        """The days and filters as an address carries them."""
        days = [("date", self.first.isoformat())]
        if self.report in (MONTH, NO_SHOWS):
            days = [("from", self.first.isoformat()), ("to", self.last.isoformat())]
        found = [
            *days,
            ("staff", str(self.staff or "")),
            ("type", str(self.type or "")),
            ("account", str(self.account or "")),
            ("channel", self.channel),
            ("as_of", self.as_of.isoformat().replace("+00:00", "Z") if self.as_of else ""),
            ("pages", "" if self.each else ONE),
        ]
        return [(name, value) for name, value in found if value]

    def url(self, path: str, *more: tuple[str, object]) -> str:
        return f"{path}?{urlencode([*self.pairs(), *more])}"


def read(report: str, args: MultiDict[str, str], *, local: Local, now: datetime) -> AskForm:
    """The form as typed, checked: ``form.errors`` are what is wrong with it."""
    form = AskForm.of(args, local=local, now=now)
    form.validate()
    if form.date.errors and report in (MONTH, NO_SHOWS):
        form.from_.errors = [*form.from_.errors, *form.date.errors]
        form.date.errors = []
    return form


def asked(form: AskForm, report: str, *, firm_id: int, me: int, names: Names) -> Asked | None:
    """What a checked form means; None where it names what the firm does not have, which it then says."""
    first, last = _period(form, report)
    if sentence := _senseless(first, last):
        (form.to if form.last else form.from_).errors = [sentence]
        return None
    found = Asked(
        report=report,
        firm_id=firm_id,
        local=form.local,
        now=form.now,
        first=first,
        last=last,
        staff=me if form.staff.data == ME else number(form.staff.data),
        type=number(form.type.data),
        account=number(form.account.data),
        channel=form.channel.data or "",
        as_of=form.instant,
        each=report != DAY_SHEET or form.pages.data != ONE,
        names=names,
    )
    if form.lacks(found, names, "There is no such account. Go back to the reports."):
        return None
    form.date.data, form.from_.data, form.to.data = first.isoformat(), first.isoformat(), last.isoformat()
    if form.instant:
        form.as_of.data, form.offset_shown = moments.typed(form.instant, form.local)
    return found


def _period(form: AskForm, report: str) -> tuple[dt.date, dt.date]:
    today = form.local.day_of(form.instant or form.now)
    if report == DAY_SHEET:
        day = form.day or form.month or form.first or today
        return day, day
    if report == WEEK:
        day = form.day or form.month or form.first or today
        monday = day - day.weekday() * DAY
        return monday, monday + 6 * DAY
    if form.first and form.last:
        return form.first, form.last
    start = form.month or form.day or form.first or form.last or max((today.replace(day=1) - DAY), FIRST_DATE)
    month = start.replace(day=1)
    end = (month + 31 * DAY).replace(day=1) - DAY
    return form.first or month, form.last or end
