"""The outcome rule, every combination, against a table written by hand."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.lifecycle.outcomes import Decision, Facts, Meeting, Policy, Verdict, decide_outcome
from webapp.vocabulary import NoShowParty, OutcomePolicy, Status

START = datetime(2026, 1, 13, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)

# Who joined when, and what follows on a tracked meeting once the threshold (T) or the close (C) has passed,
# and at the close in a firm without no-shows. ``no``, ``in time`` and ``late`` are of the client, then of the
# staff. A dot is nothing.
TABLE = """
client    staff     after T    after C    without
no        no        both       both       .
no        in time   client     client     .
no        late      both       both       .
in time   no        staff      staff      .
in time   in time   .          completed  completed
in time   late      staff      staff      completed
late      no        both       both       .
late      in time   client     client     completed
late      late      both       both       completed
"""
JOINED = ("no", "in time", "late")


def lines() -> dict[tuple[str, str], tuple[str, str, str]]:
    found = {}
    for line in TABLE.strip().splitlines()[1:]:
        client, staff, *then = (
            line[at : at + width].strip() for at, width in ((0, 10), (10, 10), (20, 11), (31, 11), (42, 20))
        )
        found[client, staff] = (then[0], then[1], then[2])
    return found


EXPECTED = lines()
MEETINGS = {
    # name: (minutes of the meeting, complete_after, no_show_after)
    "the threshold comes first": (45, 60, 30),
    "the close comes first": (15, 0, 60),
    "both at once": (30, 0, 30),
}
NOWS = ("before", "at T", "after T", "at C", "after C", "after both")


def instants(length: int, complete_after: int, no_show_after: int) -> dict[str, datetime]:
    threshold = START + no_show_after * MINUTE
    close = START + (length + complete_after) * MINUTE
    return {
        "before": START,
        "at T": threshold,
        "after T": threshold + MOMENT,
        "at C": close,
        "after C": close + MOMENT,
        "after both": max(threshold, close) + 24 * 60 * MINUTE,
    }


def joined_at(when: str, threshold: datetime) -> datetime | None:
    """At the last moment that is in time, and at the first that is late: where the two could be mixed up."""
    return {"no": None, "in time": threshold, "late": threshold + MOMENT}[when]


def expected(
    client: str,
    staff: str,
    tracked: bool,
    completion: OutcomePolicy,
    no_show: OutcomePolicy,
    now: datetime,
    threshold: datetime,
    close: datetime,
) -> tuple[str, str]:
    """(verdict, outcome) by the table, told apart from the code's way of getting there."""
    if not tracked:
        word = "completed" if now > close else "."
    else:
        client, staff = (
            "no" if (at := joined_at(side, threshold)) is None or at > now else side
            for side in (client, staff)
        )
        after_t, after_c, without = EXPECTED[client, staff]
        if no_show is OutcomePolicy.OFF:
            passed = now > close and (now > threshold or (client, staff) == ("in time", "in time"))
            word = without if passed else "."
        elif now > threshold:
            word = after_c if now > close else after_t
        else:
            word = "completed" if now > close and (client, staff) == ("in time", "in time") else "."
    if word == ".":
        return "nothing", ""
    policy = completion if word == "completed" else no_show
    if policy is OutcomePolicy.OFF:
        return "nothing", ""
    return ("suggest" if policy is OutcomePolicy.SUGGEST else "decide"), word


@pytest.mark.parametrize("shape", MEETINGS)
@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "untracked"])
def test_every_combination_of_facts_policies_and_instants(shape: str, tracked: bool) -> None:
    length, complete_after, no_show_after = MEETINGS[shape]
    at = instants(length, complete_after, no_show_after)
    meeting = Meeting(start_time=START, end_time=START + length * MINUTE, tracked=tracked)
    cases = 0
    for client, staff, completion, no_show, name in product(
        JOINED, JOINED, OutcomePolicy, OutcomePolicy, NOWS
    ):
        policy = Policy(
            complete_after=complete_after, no_show_after=no_show_after, completion=completion, no_show=no_show
        )
        facts = Facts(
            client_joined_at=joined_at(client, at["at T"]), staff_joined_at=joined_at(staff, at["at T"])
        )
        found = decide_outcome(meeting, facts, policy, at[name])
        want = expected(client, staff, tracked, completion, no_show, at[name], at["at T"], at["at C"])
        told = found.party or found.outcome or ""
        assert (found.verdict, told) == want, (client, staff, completion, no_show, name)
        if found.outcome is Status.COMPLETED:
            assert found.occurred_at == meeting.end_time
        if found.outcome is Status.NO_SHOW:
            assert found.occurred_at == at["at T"]
        cases += 1
    assert cases == 3 * 3 * 3 * 3 * 6


@st.composite
def situations(draw: st.DrawFn) -> tuple[Meeting, Facts, Policy]:
    minutes = st.integers(-30, 300)
    join = st.one_of(st.none(), minutes.map(lambda count: START + count * MINUTE))
    meeting = Meeting(
        start_time=START,
        end_time=START + draw(st.integers(5, 180)) * MINUTE,
        tracked=draw(st.booleans()),
    )
    policy = Policy(
        complete_after=draw(st.integers(0, 120)),
        no_show_after=draw(st.integers(0, 120)),
        completion=draw(st.sampled_from(OutcomePolicy)),
        no_show=draw(st.sampled_from(OutcomePolicy)),
    )
    return meeting, Facts(client_joined_at=draw(join), staff_joined_at=draw(join)), policy


def first_decision(meeting: Meeting, facts: Facts, policy: Policy) -> tuple[datetime, Decision] | None:
    for count in range(0, 600):
        now = START + count * MINUTE
        found = decide_outcome(meeting, facts, policy, now)
        if found.verdict is Verdict.DECIDE:
            return now, found
    return None


@given(situations(), st.integers(0, 3 * 24 * 60))
def test_how_late_the_sweep_comes_makes_no_difference(
    situation: tuple[Meeting, Facts, Policy], delay: int
) -> None:
    """Whatever was decided first stays decided, with all that has become known since."""
    meeting, facts, policy = situation
    first = first_decision(meeting, facts, policy)
    if first is not None:
        when, decision = first
        assert decide_outcome(meeting, facts, policy, when + delay * MINUTE) == decision


@given(situations(), st.integers(0, 1000))
def test_an_untracked_meeting_is_never_a_no_show(
    situation: tuple[Meeting, Facts, Policy], minutes: int
) -> None:
    meeting, facts, policy = situation
    plain = Meeting(start_time=meeting.start_time, end_time=meeting.end_time, tracked=False)
    found = decide_outcome(plain, facts, policy, START + minutes * MINUTE)
    assert found.outcome is not Status.NO_SHOW


@given(situations(), st.integers(0, 1000))
def test_a_no_show_names_those_who_had_not_joined_by_the_threshold(
    situation: tuple[Meeting, Facts, Policy], minutes: int
) -> None:
    meeting, facts, policy = situation
    found = decide_outcome(meeting, facts, policy, START + minutes * MINUTE)
    threshold = START + policy.no_show_after * MINUTE
    missing = {
        party
        for party, at in (
            (NoShowParty.CLIENT, facts.client_joined_at),
            (NoShowParty.STAFF, facts.staff_joined_at),
        )
        if at is None or at > threshold
    }
    if found.party is NoShowParty.BOTH:
        assert len(missing) == 2
    elif found.party is not None:
        assert missing == {found.party}
