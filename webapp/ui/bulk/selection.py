"""The selected appointments: which they are, which of them a step can change, and why the others not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from webapp.lifecycle.conflicts import INSTEAD, VERB
from webapp.lifecycle.transitions import TABLE
from webapp.localtime import Local
from webapp.queries.identity import Me
from webapp.queries.rows import Row
from webapp.vocabulary import Action, Status

MOST = 200
"""Rows of one submission."""
MAX_ID, MAX_VERSION = 2**63, 2**31


@dataclass(frozen=True, slots=True)
class Ref:
    """An appointment and its version as the list showed them."""

    appointment_id: int
    version: int

    def __str__(self) -> str:
        return f"{self.appointment_id}.{self.version}"


def read(words: Iterable[str]) -> list[Ref]:
    """The refs among the words (``2088.3``), each appointment once; anything else is left out."""
    found: dict[int, Ref] = {}
    for word in words:
        number, _, version = word.partition(".")
        if not all(part.isascii() and part.isdigit() and len(part) < 20 for part in (number, version)):
            continue
        if int(number) < MAX_ID and int(version) < MAX_VERSION:
            found.setdefault(int(number), Ref(int(number), int(version)))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Candidate:
    """A selected appointment as it is now; ``why_not`` is empty when the step can change it."""

    ref: Ref
    name: str
    why_not: str


def name_of(row: Row, local: Local, now: datetime) -> str:
    """``Ivy Thompson, 11:30``; with the date when it is not today."""
    today = local.day_of(row.start_time) == local.day_of(now)
    return f"{row.client}, {local.time(row.start_time) if today else local.day_time(row.start_time)}"


def candidates(
    refs: Iterable[Ref], rows: Mapping[int, Row], action: Action, me: Me, now: datetime
) -> list[Candidate]:
    """The refs in the order of their starts; what the firm does not have is left out."""
    there = [(ref, rows[ref.appointment_id]) for ref in refs if ref.appointment_id in rows]
    there.sort(key=lambda pair: (pair[1].start_time, pair[1].appointment_id))
    return [
        Candidate(ref, name_of(row, me.local, now), _why_not(ref, row, action, me, now)) for ref, row in there
    ]


def _why_not(ref: Ref, row: Row, action: Action, me: Me, now: datetime) -> str:
    """The lifecycle's refusal in advance; it alone decides when the step is taken."""
    if row.status not in TABLE[action].sources:
        label = "a no-show" if row.status is Status.NO_SHOW else row.status.label.lower()
        return f"It is {label}. {INSTEAD[row.status]}"
    if action not in row.can(me.role, now):
        return f"{VERB[action]} opens {me.local.relative(row.start_time, now)}, when it starts."
    if ref.version != row.version:
        return "It was changed after this list was made. Look at it again first."
    return ""
