"""Every figure against a slow computation over the replayed history, and against the rows behind it."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import ceil
from statistics import median

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, make_world
from tests.queries.analytics import stories
from tests.queries.analytics.stories import FIRST, Told
from webapp.queries.analytics import events, listing, tallies
from webapp.queries.analytics.classes import CLOSED, FIGURES, STATUSES, Fate, Figure
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.listing import Slice
from webapp.queries.analytics.tally import Tally
from webapp.vocabulary import OUTCOMES, Action, ActorKind, Status

HOUR = timedelta(hours=1)
STORIES = 80
SEEDS = [
    (1, "Europe/London", FIRST),
    (2, "Pacific/Auckland", FIRST),
    (3, "Africa/Cairo", FIRST + 28 * DAY),  # whose clocks go forward at midnight, into 24 April
]


def scopes(world: World, first: datetime = FIRST) -> list[Scope]:
    """Now, as of some instants before, and narrowed."""
    later = first + 400 * DAY
    whole = Scope(
        firm_id=world.firm.firm_id,
        zone=world.local.zone,
        since=first + 7 * DAY,
        before=first + 21 * DAY,
        now=later,
    )
    asked = [first + 9 * DAY + 7 * HOUR, first + 16 * DAY, later]
    return [
        whole,
        *(replace(whole, now=instant, replayed=True) for instant in asked),
        replace(whole, staff_user_id=world.staff2.staff_user_id),
        replace(whole, appointment_type_id=world.kind.appointment_type_id, replayed=True, now=asked[1]),
        replace(whole, account_id=world.account.account_id, tracked=False),
        replace(whole, tracked=True),
    ]


def the_week_before(scope: Scope) -> Scope:
    return scope.during(scope.since - 7 * DAY, scope.since)


def counts(found: dict[object, Tally]) -> dict[object, Counter[Fate]]:
    return {key: Counter(tally.counts) for key, tally in found.items()}


def assert_counts_are_those_of_the_history(session: Session, world: World, asked: list[Scope]) -> None:
    for scope in asked:
        earlier = the_week_before(scope)
        everything = stories.tell(session, world.firm, scope.now)
        told, before = stories.within(everything, scope), stories.within(everything, earlier)
        found = tallies.load(session, scope, earlier)
        assert Counter(found.total.counts) == Counter(each.fate for each in told)
        assert Counter(found.before.counts) == Counter(each.fate for each in before)
        assert sum(found.total.status(status) for status in Status) == len(told)
        assert counts(found.by_day) == stories.counted(told, stories.day)
        assert counts(found.by_hour) == stories.counted(told, stories.weekday_and_hour)
        assert counts(found.by_staff) == stories.counted(told, lambda each: each.appointment.staff_user_id)
        assert counts(found.by_type) == stories.counted(
            told, lambda each: each.appointment.appointment_type_id
        )
        assert counts(found.by_account) == stories.counted(told, lambda each: each.appointment.account_id)
        leads = stories.counted(told, lead)
        assert [Counter(tally.counts) for tally in found.by_lead] == [
            leads.get(band, Counter()) for band in range(7)
        ]


def lead(each: Told) -> int:
    """The band of days between booking and start, told from words rather than from the list."""
    days = (each.appointment.start_time - each.appointment.created_at) / DAY
    return sum(days >= edge for edge in (1, 2, 4, 8, 15, 31))


def assert_chains_are_those_of_the_history(session: Session, world: World, asked: list[Scope]) -> None:
    for scope in asked:
        everything = stories.tell(session, world.firm, scope.now)
        ends = [each for each in stories.within(everything, scope) if each.fate is not Fate.RESCHEDULED]
        chains = tallies.load(session, scope, the_week_before(scope)).chains
        known = {each.appointment.appointment_id: each for each in everything}
        members = {each.appointment.appointment_id: story_of(each, known) for each in ends}
        closed = [each for each in ends if each.fate in CLOSED]
        lengths = [len(members[each.appointment.appointment_id]) for each in closed]
        assert +chains.lengths == Counter(lengths)
        confirmed = [
            each
            for each in ends
            if any(
                row.to_status is Status.CONFIRMED
                for member in members[each.appointment.appointment_id]
                for row in member.rows
            )
        ]
        moved = [each for each in confirmed if len(members[each.appointment.appointment_id]) > 1]
        assert (chains.rescheduled.part, chains.rescheduled.whole) == (len(moved), len(confirmed))
        done = sum(each.fate is Fate.COMPLETED for each in closed)
        assert (chains.completion.part, chains.completion.whole) == (done, len(closed))
        if lengths:
            spread = chains.spread
            assert spread is not None
            assert spread.mean == pytest.approx(sum(lengths) / len(lengths))
            assert spread.median == median(lengths)
            assert spread.p90 == sorted(lengths)[ceil(len(lengths) * 0.9) - 1]
            assert spread.largest == max(lengths)


def story_of(each: Told, known: dict[int, Told]) -> list[Told]:
    """The chain that ends with this one, by following the links back."""
    found = [each]
    while (before := found[-1].appointment.rescheduled_from_id) is not None:
        found.append(known[before])
    return found


def assert_lists_hold_exactly_what_is_counted(session: Session, world: World, asked: list[Scope]) -> None:
    for scope in asked:
        told = stories.within(stories.tell(session, world.firm, scope.now), scope)
        for figure in Figure:
            wanted = sorted(
                (each.appointment.start_time, each.appointment.appointment_id)
                for each in told
                if each.fate in FIGURES[figure]
            )
            page = listing.page(session, scope, Slice(figure=figure), size=1000)
            assert [(row.start_time, row.appointment_id) for row in page.rows] == wanted
            assert page.count == len(wanted)


def assert_lists_of_a_cell_a_band_and_a_chain_too(session: Session, world: World, asked: list[Scope]) -> None:
    scope = asked[0]
    found = tallies.load(session, scope, the_week_before(scope))
    for (weekday, hour), tally in found.by_hour.items():
        part = Slice(weekday=weekday, hour=hour)
        assert listing.page(session, scope, part).count == tally.of(Figure.ALL)
    for band, tally in enumerate(found.by_lead):
        part = Slice(figure=Figure.WITH_OUTCOME, lead=band)
        assert listing.page(session, scope, part).count == tally.of(Figure.WITH_OUTCOME)
    for length, count in found.chains.lengths.items():
        assert listing.page(session, scope, Slice(chain=length)).count == count
        otherwise = listing.page(session, scope, Slice(figure=Figure.NOT_COMPLETED, chain=length)).count
        assert otherwise == count - found.chains.tallies[length].of(Figure.COMPLETED)
    assert listing.page(session, scope, Slice(chain=0)).count == sum(found.chains.lengths.values())
    assert listing.page(session, scope, Slice(chain=-1)).count == found.chains.rescheduled.part


def assert_who_recorded_and_what_was_answered(session: Session, world: World, asked: list[Scope]) -> None:
    for scope in asked:
        told = stories.within(stories.tell(session, world.firm, scope.now), scope)
        found = events.recorded(session, scope)
        for status in OUTCOMES:
            standing = [each.last for each in told if each.last.to_status is status]
            automatic = sum(row.actor_kind is ActorKind.SYSTEM for row in standing)
            rate = found.share_automatic(status)
            assert (rate.part, rate.whole) == (automatic, len(standing))
        rows = [row for each in told for row in each.rows]
        assert found.corrections == sum(row.action is Action.CORRECT for row in rows)
        assert found.corrected == sum(any(row.action is Action.CORRECT for row in each.rows) for each in told)
        assert found.confirmed == sum(row.action is Action.CONFIRM for row in rows)


def assert_what_became_of_the_requests(session: Session, world: World, asked: list[Scope]) -> None:
    for scope in asked:
        made = [
            each
            for each in stories.tell(session, world.firm, scope.now)
            if each.rows[0].action is Action.REQUEST and scope.since <= each.rows[0].changed_at < scope.before
        ]
        then = Counter(each.rows[1].action if len(each.rows) > 1 else None for each in made)
        found = events.requests(session, scope)
        assert (found.approved, found.declined, found.expired, found.waiting) == (
            then[Action.APPROVE],
            then[Action.DECLINE],
            then[Action.EXPIRE],
            then[None],
        )


def assert_how_long_before_the_start(session: Session, world: World, asked: list[Scope]) -> None:
    for scope in asked:
        told = stories.within(stories.tell(session, world.firm, scope.now), scope)
        found = tallies.load(session, scope, the_week_before(scope)).times
        leads = sorted(
            (each.appointment.start_time - each.appointment.created_at) // timedelta(minutes=1)
            for each in told
        )
        notices = sorted(
            (each.appointment.start_time - each.ended_at) // timedelta(minutes=1)
            for each in told
            if each.ended_at is not None
        )
        for middle, values in ((found.lead, leads), (found.notice, notices)):
            if not values:
                assert middle is None
                continue
            assert middle is not None
            assert middle.count == len(values)
            assert middle.median == median(values)
            assert middle.p90 == values[ceil(len(values) * 0.9) - 1]


@pytest.mark.parametrize(("seed", "zone", "first"), SEEDS, ids=[zone for _seed, zone, _first in SEEDS])
def test_every_figure_is_what_the_history_tells(
    engine: Engine, seed: int, zone: str, first: datetime
) -> None:
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        world = make_world(session, timezone=zone)
        stories.live(session, world, random.Random(seed), STORIES, first)
        asked = scopes(world, first)
        told = stories.within(stories.tell(session, world.firm, asked[0].now), asked[0])
        assert {stories.offset(each) for each in told} == {change.utcoffset() for change in ends(asked[0])}
        assert Fate.WITHDRAWN in {each.fate for each in told}
        assert_counts_are_those_of_the_history(session, world, asked)
        assert_chains_are_those_of_the_history(session, world, asked)
        assert_lists_hold_exactly_what_is_counted(session, world, asked[:3])
        assert_lists_of_a_cell_a_band_and_a_chain_too(session, world, asked)
        assert_who_recorded_and_what_was_answered(session, world, asked)
        assert_what_became_of_the_requests(session, world, asked[:4])
        assert_how_long_before_the_start(session, world, asked)


def ends(scope: Scope) -> tuple[datetime, datetime]:
    """The period's first and last moment by its clock, between which the clocks change."""
    first, last = scope.since.astimezone(scope.zone), scope.before.astimezone(scope.zone)
    assert first.utcoffset() != last.utcoffset()
    return first, last


