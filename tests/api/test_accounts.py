"""``GET`` and ``POST /accounts``, ``GET`` and ``PATCH /accounts/{id}``."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.api.conftest import CallsAs
from tests.factories import World
from tests.support.api import Program, fields, without
from webapp.lifecycle import clients
from webapp.lifecycle.clients import AccountFacts
from webapp.models import Account, AuditEvent
from webapp.vocabulary import Scope


def counted(session: Session) -> tuple[int, int]:
    """Accounts, and changes of accounts."""
    session.rollback()
    about = sa.select(sa.func.count()).where(AuditEvent.subject == "account")
    return session.scalar(sa.select(sa.func.count(Account.account_id))) or 0, session.scalar(about) or 0


def test_it_gives_an_account_with_how_many_contacts_it_has(api: Program, world: World) -> None:
    answer = api.get(f"/accounts/{world.account.account_id}")
    assert answer.json == {
        "account_id": world.account.account_id,
        "name": "Byron Ltd",
        "notes": "",
        "contacts": 1,
        "created_at": "2026-01-13T10:00:00Z",
        "version": 0,
    }
    assert answer.headers["ETag"] == '"0"'


def test_pages_hold_each_account_once_by_number(api: Program, world: World, other: World) -> None:
    made = [api.post("/accounts", {"name": name}).json["account_id"] for name in ("Zinc", "Amber")]
    pages = api.pages("/accounts?limit=2", "accounts")
    assert [[each["account_id"] for each in page] for page in pages] == [
        [world.account.account_id, made[0]],
        [made[1]],
    ]


@pytest.mark.parametrize(
    ("q", "found"), [("byr", ["Byron Ltd"]), ("BYRON%20L", ["Byron Ltd"]), ("ltd", []), ("%20", None)]
)
def test_a_search_finds_names_that_begin_so(api: Program, q: str, found: list[str] | None) -> None:
    api.post("/accounts", {"name": "Amber"})
    names = [each["name"] for each in api.get(f"/accounts?q={q}").json["accounts"]]
    assert names == (found if found is not None else ["Byron Ltd", "Amber"])


def test_it_adds_an_account_and_says_so_in_the_log(api: Program, session: Session, world: World) -> None:
    answer = api.post("/accounts", {"name": "Amber", "notes": "Invoices monthly"})
    assert answer.status_code == 201, answer.json
    assert answer.headers["Location"] == f"/api/v1/accounts/{answer.json['account_id']}"
    assert api.get(answer.headers["Location"]).json == answer.json
    session.rollback()
    note = session.scalars(sa.select(AuditEvent).where(AuditEvent.subject == "account")).one()
    assert (note.action, note.actor_label) == ("created", "Lena Fischer (API: Website)")
    assert answer.headers["ETag"] == f'"{note.audit_event_id}"'


def test_a_change_leaves_what_was_not_sent(api: Program, session: Session, world: World) -> None:
    path = f"/accounts/{world.account.account_id}"
    answer = api.patch(path, {"notes": "Pays late"})
    assert (answer.json["name"], answer.json["notes"]) == ("Byron Ltd", "Pays late")
    again = api.patch(path, {"notes": "Pays late"})
    assert again.json["version"] == answer.json["version"]
    assert counted(session)[1] == 1


def test_a_change_of_what_was_changed_since_is_refused_and_says_by_whom(
    api: Program, session: Session, world: World
) -> None:
    path = f"/accounts/{world.account.account_id}"
    account = clients.get_account(session, world.firm.firm_id, world.account.account_id)
    facts = AccountFacts(name="Byron & King")
    clients.edit_account(session, account, actor=world.acting(world.staff2), facts=facts, now=world.now)
    session.commit()
    answer = api.patch(path, {"notes": "x"}, If_Match='"0"')
    assert (answer.status_code, answer.json["code"]) == (412, "stale")
    assert "Tomas Novak changed Byron & King" in answer.json["detail"]
    assert counted(session)[1] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "--"}, "name"),
        ({"name": None}, "name"),
        ({"name": "Amber", "notes": 1}, "notes"),
        ({"name": "Amber", "contacts": 3}, "contacts"),
    ],
)
def test_garbage_is_named_by_field_and_nothing_is_written(
    api: Program, session: Session, body: dict[str, Any], field: str
) -> None:
    before = counted(session)
    answer = api.post("/accounts", body)
    assert answer.status_code == 422
    assert fields(answer) == [field]
    assert counted(session) == before


def test_a_token_without_the_scope_neither_reads_nor_writes(
    calls_as: CallsAs, session: Session, world: World
) -> None:
    path = f"/accounts/{world.account.account_id}"
    reading = calls_as(scopes=without(Scope.CLIENTS_WRITE))
    writing = calls_as(scopes=without(Scope.CLIENTS_READ))
    refused = [
        reading.post("/accounts", {"name": "Amber"}),
        reading.patch(path, {"name": "Amber"}),
        writing.get("/accounts"),
        writing.get(path),
    ]
    assert [(each.status_code, each.json["code"]) for each in refused] == [(403, "missing_scope")] * 4
    assert counted(session)[1] == 0


def test_a_viewers_token_reads_and_does_not_write(calls_as: CallsAs, session: Session, world: World) -> None:
    path = f"/accounts/{world.account.account_id}"
    program = calls_as(world.viewer)
    assert program.get(path).status_code == 200
    for refused in (program.post("/accounts", {"name": "Amber"}), program.patch(path, {"name": "Amber"})):
        assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
    assert counted(session)[1] == 0
