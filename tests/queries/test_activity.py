"""The timeline of a firm against a slow reading of its history, and how both engines go about it."""

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import NOW, World, make_world
from tests.queries.analytics.stories import FIRST, live
from tests.queries.conftest import MANY, DeskOf
from tests.support.statements import captured, postgres_plan, sqlite_plan
from webapp.lifecycle.transitions import is_legal
from webapp.models import Appointment, AppointmentStatusHistory
from webapp.queries import activity
from webapp.queries.activity import Criteria, Cursor, Who
from webapp.vocabulary import Action, ActorKind, Status

History = AppointmentStatusHistory


@pytest.fixture
def world(session: Session) -> World:
    """Sixty lives in Marlow's, and some in another firm."""
    mine = make_world(session)
    live(session, mine, random.Random(4), 60)
    live(session, make_world(session, "other"), random.Random(5), 10)
    return mine


def slowly(session: Session, world: World, criteria: Criteria) -> list[int]:
    """Every row of the firm's history, sifted in Python, newest first."""
    rows = session.execute(
        sa.select(History, Appointment.staff_user_id)
        .join(Appointment, Appointment.appointment_id == History.appointment_id)
        .where(History.firm_id == world.firm.firm_id)
    )
    who = criteria.who
    found = [
        row
        for row, staff_user_id in rows
        if (criteria.since is None or row.changed_at >= criteria.since)
        and (criteria.before is None or row.changed_at < criteria.before)
        and criteria.action in {None, row.action}
        and criteria.became in {None, row.to_status}
        and (criteria.was is None or row.from_status is criteria.was)
        and (not criteria.new or row.from_status is None)
        and (who is None or (row.actor_kind, row.changed_by_id) == (who.kind, who.staff_user_id))
        and criteria.staff_user_id in {None, staff_user_id}
    ]
    found.sort(key=lambda row: (row.changed_at, row.history_id), reverse=True)
    return [row.history_id for row in found]


def paged(session: Session, world: World, criteria: Criteria, size: int) -> Iterator[activity.Page]:
    after: Cursor | None = None
    while True:
        page = activity.page(session, firm_id=world.firm.firm_id, criteria=criteria, after=after, size=size)
        yield page
        after = page.following
        if after is None:
            return


def every_criteria(world: World) -> list[Criteria]:
    """Each filter by itself, and in company."""
    lena, boss = world.staff.staff_user_id, world.manager.staff_user_id
    later, earlier = FIRST + timedelta(days=20), FIRST + timedelta(days=5)
    plain = [
        Criteria(),
        Criteria(new=True),
        Criteria(since=earlier),
        Criteria(before=later),
        Criteria(since=earlier, before=later),
        *(Criteria(action=action) for action in Action),
        *(Criteria(was=status) for status in Status),
        *(Criteria(became=status) for status in Status),
        *(
            Criteria(who=who)
            for who in (Who(ActorKind.CLIENT), Who(ActorKind.SYSTEM), Who(ActorKind.STAFF, boss))
        ),
        Criteria(action=Action.CANCEL, was=Status.AWAITING_CONFIRMATION),
        Criteria(became=Status.CONFIRMED, new=True),
        Criteria(action=Action.BOOK, became=Status.CANCELLED),
        Criteria(action=Action.CANCEL, since=earlier, who=Who(ActorKind.STAFF, boss)),
    ]
    return plain + [replace(criteria, staff_user_id=lena) for criteria in plain]


def test_every_filter_finds_what_a_slow_reading_finds_page_by_page(session: Session, world: World) -> None:
    for criteria in every_criteria(world):
        expected = slowly(session, world, criteria)
        pages = list(paged(session, world, criteria, size=23))
        assert [row.history_id for page in pages for row in page.rows] == expected, criteria
        assert {page.count for page in pages} <= {len(expected), None}, criteria
        if criteria.staff_user_id is None:
            assert pages[0].count == len(expected), criteria


def test_a_stretch_that_holds_none_leads_further_back(
    session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "STRETCH", 7)
    criteria = Criteria(staff_user_id=world.staff2.staff_user_id)
    pages = list(paged(session, world, criteria, size=5))
    assert [row.history_id for page in pages for row in page.rows] == slowly(session, world, criteria)
    cut_short = [page for page in pages if page.reached]
    assert cut_short
    assert all(page.following is not None and len(page.rows) <= 5 for page in cut_short)


def test_the_file_holds_all_that_pass(
    engine: Engine, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "BATCH", 11)
    for criteria in (Criteria(), Criteria(staff_user_id=world.staff.staff_user_id)):
        found = activity.every(engine, firm_id=world.firm.firm_id, criteria=criteria)
        assert [row.history_id for row in found] == slowly(session, world, criteria)


