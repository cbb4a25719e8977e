"""Who joined which meeting, from a file: each row becomes one fact, by the same function as any other."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import attendance
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import DomainError, Invalid
from webapp.lifecycle.importing.mapping import pairs, places
from webapp.lifecycle.importing.placing import parse_instant
from webapp.lifecycle.importing.reading import Line, Problem, Source
from webapp.lifecycle.text import one_line
from webapp.models import Appointment, Firm
from webapp.vocabulary import AttendanceSide, AttendanceSource

TARGETS: dict[str, str] = {
    "reference": "the appointment's number in Daybook",
    "external_ref": "its reference in the system it was imported from",
    "side": "who joined: client or staff",
    "joined_at": "when, ISO 8601",
    "id": "the row's own reference; without one, the file's name and the line",
}
BATCH = 500  # rows; one transaction each
NAME_SHOWN = 80
ONE_LINE = 300
LARGEST = 2**63 - 1


@dataclass(slots=True)
class JoinTally:
    """What became of one batch."""

    imported: int = 0
    already: int = 0
    problems: list[Problem] = field(default_factory=list)


Commit = Callable[[Callable[[], JoinTally]], JoinTally]


@dataclass(frozen=True, slots=True)
class Join:
    """One row that can be written, but for its appointment, which is looked up by the batch."""

    line: int
    key: int | str
    side: AttendanceSide
    joined_at: datetime
    external_id: str


@dataclass(slots=True, kw_only=True)
class JoinImport:
    """A file of joins on its way into a firm. ``rows`` counts what was read so far."""

    session: Session
    firm_id: int
    source: Source
    name: str
    zone: ZoneInfo
    actor: Actor
    now: datetime
    places: Mapping[str, int]
    fixed: Mapping[str, str]
    rows: int = 0

    @classmethod
    def begin(
        cls,
        session: Session,
        *,
        firm: Firm,
        source: Source,
        name: str,
        maps: Iterable[str],
        defaults: Iterable[str],
        zone: ZoneInfo,
        by: str,
        now: datetime,
    ) -> "JoinImport":
        """Bind the mapping to the file.

        Args:
            name: the file's name, part of each row's reference where none is mapped.
            by: whom timelines name, as "Import by …".

        Raises:
            Invalid: the mapping does not fit the file; with every problem, one to a line.
        """
        names, fixed = _mapping(maps, defaults)
        return cls(
            session=session,
            firm_id=firm.firm_id,
            source=source,
            name=_short(name),
            zone=zone,
            actor=Actor.system(firm.firm_id, f"Import by {by}"),
            now=now,
            places=places(names, source.header),
            fixed=fixed,
        )

    def batches(self, commit: Commit) -> Iterator[JoinTally]:
        """Read to the end of the file and give the tally of each batch, committed by ``commit``."""
        batch: list[Line | Problem] = []
        for item in self.source:
            self.rows += 1
            batch.append(item)
            if len(batch) == BATCH:
                yield self._carried(batch, commit)
                batch = []
        if batch:
            yield self._carried(batch, commit)

    def _carried(self, batch: Sequence[Line | Problem], commit: Commit) -> JoinTally:
        return commit(lambda: self._write(batch))

    def _write(self, batch: Sequence[Line | Problem]) -> JoinTally:
        tally = JoinTally(problems=[item for item in batch if isinstance(item, Problem)])
        joins: list[Join] = []
        for item in batch:
            if isinstance(item, Line):
                try:
                    joins.append(self._join(item))
                except Invalid as error:
                    tally.problems.append(Problem(item.number, error.sentence))
        found = self._appointments([join.key for join in joins])
        for join in joins:
            try:
                new = self._record(join, found)
            except DomainError as error:
                tally.problems.append(Problem(join.line, error.sentence))
            else:
                tally.imported += new
                tally.already += not new
        return tally

    def _record(self, join: Join, found: Mapping[int | str, Appointment]) -> bool:
        appointment = found.get(join.key)
        if appointment is None:
            raise Invalid(f"The firm has no appointment {join.key}.")
        try:
            return attendance.record(
                self.session,
                appointment,
                actor=self.actor,
                side=join.side,
                source=AttendanceSource.IMPORT,
                joined_at=join.joined_at,
                now=self.now,
                external_id=join.external_id,
            )
        except attendance.OtherFacts as error:
            raise Invalid(
                f"{error.sentence} Map the column of the rows’ own reference with --map id=COLUMN, "
                "or give the file another name."
            ) from error

    def _appointments(self, keys: Sequence[int | str]) -> dict[int | str, Appointment]:
        """The firm's appointments of a batch, by what its rows name. One statement."""
        column = Appointment.appointment_id if "reference" in self.places else Appointment.external_ref
        rows = self.session.scalars(
            sa.select(Appointment).where(Appointment.firm_id == self.firm_id, column.in_(set(keys)))
        )
        by_number = "reference" in self.places
        return {(row.appointment_id if by_number else row.external_ref or ""): row for row in rows}

    def _join(self, line: Line) -> Join:
        row = dict(self.fixed)
        for target, place in self.places.items():
            if text := one_line(line.cells[place], ONE_LINE, target):
                row[target] = text
        joined = parse_instant(_required(row, "joined_at", "the time of joining"), self.zone)
        if joined.warning:
            raise Invalid("This local time exists twice that day. Write it with its offset.")
        own = one_line(row.get("id"), attendance.REF_LENGTH, "id")
        return Join(
            line=line.number,
            key=_key(row),
            side=_side(_required(row, "side", "who joined")),
            joined_at=joined.at,
            external_id=own or f"import:{self.name}:{line.number}",
        )


def _mapping(maps: Iterable[str], defaults: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    problems: list[str] = []
    names = pairs(maps, "--map", problems, known=TARGETS)
    fixed = pairs(defaults, "--default", problems, known=["side"])
    if ("reference" in names) == ("external_ref" in names):
        problems.append("Map either reference or external_ref: it says which appointment a row is about.")
    if "joined_at" not in names:
        problems.append("Map joined_at: without a time nothing follows from a row.")
    if "side" not in names and "side" not in fixed:
        problems.append("Map side to a column, or give every row one with --default side=client.")
    if "side" in fixed and fixed["side"].lower() not in set(AttendanceSide):
        problems.append(f"--default side={fixed['side']}: use client or staff.")
    if problems:
        raise Invalid("\n".join(problems))
    return names, fixed


def _required(row: Mapping[str, str], target: str, what: str) -> str:
    if target not in row:
        raise Invalid(f"It lacks {what}.")
    return row[target]


def _side(text: str) -> AttendanceSide:
    try:
        return AttendanceSide(text.lower())
    except ValueError:
        raise Invalid(f"{text!r} is not a side; use client or staff.") from None


def _key(row: Mapping[str, str]) -> int | str:
    if ref := row.get("external_ref"):
        return ref
    text = row.get("reference", "").removeprefix("#")
    if not text:
        raise Invalid("It does not say which appointment.")
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= LARGEST):
        raise Invalid(f"{text!r} is not the number of an appointment.")
    return int(text)


def _short(name: str) -> str:
    """The file's name as references carry it; of a long one the beginning and a mark of the rest."""
    tidy = " ".join(name.split())
    if len(tidy) <= NAME_SHOWN:
        return tidy
    return f"{tidy[:NAME_SHOWN]}~{hashlib.sha256(tidy.encode()).hexdigest()[:8]}"
