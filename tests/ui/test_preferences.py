"""GET /preferences and everything below it."""

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World
from tests.support.signed_in import COOKIE, sign_in
from tests.ui.conftest import MovableClock, fresh
from webapp.lifecycle import access, passwords
from webapp.models import AuditEvent, StaffUser
from webapp.queries import team
from webapp.vocabulary import Density, Theme

pytestmark = pytest.mark.one_engine("sqlite")  # the statements behind it are tested on both, below the pages

PASSWORD = "three words here"
NEW = "four other words here"


@pytest.fixture
def vera(world: World, session: Session, moved_clock: MovableClock) -> StaffUser:
    """A viewer, who may do least, with a password."""
    world.viewer.password_hash = passwords.make_hash(PASSWORD)
    session.commit()
    return world.viewer


@pytest.fixture
def browser(client: FlaskClient, vera: StaffUser) -> FlaskClient:
    return sign_in(client, vera)


def test_what_is_chosen_is_kept_and_used(browser: FlaskClient, vera: StaffUser, session: Session) -> None:
    answer = browser.post("/preferences", data={"theme": "dark", "density": "compact"})
    assert answer.location == "/preferences"
    fresh(session, vera)
    assert (vera.theme, vera.density, vera.shortcuts) == (Theme.DARK, Density.COMPACT, False)
    text = browser.get("/preferences").text
    assert 'data-theme="dark"' in text
    assert 'data-density="compact"' in text
    assert 'data-shortcuts="on"' not in text


def test_what_is_not_on_offer_is_refused(browser: FlaskClient, vera: StaffUser, session: Session) -> None:
    assert browser.post("/preferences", data={"theme": "pink", "density": "compact"}).status_code == 422
    fresh(session, vera)
    assert vera.density is Density.COMFORTABLE


def test_a_new_password_signs_out_everywhere_else(
    app: Flask, browser: FlaskClient, vera: StaffUser, session: Session
) -> None:
    elsewhere = sign_in(app.test_client(), vera)
    answer = browser.post("/preferences/password", data={"present": PASSWORD, "password": NEW})
    assert answer.location == "/preferences"
    assert browser.get("/preferences").status_code == 200
    assert elsewhere.get("/preferences").status_code == 303
    fresh(session, vera)
    assert passwords.verify(vera.password_hash or "", NEW)
    assert session.scalars(sa.select(AuditEvent.action)).all() == ["set_password"]


@pytest.mark.parametrize(
    ("present", "new", "field"),
    [
        ("not the words", NEW, "present"),
        ("", NEW, "present"),
        (PASSWORD, "short", "password"),
        (PASSWORD, "vera@marlow.example", "password"),
        (PASSWORD, "", "password"),
        (PASSWORD, "1qaz2wsx3edc", "password"),
    ],
)
def test_a_wrong_or_weak_password_changes_nothing(
    browser: FlaskClient, vera: StaffUser, session: Session, present: str, new: str, field: str
) -> None:
    before = vera.password_hash
    answer = browser.post("/preferences/password", data={"present": present, "password": new})
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert PASSWORD not in answer.text
    fresh(session, vera)
    assert vera.password_hash == before


def test_the_present_password_cannot_be_guessed_for_ever(browser: FlaskClient) -> None:
    guess = {"present": "not the words", "password": NEW}
    assert [browser.post("/preferences/password", data=guess).status_code for _ in range(6)] == [422] * 5 + [
        429
    ]


def test_every_browser_is_listed_and_can_be_signed_out(
    app: Flask, browser: FlaskClient, vera: StaffUser, session: Session, moved_clock: MovableClock
) -> None:
    elsewhere = sign_in(app.test_client(), vera)
    found = team.sessions(
        session,
        firm_id=vera.firm_id,
        staff_user_id=vera.staff_user_id,
        now=moved_clock.now,
        idle_since=moved_clock.now.replace(hour=0),
    )
    token = elsewhere.get_cookie(COOKIE).value  # type: ignore[union-attr]
    other = next(line for line in found if line.session_hash == access.token_hash(token))
    text = browser.get("/preferences").text
    assert text.count("(this browser)") == 1
    assert token not in text
    assert other.session_hash not in text
    assert browser.post(f"/preferences/sessions/{other.handle}/sign-out").location == "/preferences"
    assert elsewhere.get("/preferences").status_code == 303
    assert browser.get("/preferences").status_code == 200


def test_nobody_signs_out_somebody_else(app: Flask, browser: FlaskClient, world: World) -> None:
    lena = sign_in(app.test_client(), world.staff)
    handle = access.token_hash(lena.get_cookie(COOKIE).value)[:16]  # type: ignore[union-attr]
    assert browser.post(f"/preferences/sessions/{handle}/sign-out").status_code == 303
    assert lena.get("/preferences").status_code == 200


def test_signing_out_everywhere_includes_here(
    app: Flask, browser: FlaskClient, vera: StaffUser, world: World
) -> None:
    elsewhere, lena = sign_in(app.test_client(), vera), sign_in(app.test_client(), world.staff)
    assert browser.post("/preferences/sessions/sign-out").location == "/sign-in"
    assert browser.get("/preferences").status_code == 303
    assert elsewhere.get("/preferences").status_code == 303
    assert lena.get("/preferences").status_code == 200
