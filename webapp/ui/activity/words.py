"""A change of the history, ready to print: words chosen, times formatted once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from webapp.localtime import Local
from webapp.queries.activity import Change
from webapp.ui.rows import PARTY
from webapp.vocabulary import OUTCOMES, Action, CancelledBy, Override

ACTIONS = {
    Action.REQUEST: "Requested",
    Action.BOOK: "Booked",
    Action.PROPOSE: "Proposed",
    Action.APPROVE: "Approved",
    Action.DECLINE: "Declined",
    Action.EXPIRE: "Expired",
    Action.CONFIRM: "Proposal confirmed",
    Action.TIME_OUT: "Timed out",
    Action.CANCEL: "Cancelled",
    Action.RESCHEDULE: "Rescheduled",
    Action.COMPLETE: "Completed",
    Action.MARK_NO_SHOW: "No-show recorded",
    Action.CORRECT: "Outcome corrected",
    Action.IMPORT: "Imported",
}
PLAIN = {Action.REQUEST, Action.CANCEL, Action.COMPLETE, Action.MARK_NO_SHOW, Action.RESCHEDULE}
"""What the status after says by itself."""
MOVED_HERE = "Moved here"
OVERRIDES = {
    Override.RESCHEDULE_LIMIT: "Past the limit of moves",
    Override.RESCHEDULE_NOTICE: "Past the notice for moving",
    Override.CANCEL_NOTICE: "Past the notice for cancelling",
    Override.DOUBLE_BOOKING: "A deliberate double booking",
}
SIDES = {CancelledBy.CLIENT: "On the client’s side", CancelledBy.STAFF: "On the firm’s side"}

COLUMNS: tuple[tuple[str, Callable[[Change], object]], ...] = (
    ("Recorded", lambda change: change.changed_at),
    ("Happened", lambda change: change.occurred_at),
    ("Change", lambda change: change.action.value),
    ("Status before", lambda change: change.from_status),
    ("Status after", lambda change: change.to_status.value),
    ("Reference", lambda change: change.appointment_id),
    ("Client", lambda change: change.client),
    ("Start", lambda change: change.start_time),
    ("End", lambda change: change.end_time),
    ("Staff", lambda change: change.staff_name),
    ("By", lambda change: change.actor_label),
    ("Kind of actor", lambda change: change.actor_kind.value),
    ("Reason", lambda change: change.reason),
    ("No-show party", lambda change: change.no_show_party),
    ("Cancelled by", lambda change: change.cancelled_by),
    ("Past limits", lambda change: change.overridden),
)


@dataclass(frozen=True, slots=True)
class ChangeView:
    """What one row of the timeline prints. ``action`` is said where the status after leaves it open."""

    id: int
    appointment_id: int
    at_iso: str
    time: str
    status: str
    action: str
    was: str
    client: str
    meeting: str
    staff_name: str
    who: str
    reason: str
    notes: list[str]
    day: date


@dataclass(frozen=True, slots=True)
class Day:
    """The changes of one day of the firm's calendar."""

    heading: str
    today: bool
    rows: list[ChangeView]


def present(change: Change, local: Local, today: date) -> ChangeView:
    day = local.day_of(change.start_time)
    year = local.day if day.year == today.year else local.full_day
    return ChangeView(
        id=change.history_id,
        appointment_id=change.appointment_id,
        at_iso=local.at(change.changed_at).isoformat(timespec="seconds"),
        time=local.time(change.changed_at),
        status=change.to_status.value,
        action=_action(change),
        was=change.from_status.label if change.from_status else "",
        client=change.client,
        meeting=f"{year(day)}, {local.range(change.start_time, change.end_time)}",
        staff_name=change.staff_name,
        who=change.actor_label[:1].upper() + change.actor_label[1:],
        reason=change.reason or "",
        notes=_notes(change, local),
        day=local.day_of(change.changed_at),
    )


def _action(change: Change) -> str:
    if change.action is Action.RESCHEDULE and change.from_status is None:
        return MOVED_HERE
    return "" if change.action in PLAIN else ACTIONS[change.action]


def _notes(change: Change, local: Local) -> list[str]:
    """What else is known: which side, which limits were passed, on which other day it happened."""
    party = PARTY[change.no_show_party] if change.no_show_party else ""
    found = [] if (change.reason or "").startswith(party) else [party]
    if change.action is Action.CANCEL and change.cancelled_by in SIDES:
        found.append(SIDES[change.cancelled_by])
    found += [OVERRIDES[Override(word)] for word in change.overrides]
    another_day = local.day_of(change.occurred_at) != local.day_of(change.changed_at)
    if change.to_status in OUTCOMES and change.action is not Action.IMPORT and another_day:
        found.append(f"Happened {local.day_time(change.occurred_at)}")
    return found


def by_day(changes: list[Change], local: Local, today: date) -> list[Day]:
    """The changes under the days on which they were recorded, in the order given."""
    shown = [present(change, local, today) for change in changes]
    return [
        Day(f"{local.long_day(day)} {day.year}", day == today, list(run))
        for day, run in groupby(shown, key=lambda row: row.day)
    ]
