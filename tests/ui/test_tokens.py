"""``/settings/tokens``: made once, shown once, revoked after a question."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World
from tests.support.api import API, token_of
from tests.support.html import Page
from tests.ui.conftest import MovableClock
from webapp.lifecycle import team, tokens
from webapp.models import ApiToken, StaffUser
from webapp.vocabulary import SCOPE_LABELS, Scope

pytestmark = pytest.mark.one_engine("sqlite")  # what a page says does not depend on the engine

LIST = "/settings/tokens"
TEXT = re.compile(r"daybook_[\w-]{43}")


@pytest.fixture
def manager(signed_in: Callable[[StaffUser], FlaskClient], world: World) -> FlaskClient:
    return signed_in(world.manager)


def typed(world: World, **changed: object) -> dict[str, object]:
    return {
        "form_token": "one-form",
        "name": "Website",
        "staff_user_id": str(world.staff.staff_user_id),
        "scopes": ["appointments:read", "appointments:write"],
        "ends": "90",
    } | changed


def made(session: Session) -> list[ApiToken]:
    session.rollback()
    return list(session.scalars(sa.select(ApiToken).order_by(ApiToken.api_token_id)))


def calls(app: Flask, text: str) -> int:
    headers = {"Authorization": f"Bearer {text}"}
    return app.test_client().get(f"{API}/appointments", headers=headers).status_code


def test_without_tokens_the_page_says_what_one_is_for(manager: FlaskClient) -> None:
    page = manager.get(LIST).text
    assert "No tokens yet" in page
    assert Page(page).faults() == []


def test_a_token_is_shown_once_and_lets_a_program_in(
    app: Flask, manager: FlaskClient, session: Session, world: World
) -> None:
    answer = manager.post(f"{LIST}/new", data=typed(world))
    (text,) = set(TEXT.findall(answer.text))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    (token,) = made(session)
    assert (token.name, token.created_by, token.hint) == ("Website", "Daniel Osei", text[:12])
    assert token.staff_user_id == world.staff.staff_user_id
    assert token.scopes == "appointments:read appointments:write"
    assert token.expires_at == world.now + timedelta(days=90)
    assert calls(app, text) == 200
    assert text not in manager.get(LIST).text


def test_the_form_sent_twice_makes_one_token_and_hides_its_text(
    manager: FlaskClient, session: Session, world: World
) -> None:
    first = manager.post(f"{LIST}/new", data=typed(world))
    again = manager.post(f"{LIST}/new", data=typed(world))
    assert len(made(session)) == 1
    assert TEXT.search(first.text)
    assert again.status_code == 200
    assert not TEXT.search(again.text)
    assert "its text was shown then" in again.text


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"name": "  "}, "name", "Give the token a name"),
        ({"name": "x" * 61}, "name", "60 characters"),
        ({"name": "a\x00b"}, "name", "characters that cannot be kept"),
        ({"scopes": []}, "scopes", "Choose at least one thing"),
        ({"scopes": ["everything"]}, "scopes", "Choose from the list"),
        ({"staff_user_id": ""}, "staff_user_id", "Choose the person"),
        ({"staff_user_id": "999999"}, "staff_user_id", "Choose the person"),
        ({"staff_user_id": "x"}, "staff_user_id", "Choose the person"),
        ({"ends": "1000"}, "ends", "Choose when the token ends"),
    ],
)
def test_what_is_refused_is_said_beside_its_field_and_the_typing_kept(
    manager: FlaskClient,
    session: Session,
    world: World,
    changed: dict[str, object],
    field: str,
    sentence: str,
) -> None:
    answer = manager.post(f"{LIST}/new", data=typed(world, **changed))
    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    assert sentence in answer.text
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text
    kept = ["appointments:read"] if "scopes" not in changed else []
    assert all(f'value="{word}" checked' in answer.text for word in kept)
    assert made(session) == []


def test_nobody_above_ones_own_role_is_offered_or_taken(
    manager: FlaskClient, session: Session, world: World
) -> None:
    page = manager.get(f"{LIST}/new").text
    assert "Lena Fischer, staff" in page
    assert "Olga Marlow" not in page
    owner = str(world.owner.staff_user_id)
    assert manager.post(f"{LIST}/new", data=typed(world, staff_user_id=owner)).status_code == 422
    assert made(session) == []


def test_every_scope_can_be_chosen_and_is_explained(manager: FlaskClient) -> None:
    page = manager.get(f"{LIST}/new").text
    for scope, label in SCOPE_LABELS.items():
        assert f'value="{scope.value}"' in page
        assert label in page
    assert "checked" not in page


def test_the_list_tells_each_token_and_its_state(
    app: Flask, manager: FlaskClient, session: Session, world: World, moved_clock: MovableClock
) -> None:
    text = token_of(session, world, world.staff, scopes={Scope.METRICS_READ, Scope.APPOINTMENTS_READ})
    for name, user in (("Gone", world.staff2), ("Short", world.viewer)):
        tokens.make(
            session,
            actor=world.acting(world.manager),
            name=name,
            scopes={Scope.POLLS_READ},
            staff_user_id=user.staff_user_id,
            now=world.now,
            expires_at=world.now + timedelta(hours=1) if name == "Short" else None,
        )
    team.deactivate(session, world.staff2.staff_user_id, actor=world.acting(world.owner), now=world.now)
    session.commit()
    assert "Never" in manager.get(LIST).text
    moved_clock.pass_(hours=2)
    calls(app, text)
    rows = [" ".join(row.split()) for row in manager.get(LIST).text.split('<tr role="row"')[2:]]
    assert [re.search(r'scope="row">(\w+)', row)[1] for row in rows] == ["Website", "Gone", "Short"]
    website, gone, short = rows
    for words in ("Lena Fischer", "metrics:read", "appointments:read", "by Olga Marlow", "12:00", "Active"):
        assert words in website
    assert "Person deactivated" in gone
    assert "Expired" in short
    assert text[:12] in website
    assert text not in "".join(rows)


def test_revoking_asks_first_and_ends_the_token_at_once(
    app: Flask, manager: FlaskClient, session: Session, world: World
) -> None:
    text = token_of(session, world)
    here = f"{LIST}/{made(session)[0].api_token_id}/revocation"
    assert "Revoke Website" in manager.get(here).text
    assert "<dialog" in manager.get(here, headers={"HX-Request": "true"}).text
    assert calls(app, text) == 200
    for _ in range(2):
        answer = manager.post(here, data={"form_token": "same"})
        assert (answer.status_code, answer.location) == (303, LIST)
    assert calls(app, text) == 401
    (token,) = made(session)
    assert (token.revoked_by, token.revoked_at) == ("Daniel Osei", world.now)
    page = manager.get(LIST).text
    assert "Website is revoked and opens nothing any more." in page
    assert "by Daniel Osei" in page
    assert here not in page
    assert "It was revoked" in manager.get(here).text


def test_the_page_for_programmers_tells_every_operation(app: Flask, manager: FlaskClient) -> None:
    assert 'href="/api/v1/"' in manager.get(LIST).text
    page = app.test_client().get(f"{API}/")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    document = app.test_client().get(f"{API}/openapi.json").json
    for path, item in document["paths"].items():
        for told in item.values():
            assert f'id="{told["operationId"]}"' in page.text
            assert told["summary"] in page.text.replace("&#39;", "'")
        assert f"{API}{path}" in page.text.replace("<wbr>", "")
    for words in ("curl ", "Authorization: Bearer daybook_…", "Idempotency-Key", "RateLimit-Limit", "429"):
        assert words in page.text
    assert all(scope.value in page.text for scope in Scope)
    assert Page(page.text).faults() == []