def test_news_counts_what_was_recorded_since(session: Session, world: World) -> None:
    times = sorted(session.scalars(sa.select(History.changed_at).where(History.firm_id == 1)))
    middle = times[len(times) // 2]
    for criteria in (Criteria(), Criteria(action=Action.BOOK), Criteria(staff_user_id=3, new=True)):
        expected = slowly(session, world, replace(criteria, since=middle))
        found = activity.news(session, firm_id=1, criteria=criteria, since=middle, most=500)
        assert found == len(expected)
    assert activity.news(session, firm_id=1, criteria=Criteria(), since=times[0], most=9) == 9


def test_the_steps_are_those_of_the_table() -> None:
    legal = {
        (action, before, after)
        for action in Action
        for before in (None, *Status)
        for after in Status
        if is_legal(action, before, after)
    }
    assert set(activity.STEPS) == legal
    assert activity.steps(Criteria()) is None
    assert activity.steps(Criteria(action=Action.CANCEL)) == [
        (Action.CANCEL, Status.AWAITING_CONFIRMATION, Status.CANCELLED),
        (Action.CANCEL, Status.CONFIRMED, Status.CANCELLED),
    ]


ASKED = {
    "everything": Criteria(),
    "a step that is rare": Criteria(action=Action.DECLINE),
    "a status": Criteria(became=Status.CONFIRMED),
    "new ones": Criteria(new=True),
    "a person": Criteria(who=Who(ActorKind.STAFF, 3)),
    "nobody": Criteria(who=Who(ActorKind.STAFF, 999)),
    "clients": Criteria(who=Who(ActorKind.CLIENT)),
    "a person's step": Criteria(who=Who(ActorKind.STAFF, 3), action=Action.CANCEL),
    "a period": Criteria(since=NOW - timedelta(days=30), before=NOW, action=Action.CANCEL),
}
RANGE = re.compile(r"SEARCH appointment_status_history USING .*INDEX ix_")
CURSOR = (NOW - timedelta(days=100), 10**9)


@pytest.mark.parametrize("after", [None, CURSOR], ids=["first page", "far back"])
@pytest.mark.parametrize("criteria", ASKED.values(), ids=ASKED)
def test_each_range_comes_sorted_from_its_index(
    desk_of: DeskOf, criteria: Criteria, after: Cursor | None
) -> None:
    """So that its LIMIT stops after a page, however much lies behind: nothing of the history is sorted."""
    engine = desk_of(MANY).engine
    with Session(engine) as session, captured(engine) as found:
        activity.page(session, firm_id=1, criteria=criteria, after=after)
    for statement in found:
        if engine.dialect.name == "sqlite":
            plan = sqlite_plan(engine, statement)
            ranges = [place for place, line in enumerate(plan) if RANGE.match(line)]
            assert ranges, plan
            assert all("COVERING INDEX" in plan[place] for place in ranges), plan
            # A range that had to be sorted would say so on its next line; what is sorted are pages.
            assert not [place for place in ranges if "TEMP B-TREE" in "".join(plan[place + 1 : place + 2])]
            assert not [line for line in plan if line.startswith("SCAN appointment_status_history")], plan
        else:
            for node in postgres_plan(engine, statement):
                assert _bounded(node), node


def _bounded(node: dict[str, Any]) -> bool:
    """Whether a read of the history is by an index; what is sorted are pages, not ranges of it."""
    if node.get("Relation Name") == "appointment_status_history":
        return node["Node Type"] != "Seq Scan"
    below = node.get("Plans", [{}])[0]
    ranges = re.match("ix_appointment_status_history", below.get("Index Name", ""))
    return not (node["Node Type"] in {"Sort", "Incremental Sort"} and ranges)


@pytest.mark.parametrize("number", [3, 999])
def test_one_persons_meetings_are_looked_up_by_key(desk_of: DeskOf, number: int) -> None:
    engine = desk_of(MANY).engine
    with Session(engine) as session, captured(engine) as found:
        activity.page(session, firm_id=1, criteria=Criteria(staff_user_id=number))
    for statement in found:
        if engine.dialect.name == "sqlite":
            for line in sqlite_plan(engine, statement):
                assert not re.match(r"SCAN (appointment|appointment_status_history)\b", line), line
        else:
            kinds = {
                node["Node Type"]
                for node in postgres_plan(engine, statement)
                if node.get("Relation Name") in {"appointment", "appointment_status_history"}
            }
            assert "Seq Scan" not in kinds


def test_a_page_reads_as_little_of_much_as_of_little(desk_of: DeskOf) -> None:
    """At most one page of each range: counted by what PostgreSQL says that it read."""
    engine = desk_of(MANY).engine
    if engine.dialect.name == "sqlite":
        return
    with Session(engine) as session, captured(engine) as found:
        activity.page(session, firm_id=1, criteria=Criteria(became=Status.CONFIRMED), after=CURSOR)
    with engine.connect() as connection:
        told = connection.exec_driver_sql(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {found[0].sql}", found[0].parameters
        ).scalar_one()
    read = [
        node["Actual Rows"] * node["Actual Loops"]
        for node in _nodes(told[0]["Plan"])
        if node.get("Index Name", "").startswith("ix_appointment_status_history")
    ]
    assert read
    assert max(read) <= activity.SIZE + 1


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)
