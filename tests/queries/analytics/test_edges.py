"""Where one class ends and the next begins: to the instant, to the minute of the notice, by who confirmed."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_world
from webapp.lifecycle import appointments
from webapp.models import Account, Appointment
from webapp.queries.analytics import events, listing, tallies
from webapp.queries.analytics.classes import Fate, Figure
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.listing import Slice
from webapp.vocabulary import CancelledBy, Status

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def alone(world: World, one: Appointment, now: datetime, *, replayed: bool = False) -> Scope:
    """The day of one appointment, as of an instant."""
    return Scope(
        firm_id=world.firm.firm_id,
        zone=world.local.zone,
        since=one.start_time - HOUR,
        before=one.start_time + HOUR,
        now=now,
        replayed=replayed,
    )


def fate(session: Session, scope: Scope) -> Fate:
    (found,) = listing.page(session, scope, Slice()).rows
    return found.fate


def called_off(session: Session, world: World, one: Appointment, now: datetime) -> None:
    appointments.cancel(
        session, one, actor=world.acting(), reason="Off", cancelled_by=CancelledBy.CLIENT, now=now
    )
    session.commit()


def test_what_was_recorded_at_the_very_instant_is_in_its_report(session: Session) -> None:
    world = make_world(session)
    one = at_status(session, Status.COMPLETED, world)
    recorded = one.status_history[-1].changed_at
    at_it, before = (alone(world, one, now, replayed=True) for now in (recorded, recorded - MINUTE))
    assert (fate(session, before), fate(session, at_it)) == (Fate.UPCOMING, Fate.COMPLETED)
    assert events.recorded(session, at_it).manual == {Status.COMPLETED: 1}


@pytest.mark.parametrize("replayed", [False, True])
@pytest.mark.parametrize(
    ("short", "expected"), [(timedelta(), Fate.CANCELLED_CLIENT), (MINUTE, Fate.CANCELLED_CLIENT_LATE)]
)
def test_a_cancellation_is_late_when_less_than_the_notice_is_left(
    session: Session, replayed: bool, short: timedelta, expected: Fate
) -> None:
    world = make_world(session)
    world.firm.cancel_notice = 24 * 60
    one = at_status(session, Status.CONFIRMED, world, start=world.now + 5 * DAY)
    called_off(session, world, one, one.start_time - DAY + short)
    assert fate(session, alone(world, one, one.start_time + DAY, replayed=replayed)) is expected


@pytest.mark.parametrize("replayed", [False, True])
def test_a_cancellation_counts_from_the_start_on(session: Session, replayed: bool) -> None:
    world = make_world(session)
    one = at_status(session, Status.CANCELLED, world)
    found = [
        fate(session, alone(world, one, one.start_time - before, replayed=replayed))
        for before in (MINUTE, timedelta())
    ]
    assert found == [Fate.CANCELLED_AHEAD, Fate.CANCELLED_CLIENT]


@pytest.mark.parametrize("replayed", [False, True])
def test_a_proposal_that_was_called_off_is_not_due_and_was_never_confirmed(
    session: Session, replayed: bool
) -> None:
    world = make_world(session)
    one = at_status(session, Status.AWAITING_CONFIRMATION, world)
    called_off(session, world, one, world.now)
    other = at_status(session, Status.AWAITING_CONFIRMATION, world, staff_user=world.staff2)
    appointments.confirm(session, other, actor=world.acting(), now=world.now)
    called_off(session, world, other, world.now + MINUTE)
    for now in (world.now + HOUR, one.start_time + DAY):
        scope = alone(world, one, now, replayed=replayed)
        found = tallies.load(session, scope, scope)
        after = Figure.CANCELLED if now > one.start_time else Figure.CANCELLED_AHEAD
        assert (found.total.of(Figure.WITHDRAWN), found.total.of(after)) == (1, 1)
        (withdrawn,) = listing.page(session, scope, Slice(figure=Figure.WITHDRAWN)).rows
        assert withdrawn.appointment_id == one.appointment_id
        assert found.total.of(Figure.DUE) == (now > one.start_time)
        assert found.total.status(Status.CANCELLED) == 2
        assert found.chains.confirmed == listing.page(session, scope, Slice(chain=-2)).count == 1


def test_how_many_accounts_there_are_beyond_those_that_are_named(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(session)
    for place in range(3):
        other = Account(
            firm_id=world.firm.firm_id,
            name=f"Account {place}",
            sort_name=f"account {place}",
            created_at=world.now,
        )
        session.add(other)
        session.flush()
        one = at_status(session, Status.CONFIRMED, world, start=world.now + (place + 2) * DAY)
        one.account_id = other.account_id
    session.commit()
    monkeypatch.setattr(tallies, "ACCOUNTS", 2)
    scope = replace(alone(world, one, world.now), since=world.now, before=world.now + 9 * DAY)
    found = tallies.load(session, scope, scope)
    assert (len(found.by_account), found.accounts) == (2, 3)
