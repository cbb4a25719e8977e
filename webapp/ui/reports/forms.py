"""The period and the filters of a report, read from the address. Nothing is changed by them: no token."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict
from wtforms import SelectChoice, SelectField, StringField
from wtforms.validators import ValidationError

from webapp.localtime import FIRST_DATE, LAST_DATE, Local, day_start
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.names import Names
from webapp.ui import moments
from webapp.ui.asking import ME, AskingForm
from webapp.ui.periods import DAY, number

WEEKS = {"4 weeks": 4, "12 weeks": 12, "Year": 52}
USUAL = 12
REPORTED, UNREPORTED = "reported", "unreported"
NO_ACCOUNT = "There is no such account. Enter how another name begins."
CHANNELS = {REPORTED: "Attendance reported", UNREPORTED: "Attendance not reported"}


def account_label(key: int, name: str) -> str:
    """``Byron & Co (17)``: names may be alike."""
    return f"{name} ({key})"


class ReportForm(AskingForm):
    """The period and the filters of the page of reports."""

    from_ = StringField("From", name="from", id="from")
    to = StringField("To")
    staff = SelectField("Staff", choices=[], validate_choice=False)
    type = SelectField("Type", choices=[], validate_choice=False)
    account = StringField("Account", render_kw={"placeholder": "All accounts", "autocomplete": "off"})
    channel = SelectField(
        "Attendance",
        choices=[
            SelectChoice("", "All meetings"),
            *(SelectChoice(value, label) for value, label in CHANNELS.items()),
        ],
        default="",
        validate_choice=False,
    )
    as_of = StringField("As it stood on")

    accounts_named: tuple[str, ...] = ()

    def validate_account(self, field: StringField) -> None:
        field.data = (field.data or "").strip()
        if field.data and number(field.data) is None:
            raise ValidationError(NO_ACCOUNT)

    def validate_channel(self, field: SelectField) -> None:
        if field.data not in (None, "", *CHANNELS):
            raise ValidationError("Choose whether attendance is reported, or all meetings.")

    def offer(self, names: Names) -> None:
        """Fill the choices, and suggest the accounts that the report names; the one chosen shows its name."""
        super().offer(names)
        self.accounts_named = tuple(account_label(*pair) for pair in names.accounts.items())
        key = number(self.account.data)
        if key in names.accounts:
            self.account.data = account_label(key, names.accounts[key])


@dataclass(frozen=True, slots=True)
class Filters:
    """What a valid address asks for: both days included, everything else None or empty where unset."""

    first: date
    last: date
    staff: int | None = None
    type: int | None = None
    account: int | None = None
    channel: str = ""
    as_of: datetime | None = None

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def previous(self) -> tuple[date, date]:
        """As many days, just before."""
        return self.first - self.days * DAY, self.first - DAY

    def now(self) -> "Filters":
        """The same as it stands now."""
        return replace(self, as_of=None)

    def spanning(self, first: date, last: date) -> "Filters":
        return replace(self, first=first, last=last)

    def only(self, name: str, key: int) -> "Filters":
        """Narrowed to one ``staff``, ``type`` or ``account``."""
        match name:
            case "staff":
                return replace(self, staff=key)
            case "type":
                return replace(self, type=key)
            case _:
                return replace(self, account=key)

    def scope(self, firm_id: int, local: Local, now: datetime) -> Scope:
        """The same for the queries; days become instants of the firm's zone."""
        return Scope(
            firm_id=firm_id,
            zone=local.zone,
            since=day_start(self.first, local.zone),
            before=day_start(self.last + DAY, local.zone),
            now=self.as_of or now,
            replayed=self.as_of is not None,
            staff_user_id=self.staff,
            appointment_type_id=self.type,
            account_id=self.account,
            tracked={REPORTED: True, UNREPORTED: False}.get(self.channel),
        )

    def pairs(self) -> list[tuple[str, str]]:
        """The filters as an address carries them, without those that are not set."""
        found = [
            ("from", self.first.isoformat()),
            ("to", self.last.isoformat()),
            ("staff", str(self.staff or "")),
            ("type", str(self.type or "")),
            ("account", str(self.account or "")),
            ("channel", self.channel),
            ("as_of", self.as_of.isoformat().replace("+00:00", "Z") if self.as_of else ""),
        ]
        return [(name, value) for name, value in found if value]

    def url(self, path: str, *more: tuple[str, object]) -> str:
        return f"{path}?{urlencode([*self.pairs(), *more])}"


def last_weeks(weeks: int, today: date) -> tuple[date, date]:
    """So many whole weeks, the last of them ended on the Sunday before today."""
    last = today - (today.weekday() + 1) * DAY
    return last - (7 * weeks - 1) * DAY, last


def read(
    args: MultiDict[str, str], *, local: Local, now: datetime, me: int
) -> tuple[ReportForm, Filters | None]:
    """The form as typed, and what it means; None where a field cannot be understood.

    Without days it is the last twelve weeks; with one of the two, twelve weeks from or to it.
    """
    form = ReportForm.of(args, local=local, now=now)
    if not form.validate():
        return form, None
    first, last = _period(form, local.day_of(form.instant or now))
    form.from_.data, form.to.data = first.isoformat(), last.isoformat()
    if form.instant:
        form.as_of.data, form.offset_shown = moments.typed(form.instant, local)
    return form, Filters(
        first=first,
        last=last,
        staff=me if form.staff.data == ME else number(form.staff.data),
        type=number(form.type.data),
        account=number(form.account.data),
        channel=form.channel.data or "",
        as_of=form.instant,
    )


def _period(form: ReportForm, today: date) -> tuple[date, date]:
    length = (7 * USUAL - 1) * DAY
    match form.first, form.last:
        case None, None:
            return last_weeks(USUAL, today)
        case date() as first, None:
            return first, min(first + length, LAST_DATE)
        case None, date() as last:
            return max(last - length, FIRST_DATE), last
        case first, last:
            return first, last  # type: ignore[return-value]


def unknown(form: ReportForm, filters: Filters, names: Names) -> bool:
    """Whether somebody or something is asked for that the firm does not have; the form then says so."""
    return form.lacks(filters, names, NO_ACCOUNT)
