"""GET and POST /invitation/<token>."""

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World
from tests.support.html import Page
from tests.support.signed_in import COOKIE, sign_in
from tests.ui.conftest import MovableClock
from webapp.lifecycle import invitations, passwords, team
from webapp.models import AuditEvent, Invitation, StaffUser, UserSession
from webapp.vocabulary import Role

pytestmark = pytest.mark.one_engine("sqlite")  # the lifecycle behind it is tested on both

PASSWORD = "three words here"


@pytest.fixture
def nora(world: World, session: Session, moved_clock: MovableClock) -> tuple[StaffUser, str]:
    """Somebody who was just invited, and her link's token."""
    person, token = team.invite(
        session,
        actor=world.acting(world.owner),
        name="Nora Quist",
        email="nora@marlow.example",
        role=Role.STAFF,
        bookable=True,
        now=world.now,
    )
    session.commit()
    return person, token


def kept(session: Session) -> Invitation:
    session.rollback()
    return session.scalars(sa.select(Invitation).order_by(Invitation.created_at)).one()


def test_looking_at_it_does_nothing(
    client: FlaskClient, nora: tuple[StaffUser, str], session: Session
) -> None:
    for _ in range(3):
        answer = client.get(f"/invitation/{nora[1]}")
        assert answer.status_code == 200
    assert "nora@marlow.example" in answer.text
    assert Page(answer.text).headings == ["Set your password"]
    assert kept(session).used_at is None
    assert client.get_cookie(COOKIE) is None


def test_the_address_is_told_to_nobody(client: FlaskClient, nora: tuple[StaffUser, str]) -> None:
    answer = client.get(f"/invitation/{nora[1]}")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_setting_a_password_signs_in_and_is_written_down(
    client: FlaskClient, nora: tuple[StaffUser, str], session: Session, world: World
) -> None:
    person, token = nora
    answer = client.post(f"/invitation/{token}", data={"password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, "/")
    assert client.get("/preferences").status_code == 200
    session.rollback()
    assert passwords.verify(person.password_hash or "", PASSWORD)
    assert kept(session).used_at == world.now
    event = session.scalars(sa.select(AuditEvent).order_by(AuditEvent.audit_event_id.desc())).first()
    assert event is not None
    assert (event.action, event.subject_id, event.changed_by_id) == (
        "set_password",
        person.staff_user_id,
        person.staff_user_id,
    )
    assert PASSWORD not in str(event.changes)


def test_it_works_once(client: FlaskClient, nora: tuple[StaffUser, str], session: Session) -> None:
    client.post(f"/invitation/{nora[1]}", data={"password": PASSWORD})
    answer = client.post(f"/invitation/{nora[1]}", data={"password": "four other words here"})
    assert answer.status_code == 404
    session.rollback()
    assert passwords.verify(nora[0].password_hash or "", PASSWORD)


def test_unknown_used_expired_and_revoked_get_one_answer(
    client: FlaskClient,
    nora: tuple[StaffUser, str],
    world: World,
    session: Session,
    moved_clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def link(user: StaffUser) -> str:
        _person, token = team.make_link(
            session, user.staff_user_id, actor=world.acting(world.owner), now=world.now
        )
        session.commit()
        return token

    used, expired = nora[1], link(world.staff)
    client.post(f"/invitation/{used}", data={"password": PASSWORD})
    moved_clock.pass_(hours=72)
    revoked, replaced, deactivated = link(world.manager), link(world.staff2), link(world.viewer)
    moved_clock.now = world.now
    team.revoke_link(
        session, world.manager.staff_user_id, actor=world.acting(world.owner), now=moved_clock.now
    )
    link(world.staff2)
    team.deactivate(session, world.viewer.staff_user_id, actor=world.acting(world.owner), now=moved_clock.now)
    session.commit()
    hashed: list[str] = []
    monkeypatch.setattr(passwords, "make_hash", hashed.append)
    dead = [used, revoked, replaced, deactivated, "unknown", "x" * 5000, "%00", "%ff"]
    pages = {client.get(f"/invitation/{token}").text for token in dead}
    answers = [client.post(f"/invitation/{token}", data={"password": PASSWORD}) for token in dead]
    moved_clock.pass_(hours=72)
    answers.append(client.post(f"/invitation/{expired}", data={"password": PASSWORD}))
    pages |= {answer.text for answer in answers}
    assert {answer.status_code for answer in answers} == {404}
    assert len({without_tokens(page) for page in pages}) == 1
    assert hashed == []


def without_tokens(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if "X-CSRFToken" not in line)


def test_it_holds_for_seventy_two_hours(
    client: FlaskClient, nora: tuple[StaffUser, str], moved_clock: MovableClock
) -> None:
    moved_clock.pass_(hours=71, minutes=59)
    assert client.get(f"/invitation/{nora[1]}").status_code == 200
    moved_clock.pass_(minutes=1)
    assert client.get(f"/invitation/{nora[1]}").status_code == 404


def test_a_link_is_stored_as_a_hash_alone(nora: tuple[StaffUser, str], session: Session) -> None:
    assert nora[1] not in str(kept(session).__dict__)
    assert len(nora[1]) >= 22  # 128 bits and more


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short words",
        "x" * 129,
        "nora@marlow.example",
        "Nora Quist 2026",
        "passwordpassword",
        "password12345",
        "aaaaaaaaaaaaaaaa",
        "123456789012",
        "abcdefghijklm",
        "Qwertyuiop12",
        "1qaz2wsx3edc",
    ],
)
def test_a_password_that_will_not_do_is_explained_and_the_link_stays_open(
    client: FlaskClient, nora: tuple[StaffUser, str], session: Session, password: str
) -> None:
    answer = client.post(f"/invitation/{nora[1]}", data={"password": password})
    assert answer.status_code == 422
    assert Page(answer.text).title.startswith("Error: ")
    assert 'href="#password"' in answer.text
    assert kept(session).used_at is None


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "ünïcödé wörter", "   spaces count   ", "ありがとうございましたね、はい"],
)
def test_long_ones_of_any_characters_will_do(
    client: FlaskClient, nora: tuple[StaffUser, str], password: str
) -> None:
    assert client.post(f"/invitation/{nora[1]}", data={"password": password}).status_code == 303
    client.post("/sign-out")
    again = client.post("/sign-in", data={"email": "nora@marlow.example", "password": password})
    assert again.status_code == 303


