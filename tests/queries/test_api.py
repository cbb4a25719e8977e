"""What the API asks the database: at most four statements an answer, by index, few rows or many."""

import re
from functools import cache

import pytest
import sqlalchemy as sa
import time_machine
from sqlalchemy.orm import Session

from tests.factories import NOW
from tests.queries.conftest import FEW, MANY, DeskOf
from tests.queries.test_plans import BOUNDED, faults
from tests.support.api import Program
from tests.support.desks import Desk
from tests.support.many import PER_DAY
from tests.support.statements import Statement, captured, postgres_plan, sqlite_plan
from webapp.lifecycle import tokens
from webapp.lifecycle.actors import Actor
from webapp.models import StaffUser
from webapp.vocabulary import Role, Scope, Status

MOST = 4
IN_ORDER = (BOUNDED - {"ix_appointment_status_history_changed_at"}) | {
    "uq_contact_firm_id_contact_id",  # read from one end: a LIMIT stops after a page
    "uq_poll_firm_id_poll_id",
    "sqlite_autoindex_contact_1",
    "sqlite_autoindex_poll_1",
}
"""Indexes that may be read for a whole firm: never one through which a minimum would be looked for."""
LISTS = (
    "/appointments?limit=100",
    "/appointments?limit=100&cursor=1730000000000000.7",
    "/appointments?from=2025-12-01T00:00:00Z&to=2025-12-31T00:00:00Z",
    "/appointments?status=completed",
    "/appointments?status=no_show&status=cancelled&status=confirmed&limit=100",
    "/appointments?status=no_show&status=cancelled&cursor=1730000000000000.7",
    "/appointments?staff_user_id=3",
    "/appointments?staff_user_id=3&status=no_show&status=cancelled&from=2025-06-01T00:00:00Z",
    "/appointments?appointment_type_id=1",
    "/appointments?appointment_type_id=1&status=no_show&status=cancelled",
    "/appointments?contact_id=7",
    "/appointments?contact_id=7&status=completed&status=cancelled",
    "/appointments?account_id=1",
    "/appointments?account_id=1&status=completed&from=2025-06-01T00:00:00Z",
    "/appointments?external_ref=0000016",
)
CLIENTS = (
    "/contacts?limit=100",
    "/contacts?limit=100&cursor=5",
    "/contacts?q=abara",
    "/contacts?q=ada+abara3+client",
    "/contacts?account_id=1",
    "/accounts?limit=100",
    "/accounts?q=byr",
)
DETAILS = (
    "/appointments/{id}",
    "/appointments/{id}/history",
    "/appointments/{id}/chain",
    "/appointments/{id}/attendance",
    "/fhir/Appointment/{id}",
    "/contacts/1",
    "/accounts/1",
    "/types",
    "/staff",
    "/polls",
    "/free-slots?staff_user_id=1&minutes=45&from=2026-01-14&days=31",
    "/free-slots?staff_user_id=1&appointment_type_id=1&from=2026-01-14",
)
FIGURES = (
    "/metrics?from=2026-01-01&to=2026-01-11",
    "/metrics?from=2025-01-01&to=2026-01-11&staff_user_id=1&appointment_type_id=1",
    "/metrics?from=2026-01-01&to=2026-01-11&as_of=2026-01-12T10:00:00Z",
)


@cache
def _program(desk: Desk) -> Program:
    with Session(desk.engine, execution_options={"write": True}) as session:
        owner = session.scalars(
            sa.select(StaffUser).where(StaffUser.firm_id == 1, StaffUser.role == Role.OWNER)
        ).one()
        _token, text = tokens.make(
            session,
            actor=Actor.of_staff(owner),
            name="Counting",
            scopes=set(Scope),
            staff_user_id=owner.staff_user_id,
            now=NOW,
        )
        session.commit()
    return Program(desk.app.test_client(), text)


def asked(desk: Desk, path: str) -> list[Statement]:
    """What an answer asks; ``{id}`` has a chain and a history where there are many."""
    program = _program(desk)
    number = desk.count // 2 // PER_DAY * PER_DAY + 8
    with time_machine.travel(NOW, tick=False), captured(desk.engine) as found:
        answer = program.get(path.format(id=number))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return found


@pytest.mark.parametrize("path", [*LISTS, *CLIENTS, *DETAILS, *FIGURES])
def test_an_answer_takes_four_statements_at_most_few_rows_or_many(desk_of: DeskOf, path: str) -> None:
    few, many = (len(asked(desk_of(count), path)) for count in (FEW, MANY))
    assert few == many <= MOST


@pytest.mark.parametrize("path", [*LISTS, *CLIENTS, *DETAILS])
def test_an_answer_reads_by_index(desk_of: DeskOf, path: str) -> None:
    desk = desk_of(MANY)
    found = [
        f"{fault} in: {statement.short}"
        for statement in asked(desk, path)
        for fault in faults(desk, statement, IN_ORDER)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", LISTS)
def test_a_page_is_picked_without_sorting_all_that_pass(desk_of: DeskOf, path: str) -> None:
    """Sorted are the pages of the statuses asked for, once they are together."""
    desk = desk_of(MANY)
    statement = next(each for each in asked(desk, path) if "picked" in each.sql)
    if desk.engine.dialect.name == "sqlite":
        plan = sqlite_plan(desk.engine, statement)
        picking = [
            at for at, line in enumerate(plan) if re.match(r"SEARCH appointment USING (COV|IND)", line)
        ]
        assert picking, plan
        assert not [at for at in picking if plan[at + 1].startswith("USE TEMP B-TREE")], plan
    else:
        sorts = [each for each in postgres_plan(desk.engine, statement) if each["Node Type"] == "Sort"]
        assert all(each["Plan Rows"] <= 101 * len(Status) for each in sorts), sorts
