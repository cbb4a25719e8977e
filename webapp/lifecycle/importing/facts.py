"""One row's text made into facts: who, what, when, and what became of it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from webapp.lifecycle.booking import LOCATION_LENGTH, NOTES_LENGTH, REASON_LENGTH, SHORTEST
from webapp.lifecycle.clients import NAME_LENGTH, email_of, phone_of
from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.importing.mapping import Columns, Outcome
from webapp.lifecycle.importing.placing import Spread, parse_day, parse_instant, parse_wall
from webapp.lifecycle.importing.reading import Line
from webapp.lifecycle.slots import MAX_DURATION
from webapp.lifecycle.text import one_line, prose
from webapp.vocabulary import LIVE, OUTCOMES, NoShowParty, Status

REF_LENGTH = 120
LIMITS = {
    "external_ref": REF_LENGTH,
    "client_ref": REF_LENGTH,
    "client_name": NAME_LENGTH,
    "account": NAME_LENGTH,
    "location": LOCATION_LENGTH,
}
ONE_LINE = 300
"""What the other targets may be long: they are looked up or parsed, not kept."""
FLOATED = re.compile(r"\d+(?:\.\d+)?[eE][+-]?\d+")


class Client(NamedTuple):
    """A client as the row names them; empty where it says nothing."""

    ref: str
    name: str
    email: str
    phone: str
    account: str


class Staff(NamedTuple):
    staff_user_id: int
    bookable: bool


class Kind(NamedTuple):
    """An appointment type; ``minutes`` is its usual length."""

    appointment_type_id: int
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A row that can be written, but for its client, who is looked up by the batch."""

    line: int
    external_ref: str
    client: Client
    staff_user_id: int
    appointment_type_id: int
    start_time: datetime
    end_time: datetime
    overbooked: bool
    outcome: Outcome
    created_at: datetime
    occurred_at: datetime
    location: str
    notes: str
    reason: str

    @property
    def live(self) -> bool:
        return self.outcome.status in LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """Makes facts of lines: the mapping bound to a file, and what the firm has.

    ``source`` names the file in every history row. ``spread`` is set for files without a time of day.
    """

    columns: Columns
    places: Mapping[str, int]
    staff: Mapping[str, Staff]
    kinds: Mapping[str, Kind]
    zone: ZoneInfo
    spread: Spread | None
    source: str
    now: datetime

    def facts(self, line: Line) -> Facts:
        """Raises Invalid, with a sentence, when the row cannot be imported."""
        row = self._row(line.cells)
        staff, kind = self._staff(row), self._kind(row)
        length = _length(row, kind)
        outcome = self._outcome(row)
        warnings: list[str] = []
        start, overbooked = self._start(row, staff, length, warnings)
        self._require_sense(outcome, staff, start)
        return Facts(
            line=line.number,
            external_ref=_required(row, "external_ref", "the reference"),
            client=_client(row, warnings),
            staff_user_id=staff.staff_user_id,
            appointment_type_id=kind.appointment_type_id,
            start_time=start,
            end_time=start + length,
            overbooked=overbooked,
            outcome=outcome,
            created_at=self._booked_at(row, start, warnings),
            occurred_at=self._occurred_at(row, outcome, start, start + length, warnings),
            location=row.get("location", ""),
            notes=prose(row.get("notes"), NOTES_LENGTH, "notes"),
            reason=self._reason(row, line.number, warnings),
        )

    def _row(self, cells: list[str]) -> dict[str, str]:
        """The mapped cells, each within its limit; an empty one takes the default."""
        row = dict(self.columns.defaults)
        for target, place in self.places.items():
            if not (cell := cells[place]):
                continue
            text = cell if target in ("notes", "reason") else _checked(target, cell)
            if text:
                row[target] = text
        return row

    def _staff(self, row: Mapping[str, str]) -> Staff:
        email = row.get("staff_email", "").lower()
        if not email:
            raise Invalid("The staff user is missing. Give one to such rows with --default staff_email=….")
        if email not in self.staff:
            raise Invalid(f"Nobody of the firm has the address {email}.")
        return self.staff[email]

    def _kind(self, row: Mapping[str, str]) -> Kind:
        name = _required(row, "type", "the appointment type")
        if name.casefold() not in self.kinds:
            raise Invalid(f"The firm has no appointment type {name!r}. Add it, or map another.")
        return self.kinds[name.casefold()]

    def _outcome(self, row: Mapping[str, str]) -> Outcome:
        word = _required(row, "status", "the status")
        outcome = self.columns.outcomes.get(word.casefold()) or Outcome.parse(word)
        if outcome.status is Status.NO_SHOW and (side := row.get("no_show")):
            try:
                return outcome._replace(party=NoShowParty(side.lower()))
            except ValueError:
                raise Invalid(f"{side!r} does not say who did not come; use client, staff or both.") from None
        return outcome

    def _start(
        self, row: Mapping[str, str], staff: Staff, length: timedelta, warnings: list[str]
    ) -> tuple[datetime, bool]:
        if "start" in self.places or "start" in self.columns.defaults:
            start = parse_instant(_required(row, "start", "the start"), self.zone)
        else:
            day = parse_day(_required(row, "date", "the date"))
            if self.spread is not None:
                place = self.spread.place(staff.staff_user_id, day, length)
                warnings.append("The time of day is not the file’s")
                return place.at, place.again
            start = parse_wall(day, _required(row, "time", "the time"), self.zone)
        if start.warning:
            warnings.append(start.warning)
        return start.at, False

    def _require_sense(self, outcome: Outcome, staff: Staff, start: datetime) -> None:
        if outcome.status in OUTCOMES and start > self.now:
            raise Invalid("It has an outcome but lies in the future.")
        if outcome.status in LIVE and not staff.bookable:
            raise Invalid("The staff user takes no appointments, so it cannot be a live one.")

    def _booked_at(self, row: Mapping[str, str], start: datetime, warnings: list[str]) -> datetime:
        """When it was booked; without it, the start if that has passed, else now."""
        text = row.get("booked_at")
        if not text:
            return min(start, self.now)
        found = parse_instant(text, self.zone)
        if found.at > self.now:
            raise Invalid("It was booked in the future.")
        if found.warning:
            warnings.append(found.warning)
        if found.at <= start:
            return found.at
        if (
            self.spread is not None
            and found.at.astimezone(self.zone).date() <= start.astimezone(self.zone).date()
        ):
            return start  # the start is not the file's: within the day nothing says which came first
        warnings.append("It was booked after its start")
        return found.at

    def _occurred_at(
        self, row: Mapping[str, str], outcome: Outcome, start: datetime, end: datetime, warnings: list[str]
    ) -> datetime:
        """The stamp: what the file says, else the end of what took place, the start of what did not."""
        if text := row.get("occurred_at"):
            found = parse_instant(text, self.zone)
            if found.at > self.now:
                raise Invalid("Its status lies in the future.")
            if found.warning:
                warnings.append(found.warning)
            return found.at
        return min(end if outcome.status is Status.COMPLETED else start, self.now)

    def _reason(self, row: Mapping[str, str], line: int, warnings: list[str]) -> str:
        origin = f"Imported from {self.source}, line {line}"
        given = prose(row.get("reason"), REASON_LENGTH, "reason")
        return ". ".join(part for part in [given.rstrip("."), origin, *warnings] if part)


