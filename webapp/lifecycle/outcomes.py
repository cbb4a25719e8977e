"""The one rule for outcomes that nobody entered. Pure: facts in, a decision out.

What follows is a matter of the facts and of two instants, never of which job came by first or how late:

- **the threshold**, ``start + no_show_after``: who joined by then came *in time*, who joined later is *late*,
  who has not joined is *missing*. Only on a tracked meeting does not joining mean anything.
- **the close**, ``end + complete_after``, and on a tracked meeting not before the threshold, unless both
  sides came in time: a short meeting is not completed while its no-show is still open.

Somebody who joined **late, and is known to have joined before anything was decided**, is never made a
no-show, and the meeting is not completed by itself either; a person decides, with the evidence shown. A sweep
on time would have recorded a no-show, and the late join would have put it on the same worklist. So a late
sweep changes which of the two a person finds there, never that a person has the last word, and it does not
assert that somebody was absent who is known to have been there.

A tracked meeting with somebody missing is never completed, whatever the policy on no-shows: that would assert
against the facts that it took place.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from webapp.localtime import duration
from webapp.vocabulary import AttendanceSide, NoShowParty, OutcomePolicy, Status

COMPLETED_REASON = "Automatically marked as completed after meeting time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """What the rule needs of a confirmed appointment."""

    start_time: datetime
    end_time: datetime
    tracked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """When each side first joined, as far as is known; None is not known to have joined."""

    client_joined_at: datetime | None = None
    staff_joined_at: datetime | None = None


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


@dataclass(frozen=True, slots=True)
class Decision:
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
    if not meeting.tracked:
        return _completed(meeting, policy.completion) if closed else NOTHING
    threshold = threshold_of(meeting, policy)
    joined = {
        side: at
        for side, at in (
            (AttendanceSide.CLIENT, facts.client_joined_at),
            (AttendanceSide.STAFF, facts.staff_joined_at),
        )
        if at is not None and at <= now
    }
    missing = [side for side in AttendanceSide if side not in joined]
    late = any(at > threshold for at in joined.values())
    if missing:
        if now <= threshold:
            return NOTHING
        return _no_show(missing, threshold, policy.no_show, certain=not late)
    return _completed(meeting, policy.completion, certain=not late) if closed else NOTHING


def threshold_of(meeting: Meeting, policy: Policy) -> datetime:
    """The instant by which both sides of a tracked meeting have to have joined."""
    return meeting.start_time + timedelta(minutes=policy.no_show_after)


def absence_note(policy: Policy) -> str:
    """What the history says beside the party: by when they had not joined."""
    return f"Had not joined {duration(policy.no_show_after)} after the start"


def _completed(meeting: Meeting, policy: OutcomePolicy, *, certain: bool = True) -> Decision:
    return _decision(policy, certain, Status.COMPLETED, None, meeting.end_time)


def _no_show(
    missing: list[AttendanceSide], at: datetime, policy: OutcomePolicy, *, certain: bool
) -> Decision:
    party = NoShowParty.BOTH if len(missing) > 1 else NoShowParty(missing[0].value)
    return _decision(policy, certain, Status.NO_SHOW, party, at)


def _decision(
    policy: OutcomePolicy, certain: bool, outcome: Status, party: NoShowParty | None, at: datetime
) -> Decision:
    verdict = _VERDICTS[policy]
    if verdict is Verdict.NOTHING:
        return NOTHING
    return Decision(verdict if certain else Verdict.SUGGEST, outcome, party, at)