def test_the_same_keys_on_another_machine_are_the_same_password(
    client: FlaskClient, nora: tuple[StaffUser, str]
) -> None:
    client.post(f"/invitation/{nora[1]}", data={"password": "caf\u00e9 caf\u00e9 caf\u00e9"})
    decomposed = {"email": "nora@marlow.example", "password": "cafe\u0301 cafe\u0301 cafe\u0301"}
    assert client.post("/sign-in", data=decomposed).status_code == 303


def test_a_new_password_ends_what_was_signed_in_with_the_old_one(
    app: Flask, client: FlaskClient, world: World, session: Session, moved_clock: MovableClock
) -> None:
    elsewhere = sign_in(app.test_client(), world.staff)
    token = invitations.make(session, world.staff, actor=world.acting(world.owner), now=world.now)
    session.commit()
    client.post(f"/invitation/{token}", data={"password": PASSWORD})
    assert elsewhere.get("/preferences").status_code == 303
    assert client.get("/preferences").status_code == 200


def test_whoever_was_signed_in_in_this_browser_is_signed_out(
    client: FlaskClient, nora: tuple[StaffUser, str], world: World, session: Session
) -> None:
    sign_in(client, world.owner)
    client.post(f"/invitation/{nora[1]}", data={"password": PASSWORD})
    session.rollback()
    of_owner = session.scalars(
        sa.select(UserSession).where(UserSession.staff_user_id == world.owner.staff_user_id)
    ).one()
    assert of_owner.revoked_at is not None


def test_a_stale_form_token_says_so_and_the_second_try_works(app: Flask, nora: tuple[StaffUser, str]) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    client, address = app.test_client(), f"/invitation/{nora[1]}"
    answer = client.post(address, data={"password": PASSWORD, "csrf_token": "from yesterday"})
    assert answer.status_code == 422
    assert "had been open for too long" in answer.text
    fresh = Page(answer.text).form(address).fields["csrf_token"]
    assert client.post(address, data={"password": PASSWORD, "csrf_token": fresh}).status_code == 303