def _checked(target: str, cell: str) -> str:
    try:
        return one_line(cell, LIMITS.get(target, ONE_LINE), target)
    except Invalid as error:
        raise Invalid(f"{target}: {error.sentence}", field=target) from None


def _required(row: Mapping[str, str], target: str, what: str) -> str:
    if target not in row:
        raise Invalid(f"It lacks {what}.", field=target)
    return row[target]


def _length(row: Mapping[str, str], kind: Kind) -> timedelta:
    text = row.get("duration")
    if text is None:
        return timedelta(minutes=kind.minutes)
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise Invalid(f"{text!r} is not a number of minutes.")
    length = timedelta(minutes=int(text))
    if not SHORTEST <= length <= MAX_DURATION:
        raise Invalid("A meeting lasts from 5 minutes to 24 hours.")
    return length


def _client(row: Mapping[str, str], warnings: list[str]) -> Client:
    ref = row.get("client_ref", "")
    if FLOATED.fullmatch(ref):
        warnings.append("The client’s reference is a number in float notation, kept as it stands")
    name = row.get("client_name", "")
    if not (ref or name or "account" in row):
        raise Invalid("It does not say who the client is.")
    if name and not any(map(str.isalnum, name)):
        raise Invalid(f"{name!r} is not a name.")
    return Client(
        ref,
        name,
        _or_nothing(email_of, row.get("client_email", ""), "e-mail address", warnings),
        _or_nothing(phone_of, row.get("client_phone", ""), "phone number", warnings),
        row.get("account", ""),
    )


def _or_nothing(check: Callable[[str], str], typed: str, what: str, warnings: list[str]) -> str:
    """A malformed address is no reason to leave a row out: it is dropped, and the history says so."""
    try:
        return check(typed)
    except Invalid:
        warnings.append(f"The client’s {what} is malformed and was left out")
        return ""
