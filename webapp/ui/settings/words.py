"""Settings in words: what each was before a change, and what it is now."""

from collections.abc import Callable
from typing import Any

from webapp.lifecycle.firm_settings import span_text
from webapp.localtime import DAYS
from webapp.queries.settings import Change
from webapp.ui.settings.sentences import span
from webapp.vocabulary import OutcomePolicy

Line = tuple[str, str, str]


def _clock(twelve_hour: bool) -> str:
    return "12 h" if twelve_hour else "24 h"


def _order(month_first: bool) -> str:
    return "Jan 13" if month_first else "13 Jan"


def _limit(value: int | None) -> str:
    return "no limit" if value is None else str(value)


def _notice(minutes: int) -> str:
    return span(minutes) if minutes else "none"


def _days(value: int) -> str:
    return "off" if not value else "1 day" if value == 1 else f"{value} days"


def _hours(value: int) -> str:
    return f"{value} h" if value else "off"


def _policy(value: str) -> str:
    return POLICIES[OutcomePolicy(value)].lower()


POLICIES = {
    OutcomePolicy.DECIDE: "The system decides",
    OutcomePolicy.SUGGEST: "The system suggests, a person decides",
    OutcomePolicy.OFF: "People decide",
}
LABELS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "name": ("Name", str),
    "timezone": ("Time zone", str),
    "twelve_hour": ("Clock", _clock),
    "month_first": ("Dates", _order),
    "slot_step": ("Step between offered times", span),
    "reschedule_limit": ("Moves of one booking", _limit),
    "reschedule_notice": ("Notice for moving", _notice),
    "cancel_notice": ("Notice for cancelling", _notice),
    "correction_days": ("Outcomes can be corrected for", _days),
    "confirm_hours": ("Time to confirm a proposal", lambda hours: f"{hours} h"),
    "complete_after": ("Completed after the end by", span),
    "completion_policy": ("Completed", _policy),
    "no_show_after": ("No-show after the start by", span),
    "no_show_policy": ("No-show", _policy),
    "reminder_hours": ("Reminder before the start", _hours),
    "last_call_hours": ("Last call before the deadline", _hours),
    "client_links": ("Personal links for clients", lambda on: "on" if on else "off"),
}


def lines(change: Change) -> list[Line]:
    """``(what, before, after)`` for everything that one save changed."""
    found: list[Line] = []
    for field, (before, after) in change.fields.items():
        if field == "working_hours":
            found += _days_changed(before, after)
        elif field in LABELS:
            label, words = LABELS[field]
            found.append((label, words(before), words(after)))
    return found


def _days_changed(before: list[Any], after: list[Any]) -> list[Line]:
    pairs = zip(DAYS, before, after, strict=True)
    return [(day, _day(old), _day(new)) for day, old, new in pairs if old != new]


def _day(spans: list[list[int]]) -> str:
    return ", ".join(map(span_text, spans)) or "closed"
