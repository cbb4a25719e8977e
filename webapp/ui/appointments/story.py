"""The timeline of a chain as lines: for a file, and for paper. It is for the firm: nothing is left out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from webapp.localtime import Local
from webapp.queries.appointments import Event, Link, Story
from webapp.ui.rows import PARTY
from webapp.vocabulary import Action, AttendanceSide, AttendanceSource, Override

OVERRIDES = {
    Override.RESCHEDULE_LIMIT: "Past the limit of moves",
    Override.RESCHEDULE_NOTICE: "Past the notice for moving",
    Override.CANCEL_NOTICE: "Past the notice for cancelling",
    Override.DOUBLE_BOOKING: "As a deliberate double booking",
}
PLACES = {"location": "Place", "notes": "Note", "contact": "Client"}


@dataclass(frozen=True, slots=True)
class Line:
    """One event. ``status`` and ``was`` are words of the vocabulary, empty where it did not change."""

    link: Link
    recorded_at: datetime
    happened_at: datetime
    recorded: str
    what: str
    status: str
    was: str
    party: str
    by: str
    reason: str
    details: list[str]


COLUMNS: tuple[tuple[str, Callable[[Line], object]], ...] = (
    ("Booking", lambda line: line.link.position),
    ("Reference", lambda line: line.link.appointment_id),
    ("Start", lambda line: line.link.start_time),
    ("Recorded", lambda line: line.recorded_at),
    ("Happened", lambda line: line.happened_at),
    ("What", lambda line: line.what),
    ("Status", lambda line: line.status),
    ("Status before", lambda line: line.was),
    ("No-show party", lambda line: line.party),
    ("By", lambda line: line.by),
    ("Reason", lambda line: line.reason),
    ("Details", lambda line: "; ".join(line.details)),
)


def lines(story: Story, local: Local) -> Iterator[tuple[Link, list[Line]]]:
    """Of each booking of the chain its events, the first one first."""
    for booking in story.bookings:
        yield booking.link, [_line(booking.link, event, local) for event in booking.events]


def _line(link: Link, event: Event, local: Local) -> Line:
    what, details = _told(event, local)
    changed = event.action is not None
    return Line(
        link=link,
        recorded_at=event.changed_at,
        happened_at=event.occurred_at,
        recorded=local.full_day_time(event.changed_at),
        what=what,
        status=event.status.value if changed else "",
        was=event.from_status.value if changed and event.from_status else "",
        party=PARTY[event.party] if event.party else "",
        by=event.actor_label,
        reason=event.reason or "",
        details=details,
    )


def _told(event: Event, local: Local) -> tuple[str, list[str]]:
    if event.fact is not None:
        return _arrival(event, local)
    changes = event.changes or {}
    if event.action is None:
        if "mail" in changes:
            return "No e-mail sent", []
        return "Details changed", [_edit(field, *change) for field, change in changes.items()]
    details = [OVERRIDES[Override(name)] for name in event.overrides]
    if local.day_time(event.occurred_at) != local.day_time(event.changed_at):
        details.append(f"Happened {local.full_day_time(event.occurred_at)}")
    what = {Action.CORRECT: "Correction", Action.IMPORT: "Imported"}.get(event.action, "")
    return what or event.status.label, details


def _arrival(event: Event, local: Local) -> tuple[str, list[str]]:
    fact = event.fact
    assert fact is not None  # noqa: S101  the caller has looked
    side = "Client" if fact.side is AttendanceSide.CLIENT else "Staff"
    came = "arrived" if fact.source is AttendanceSource.FRONT_DESK else "joined"
    details = [f"At {local.full_day_time(event.occurred_at)}"]
    if fact.withdrawn_at:
        details.append(f"Taken back by {fact.withdrawn_by}, {local.full_day_time(fact.withdrawn_at)}")
    return f"{side} {came}", details


def _edit(field: str, old: object, new: object) -> str:
    name = PLACES.get(field, field.capitalize())
    if field == "notes":
        return f"{name} {'removed' if not new else 'added' if not old else 'rewritten'}"
    return f"{name}: {old or 'none'}, then {new or 'none'}"