def test_classes_and_statuses_fit_together() -> None:
    """Each class belongs to one status; together they are all; due is what the rates divide by."""
    together = [fate for fates in STATUSES.values() for fate in fates]
    assert Counter(together) == Counter(Fate)
    parts = (Figure.COMPLETED, Figure.NO_SHOW, Figure.CANCELLED, Figure.UNRECORDED)
    assert Counter(fate for part in parts for fate in FIGURES[part]) == Counter(FIGURES[Figure.DUE])


@pytest.mark.parametrize(
    ("rate", "part", "whole"),
    [
        ("completion", 50, 50 + 10 + 20 + 8),
        ("attendance", 50, 60),
        ("coverage", 60, 68),
        ("no_show", 10, 60),
        ("client_no_show", 7 + 1, 60),
        ("staff_no_show", 2 + 1, 60),
        ("client_alone", 7, 57),
        ("cancellation", 20, 88),
        ("late_cancellation", 5, 88),
    ],
)
def test_what_the_rates_divide(rate: str, part: int, whole: int) -> None:
    """Of 50 completed, no-shows of 7 clients, 2 staff, 1 both, 20 cancelled (5 late) and 3 of a time to come,
    8 without outcome, 30 moved, 6 declined, 4 proposals called off."""
    tally = Tally(
        {
            Fate.COMPLETED: 50,
            Fate.NO_SHOW_CLIENT: 7,
            Fate.NO_SHOW_STAFF: 2,
            Fate.NO_SHOW_BOTH: 1,
            Fate.CANCELLED_CLIENT: 10,
            Fate.CANCELLED_STAFF: 5,
            Fate.CANCELLED_CLIENT_LATE: 4,
            Fate.CANCELLED_STAFF_LATE: 1,
            Fate.CANCELLED_AHEAD: 3,
            Fate.UNRECORDED: 8,
            Fate.RESCHEDULED: 30,
            Fate.DECLINED: 6,
            Fate.WITHDRAWN: 4,
        }
    )
    found = getattr(tally, rate)
    assert (found.part, found.whole) == (part, whole)


def test_a_period_without_appointments(session: Session) -> None:
    world = make_world(session)
    empty = replace(
        scopes(world)[0], since=datetime(2020, 1, 1, tzinfo=UTC), before=datetime(2020, 2, 1, tzinfo=UTC)
    )
    found = tallies.load(session, empty, empty.during(datetime(2019, 12, 1, tzinfo=UTC), empty.since))
    assert found.total.of(Figure.ALL) == 0
    assert found.total.completion.value is None
    assert found.chains.spread is None
    assert (found.times.lead, found.times.notice) == (None, None)
    assert found.by_day == {}
