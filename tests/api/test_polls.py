"""``GET /polls`` and ``GET /polls/{id}``."""

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.api.conftest import CallsAs
from tests.factories import World
from tests.support.api import Program, fields, without
from tests.support.polls import cast, make_poll, people, slot_ids
from tests.support.statements import captured
from webapp.extensions import db
from webapp.lifecycle.polls import holding
from webapp.lifecycle.polls.drafting import InviteeFacts
from webapp.vocabulary import Scope, Vote


def test_it_gives_times_invitees_and_votes(api: Program, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    clara = people(session, poll)[0]
    cast(session, poll, clara, [Vote.YES, None, Vote.NO], world.now)
    session.commit()
    first, second, third = slot_ids(session, poll)
    answer = api.get(f"/polls/{poll.poll_id}")
    assert answer.status_code == 200
    found = answer.json
    assert (found["title"], found["status"]) == ("Wren Trust, annual review", "open")
    assert found["staff_user"] == {"id": world.staff.staff_user_id, "name": "Lena Fischer"}
    assert found["appointment_type"] == {"id": world.kind.appointment_type_id, "name": "Review"}
    assert found["deadline"] == "2026-01-14T10:00:00Z"
    assert [slot["poll_slot_id"] for slot in found["slots"]] == [first, second, third]
    assert found["slots"][0]["start_time"] == "2026-01-15T10:00:00Z"
    assert [each["name"] for each in found["invitees"]] == ["Clara Wren", "Piet Wren", "Yusuf Amin"]
    assert [each["required"] for each in found["invitees"]] == [True, True, False]
    assert found["invitees"][0]["votes"] == [
        {"poll_slot_id": first, "vote": "yes"},
        {"poll_slot_id": third, "vote": "no"},
    ]
    assert found["invitees"][0]["voted_at"] == "2026-01-13T10:00:00Z"
    assert found["invitees"][1]["votes"] == []
    assert (found["invited"], found["appointment_id"], found["start_time"]) == (3, None, None)
    assert answer.headers["ETag"] == f'"{found["version"]}"'


def test_a_held_time_is_told_with_its_appointment(api: Program, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    slot = slot_ids(session, poll)[1]
    holding.hold(session, poll, actor=world.acting(), poll_slot_id=slot, now=world.now)
    session.commit()
    found = api.get(f"/polls/{poll.poll_id}").json
    assert found["status"] == "held"
    assert found["start_time"] == "2026-01-16T10:00:00Z"
    assert found["confirm_by"] is not None
    made = api.get(f"/appointments/{found['appointment_id']}").json
    assert (made["status"], made["confirm_by"]) == ("awaiting_confirmation", found["confirm_by"])
    rows = api.get(f"/appointments/{found['appointment_id']}/history").json["history"]
    assert [row["action"] for row in rows] == ["propose"]


def test_nobodys_personal_link_is_told(api: Program, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    text = api.get(f"/polls/{poll.poll_id}").get_data(as_text=True)
    assert "clara@wren.example" in text
    for word in ("link", "token", "nonce", "hash"):
        assert word not in text


def test_pages_hold_each_poll_once_the_newest_first(
    api: Program, session: Session, world: World, other: World
) -> None:
    made = [make_poll(session, world).poll_id for _ in range(3)]
    make_poll(session, other)
    pages = api.pages("/polls?limit=2", "polls")
    assert [[each["poll_id"] for each in page] for page in pages] == [[made[2], made[1]], [made[0]]]
    assert "invitees" not in pages[0][0]
    assert pages[0][0]["invited"] == 3


def test_a_firm_without_polls_has_an_empty_list(api: Program) -> None:
    assert api.get("/polls").json == {"polls": [], "next": None}


def test_a_token_without_the_scope_reads_nothing(calls_as: CallsAs, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    program = calls_as(scopes=without(Scope.POLLS_READ))
    for path in ("/polls", f"/polls/{poll.poll_id}"):
        answer = program.get(path)
        assert (answer.status_code, answer.json["code"]) == (403, "missing_scope")


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=many", "limit"), ("cursor=1.2", "cursor"), ("status=open", "status")],
)
def test_a_list_names_what_it_cannot_read(api: Program, query: str, field: str) -> None:
    answer = api.get(f"/polls?{query}")
    assert answer.status_code == 422
    assert fields(answer) == [field]


@pytest.mark.parametrize(("slots", "invitees"), [(1, 1), (12, 25)])
def test_a_poll_takes_four_statements_however_large(
    api: Program, app: Flask, session: Session, world: World, slots: int, invitees: int
) -> None:
    asked = [InviteeFacts(name=f"Guest {n}", email=f"g{n}@wren.example") for n in range(invitees)]
    poll = make_poll(session, world, slots=slots, invitees=asked)
    for invitee in people(session, poll):
        cast(session, poll, invitee, [Vote.YES] * slots, world.now)
    session.commit()
    with app.app_context():
        engine = db.engine
    with captured(engine) as one:
        found = api.get(f"/polls/{poll.poll_id}").json
    assert sum(len(each["votes"]) for each in found["invitees"]) == slots * invitees
    assert len(one) == 4
    with captured(engine) as several:
        assert len(api.get("/polls").json["polls"]) == 1
    assert len(several) == 3
