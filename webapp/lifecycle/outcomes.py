"""The one rule for outcomes that nobody entered. Pure: facts in, a decision out.

What follows is a matter of the facts and of two instants, never of which job came by first or how late:

- **the threshold**, ``start + no_show_after``: on a tracked meeting a side that had not joined by then is
  *missing*, and missing sides make a no-show. That somebody came later changes nothing about it; the
  appointment is listed with the evidence, and a person corrects it where the meeting took place after all.
- **the close**, ``end + complete_after``: an untracked meeting is completed, and so is a tracked one where
  nobody was missing at the threshold. A short meeting is not completed while its no-show is still open.

Where a firm has switched no-shows off, the threshold decides nothing: a tracked meeting is completed at its
close once both sides have joined, however late. A tracked meeting that somebody never joined is never
completed: that would assert against the facts that it took place.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from webapp.localtime import duration
from webapp.vocabulary import AttendanceSide, NoShowParty, OutcomePolicy, Status

COMPLETED_REASON = "Automatically marked as completed after meeting time"


class Meeting(NamedTuple):
    """What the rule needs of a confirmed appointment. Tuples, these three, because a sweep makes many."""

    start_time: datetime
    end_time: datetime
    tracked: bool


class Facts(NamedTuple):
    """When each side first joined, as far as is known; None is not known to have joined."""

    client_joined_at: datetime | None = None
    staff_joined_at: datetime | None = None

    def missing_at(self, instant: datetime) -> list[AttendanceSide]:
        """The sides that had not joined by then."""
        joins = (
            (AttendanceSide.CLIENT, self.client_joined_at),
            (AttendanceSide.STAFF, self.staff_joined_at),
        )
        return [side for side, at in joins if at is None or at > instant]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A firm's policy. Both times are minutes."""

    complete_after: int = 60
    no_show_after: int = 30
    completion: OutcomePolicy = OutcomePolicy.DECIDE
    no_show: OutcomePolicy = OutcomePolicy.DECIDE


class Verdict(StrEnum):
    """What is to happen: nothing (yet), a suggestion to a person, or the outcome itself."""

    NOTHING = "nothing"
    SUGGEST = "suggest"
    DECIDE = "decide"


class Decision(NamedTuple):
    """``outcome``, ``party`` and ``occurred_at`` (the stamp) are set unless the verdict is nothing."""

    verdict: Verdict
    outcome: Status | None = None
    party: NoShowParty | None = None
    occurred_at: datetime | None = None


NOTHING = Decision(Verdict.NOTHING)
_VERDICTS = {
    OutcomePolicy.DECIDE: Verdict.DECIDE,
    OutcomePolicy.SUGGEST: Verdict.SUGGEST,
    OutcomePolicy.OFF: Verdict.NOTHING,
}


def decide_outcome(meeting: Meeting, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """What becomes of a confirmed meeting that nobody has entered an outcome for, at ``now``.

    Joins after ``now`` have not happened yet. Both instants are passed only when ``now`` is later than them,
    so that somebody who joins exactly at the threshold came in time, whenever the sweep runs.
    """
    closed = now > meeting.end_time + timedelta(minutes=policy.complete_after)
    completed = _decision(policy.completion, Status.COMPLETED, None, meeting.end_time) if closed else NOTHING
    if not meeting.tracked:
        return completed
    threshold = threshold_of(meeting, policy)
    missing = facts.missing_at(min(threshold, now))
    if not missing:
        return completed
    if now <= threshold:
        return NOTHING
    if policy.no_show is not OutcomePolicy.OFF:
        party = NoShowParty.BOTH if len(missing) > 1 else NoShowParty(missing[0].value)
        return _decision(policy.no_show, Status.NO_SHOW, party, threshold)
    return NOTHING if facts.missing_at(now) else completed


def threshold_of(meeting: Meeting, policy: Policy) -> datetime:
    """The instant by which both sides of a tracked meeting have to have joined."""
    return meeting.start_time + timedelta(minutes=policy.no_show_after)


def absence_note(policy: Policy) -> str:
    """What the history says beside the party: by when they had not joined."""
    return f"Had not joined {duration(policy.no_show_after)} after the start"


def _decision(policy: OutcomePolicy, outcome: Status, party: NoShowParty | None, at: datetime) -> Decision:
    verdict = _VERDICTS[policy]
    return NOTHING if verdict is Verdict.NOTHING else Decision(verdict, outcome, party, at)
