"""``GET`` and ``POST /contacts``, ``GET`` and ``PATCH /contacts/{id}``."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.api.conftest import CallsAs
from tests.factories import World, make_contact
from tests.support.api import Program, fields, without
from webapp.lifecycle import clients
from webapp.lifecycle.clients import ContactFacts
from webapp.models import AuditEvent, Contact
from webapp.vocabulary import Scope


def counted(session: Session) -> tuple[int, int]:
    """Contacts, and changes of contacts."""
    session.rollback()
    about = sa.select(sa.func.count()).where(AuditEvent.subject == "contact")
    return session.scalar(sa.select(sa.func.count(Contact.contact_id))) or 0, session.scalar(about) or 0


def named(session: Session, world: World, *names: str) -> list[int]:
    found = [make_contact(session, world.firm, name).contact_id for name in names]
    session.commit()
    return found


def test_it_gives_a_contact_with_its_account_and_version(api: Program, world: World) -> None:
    answer = api.get(f"/contacts/{world.contact.contact_id}")
    assert answer.status_code == 200
    assert answer.json == {
        "contact_id": world.contact.contact_id,
        "name": "Ada Byron",
        "email": "ada@client.example",
        "phone": "020 7946 0000",
        "timezone": None,
        "account": {"id": world.account.account_id, "name": "Byron Ltd"},
        "notes": "",
        "external_ref": None,
        "created_at": "2026-01-13T10:00:00Z",
        "version": 0,
    }
    assert answer.headers["ETag"] == '"0"'


def test_pages_hold_each_contact_once_by_number(
    api: Program, session: Session, world: World, other: World
) -> None:
    numbers = [world.contact.contact_id, *named(session, world, "Zoe", "Abe", "Mia", "Cleo")]
    pages = api.pages("/contacts?limit=2", "contacts")
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [each["contact_id"] for page in pages for each in page] == numbers


def test_what_is_added_meanwhile_comes_last(api: Program, session: Session, world: World) -> None:
    named(session, world, "Mia")
    first = api.get("/contacts?limit=1").json
    late = named(session, world, "Aaron")
    rest = api.pages(first["next"], "contacts")
    assert rest[-1][0]["contact_id"] == late[0]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("gita", ["Gita Khan", "Gita Lopez"]),
        ("kh%20git", ["Gita Khan"]),
        ("gita@client.example", ["Gita Khan", "Gita Lopez"]),
        ("nobody", []),
        ("!!!", []),
        ("%00", None),
    ],
)
def test_a_search_finds_beginnings_as_the_desks_does(
    api: Program, session: Session, world: World, q: str, found: list[str] | None
) -> None:
    named(session, world, "Gita Khan", "Hugo Khan", "Gita Lopez")
    answer = api.get(f"/contacts?q={q}")
    if found is None:
        assert answer.status_code == 422
        assert fields(answer) == ["q"]
    else:
        assert [each["name"] for each in answer.json["contacts"]] == found


def test_a_search_goes_on_to_its_next_page(api: Program, session: Session, world: World) -> None:
    named(session, world, "Gita Khan", "Hugo Khan", "Gita Lopez", "Gita Xu")
    pages = api.pages("/contacts?q=gita&limit=2", "contacts")
    assert [[each["name"] for each in page] for page in pages] == [["Gita Khan", "Gita Lopez"], ["Gita Xu"]]


def test_the_contacts_of_an_account_are_told_apart(api: Program, session: Session, world: World) -> None:
    named(session, world, "Mia")
    found = api.get(f"/contacts?account_id={world.account.account_id}").json["contacts"]
    assert [each["name"] for each in found] == ["Ada Byron"]


def test_it_adds_a_contact_that_the_search_finds(api: Program, session: Session, world: World) -> None:
    body = {
        "name": " Grace   Hopper ",
        "email": "grace@navy.example",
        "phone": "020 7946 0001",
        "account_id": world.account.account_id,
        "timezone": "America/New_York",
        "notes": "Prefers mornings",
    }
    answer = api.post("/contacts", body)
    assert answer.status_code == 201, answer.json
    made = answer.json
    assert answer.headers["Location"] == f"/api/v1/contacts/{made['contact_id']}"
    assert answer.headers["ETag"] == f'"{made["version"]}"'
    assert made["name"] == "Grace Hopper"
    assert made["account"] == {"id": world.account.account_id, "name": "Byron Ltd"}
    assert api.get(answer.headers["Location"]).json == made
    assert [each["name"] for each in api.get("/contacts?q=hop").json["contacts"]] == ["Grace Hopper"]
    session.rollback()
    note = session.scalars(sa.select(AuditEvent).where(AuditEvent.subject == "contact")).one()
    assert (note.action, note.actor_label) == ("created", "Lena Fischer (API: Website)")
    assert made["version"] == note.audit_event_id


def test_a_change_leaves_what_was_not_sent(api: Program, session: Session, world: World) -> None:
    path = f"/contacts/{world.contact.contact_id}"
    answer = api.patch(path, {"notes": "Deaf in one ear"})
    assert answer.status_code == 200, answer.json
    assert (answer.json["notes"], answer.json["name"]) == ("Deaf in one ear", "Ada Byron")
    assert answer.json["account"]["id"] == world.account.account_id
    assert answer.json["version"] > 0
    assert counted(session)[1] == 1


def test_null_takes_the_account_away(api: Program, world: World) -> None:
    path = f"/contacts/{world.contact.contact_id}"
    assert api.patch(path, {"account_id": None}).json["account"] is None


def test_a_change_of_what_was_changed_since_is_refused_and_says_by_whom(
    api: Program, session: Session, world: World
) -> None:
    path = f"/contacts/{world.contact.contact_id}"
    tag = api.get(path).headers["ETag"]
    session.rollback()
    contact = clients.get_contact(session, world.firm.firm_id, world.contact.contact_id)
    facts = ContactFacts(name="Ada King", account_id=world.account.account_id)
    clients.edit_contact(session, contact, actor=world.acting(world.staff2), facts=facts, now=world.now)
    session.commit()
    answer = api.patch(path, {"notes": "x"}, If_Match=tag)
    assert (answer.status_code, answer.json["code"]) == (412, "stale")
    assert "Tomas Novak changed Ada King" in answer.json["detail"]
    assert counted(session)[1] == 1
    fresh = api.get(path).headers["ETag"]
    assert api.patch(path, {"notes": "x"}, If_Match=fresh).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "…"}, "name"),
        ({"name": "x" * 161}, "name"),
        ({"name": 7}, "name"),
        ({"name": "Mia", "email": "nobody"}, "email"),
        ({"name": "Mia", "phone": "call me"}, "phone"),
        ({"name": "Mia", "timezone": "Mars/Olympus"}, "timezone"),
        ({"name": "Mia", "account_id": 2**63 - 1}, "account_id"),
        ({"name": "Mia", "account_id": 0}, "account_id"),
        ({"name": "Mia", "account_id": 2**63}, "account_id"),
        ({"name": "Mia", "notes": "x" * 4001}, "notes"),
        ({"name": "Mia", "surname": "Xu"}, "surname"),
    ],
)
def test_garbage_is_named_by_field_and_nothing_is_written(
    api: Program, session: Session, body: dict[str, Any], field: str
) -> None:
    before = counted(session)
    answer = api.post("/contacts", body)
    assert answer.status_code == 422
    assert fields(answer) == [field]
    assert counted(session) == before


def test_a_name_cannot_be_taken_away(api: Program, session: Session, world: World) -> None:
    answer = api.patch(f"/contacts/{world.contact.contact_id}", {"name": None})
    assert answer.status_code == 422
    assert fields(answer) == ["name"]
    assert counted(session)[1] == 0


def test_another_firms_account_is_none_to_choose(api: Program, session: Session, other: World) -> None:
    before = counted(session)
    answer = api.post("/contacts", {"name": "Mia", "account_id": other.account.account_id})
    assert answer.status_code == 422
    assert fields(answer) == ["account_id"]
    assert counted(session) == before


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("cursor=x", "cursor"), ("cursor=-1", "cursor")],
)
def test_a_list_names_what_it_cannot_read(api: Program, query: str, field: str) -> None:
    answer = api.get(f"/contacts?{query}")
    assert answer.status_code == 422
    assert fields(answer) == [field]


def test_a_token_without_the_scope_neither_reads_nor_writes(
    calls_as: CallsAs, session: Session, world: World
) -> None:
    path = f"/contacts/{world.contact.contact_id}"
    reading = calls_as(scopes=without(Scope.CLIENTS_WRITE))
    writing = calls_as(scopes=without(Scope.CLIENTS_READ))
    before = counted(session)
    refused = [
        reading.post("/contacts", {"name": "Mia"}),
        reading.patch(path, {"name": "Mia"}),
        writing.get("/contacts"),
        writing.get(path),
    ]
    assert [(each.status_code, each.json["code"]) for each in refused] == [(403, "missing_scope")] * 4
    assert counted(session) == before


def test_a_viewers_token_reads_and_does_not_write(calls_as: CallsAs, session: Session, world: World) -> None:
    path = f"/contacts/{world.contact.contact_id}"
    program = calls_as(world.viewer)
    before = counted(session)
    assert program.get(path).status_code == 200
    for refused in (program.post("/contacts", {"name": "Mia"}), program.patch(path, {"name": "Mia"})):
        assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
    assert counted(session) == before


def test_the_same_key_adds_one(api: Program, session: Session, world: World) -> None:
    before = counted(session)
    first, again = (api.post("/contacts", {"name": "Mia"}, Idempotency_Key="k1") for _ in range(2))
    assert first.data == again.data
    assert counted(session) == (before[0] + 1, before[1] + 1)
