"""The rows behind what the history tells, what a report's keys are called, and lists as they are sent."""

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, make_world
from tests.queries.analytics import stories
from tests.queries.analytics.stories import FIRST
from tests.support.statements import captured, sqlite_plan
from webapp.queries.analytics import events, listing, names, tallies
from webapp.queries.analytics.behind import Behind
from webapp.queries.analytics.classes import Figure
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.listing import Slice
from webapp.vocabulary import Status


@pytest.fixture
def lived(engine: Engine) -> Iterator[tuple[Session, World]]:
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        world = make_world(session)
        stories.live(session, world, random.Random(4), 120)
        yield session, world


def scopes(world: World) -> list[Scope]:
    whole = Scope(
        firm_id=world.firm.firm_id,
        zone=world.local.zone,
        since=FIRST + 3 * DAY,
        before=FIRST + 24 * DAY,
        now=FIRST + 300 * DAY,
    )
    earlier = Scope(
        firm_id=whole.firm_id,
        zone=whole.zone,
        since=whole.since,
        before=whole.before,
        now=FIRST + 15 * DAY,
        replayed=True,
        staff_user_id=world.staff.staff_user_id,
    )
    return [whole, earlier]


def count(session: Session, scope: Scope, part: Slice) -> int:
    """The number of a list, which its rows bear out."""
    found = listing.page(session, scope, part, size=1000)
    assert len({row.appointment_id for row in found.rows}) == found.count
    return found.count


def test_outcomes_by_who_recorded_them(lived: tuple[Session, World]) -> None:
    session, world = lived
    corrected = 0
    for scope in scopes(world):
        found = events.recorded(session, scope)
        for behind, counts in ((Behind.AUTOMATIC, found.automatic), (Behind.MANUAL, found.manual)):
            for status, figure in (
                (Status.COMPLETED, Figure.COMPLETED),
                (Status.NO_SHOW, Figure.NO_SHOW),
            ):
                listed = count(session, scope, Slice(figure=figure, behind=behind))
                assert listed == counts.get(status, 0)
        assert count(session, scope, Slice(behind=Behind.CONFIRMED)) == found.confirmed
        assert count(session, scope, Slice(behind=Behind.CORRECTED)) == found.corrected <= found.corrections
        corrected += found.corrected
    assert corrected
    assert found.automatic
    assert found.manual


def test_requests_by_what_followed(lived: tuple[Session, World]) -> None:
    session, world = lived
    for scope in scopes(world):
        found = events.requests(session, scope)
        assert count(session, scope, Slice(behind=Behind.APPROVED)) == found.approved > 0
        assert count(session, scope, Slice(behind=Behind.DECLINED)) == found.declined
        assert count(session, scope, Slice(behind=Behind.EXPIRED)) == found.expired


def test_chains_that_were_ever_confirmed_and_their_moves(lived: tuple[Session, World]) -> None:
    session, world = lived
    for scope in scopes(world):
        found = tallies.load(session, scope, scope.during(FIRST, scope.since)).chains
        assert count(session, scope, Slice(chain=-2)) == found.confirmed
        last = listing.page(session, scope, Slice(chain=-2), size=1000).rows
        assert found.moves == sum(row.chain_position - 1 for row in last)


def test_a_list_is_sent_as_it_is_shown(lived: tuple[Session, World], engine: Engine) -> None:
    session, world = lived
    for scope in scopes(world):
        for part in (Slice(), Slice(figure=Figure.DUE, weekday=2)):
            shown = listing.page(session, scope, part, size=1000).rows
            assert list(listing.stream(engine, scope, part)) == shown


@pytest.mark.one_engine("sqlite")  # which chooses without statistics, so that few rows show it
def test_as_of_an_instant_the_history_is_found_by_appointment_and_never_by_time(
    lived: tuple[Session, World], engine: Engine
) -> None:
    """By time it would be most of the history for each appointment."""
    session, world = lived
    scope = scopes(world)[1]
    with captured(engine) as asked:
        tallies.load(session, scope, scope.during(FIRST, scope.since))
        events.recorded(session, scope)
        listing.page(session, scope, Slice(behind=Behind.MANUAL))
    assert len(asked) == 4
    plans = [line for statement in asked for line in sqlite_plan(engine, statement)]
    through = [line for line in plans if "appointment_status_history" in line or " state " in line]
    assert through
    assert not [line for line in through if "changed_at" in line]


def test_names_are_of_the_firm(lived: tuple[Session, World]) -> None:
    session, world = lived
    other = make_world(session, "other")
    asked = {world.account.account_id, other.account.account_id}
    found = names.load(session, firm_id=world.firm.firm_id, accounts=asked)
    assert list(found.staff.values()) == [
        "Daniel Osei",
        "Lena Fischer",
        "Olga Marlow",
        "Tomas Novak",
        "Vera Lind",
    ]
    assert list(found.types.values()) == ["Review", "Signing"]
    assert found.accounts == {world.account.account_id: "Byron Ltd"}
    assert names.load(session, firm_id=world.firm.firm_id).accounts == {}
    of_other = names.load(session, firm_id=other.firm.firm_id, accounts=asked)
    assert of_other.accounts == {other.account.account_id: "Byron Ltd"}
    assert list(of_other.types) == [other.kind.appointment_type_id]
    assert other.staff.staff_user_id in of_other.staff
    assert not set(of_other.staff) & set(found.staff)


@pytest.mark.one_engine("sqlite")
def test_whether_a_cancelled_proposal_was_confirmed_is_looked_up_by_its_key(
    lived: tuple[Session, World], engine: Engine
) -> None:
    session, world = lived
    scope = scopes(world)[0]
    with captured(engine) as asked:
        tallies.load(session, scope, scope.during(FIRST, scope.since))
    (statement,) = asked
    through = [line for line in sqlite_plan(engine, statement) if " second " in line]
    assert through
    assert all("appointment_id=? AND sequence=?" in line for line in through)
