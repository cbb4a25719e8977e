"""POST /sign-in and /sign-out: who comes in, for how long, and where to."""

import hashlib

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World
from tests.support.html import Page
from tests.support.signed_in import COOKIE, sign_in
from tests.ui.conftest import MovableClock
from tests.ui.sign_in.conftest import PASSWORD, attempt, one_engine, sessions
from webapp.models import StaffUser
from webapp.ui.htmx import go

pytestmark = one_engine


def test_the_page_has_what_every_page_has(client: FlaskClient, world: World) -> None:
    answer = client.get("/sign-in?next=/team")
    assert answer.status_code == 200
    page = Page(answer.text)
    assert page.headings == ["Sign in"]
    assert [form.attributes["action"] for form in page.forms] == ["/sign-in?next=/team"]
    assert 'autocomplete="current-password"' in answer.text


def test_the_right_password_signs_in_and_only_a_hash_is_kept(
    client: FlaskClient, olga: StaffUser, session: Session
) -> None:
    answer = attempt(client, " Olga@Marlow.example ")
    assert (answer.status_code, answer.location) == (303, "/")
    (kept,) = sessions(session)
    token = client.get_cookie(COOKIE).value  # type: ignore[union-attr]
    assert len(token) >= 43
    assert kept.token_hash == hashlib.sha256(token.encode()).hexdigest()
    assert (kept.staff_user_id, kept.revoked_at) == (olga.staff_user_id, None)
    assert client.get("/preferences").status_code == 200


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(
    client: FlaskClient, olga: StaffUser
) -> None:
    (cookie,) = [
        text for text in attempt(client).headers.getlist("Set-Cookie") if text.startswith(COOKIE + "=")
    ]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert "Expires" not in cookie


def test_the_deactivated_and_the_invited_cannot_sign_in(
    client: FlaskClient, olga: StaffUser, world: World, session: Session
) -> None:
    olga.deactivated_at = world.now
    session.commit()
    assert attempt(client).status_code == 422
    assert attempt(client, world.staff.email, "").status_code == 422
    assert sessions(session) == []


def test_a_deactivated_persons_open_session_is_worth_nothing(
    client: FlaskClient, olga: StaffUser, world: World, session: Session
) -> None:
    sign_in(client, olga)
    olga.deactivated_at = world.now
    session.commit()
    assert client.get("/preferences").location == "/sign-in?next=/preferences"


def test_signing_in_ends_the_session_that_the_browser_had(
    client: FlaskClient, olga: StaffUser, session: Session, moved_clock: MovableClock
) -> None:
    attempt(client)
    moved_clock.pass_(minutes=1)
    attempt(client)
    old, new = sessions(session)
    assert old.revoked_at == moved_clock.now
    assert new.revoked_at is None


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("/team?x=1", "/team?x=1"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/%0a/evil", "/"),
    ],
)
def test_it_goes_on_to_addresses_of_this_site_alone(
    client: FlaskClient, olga: StaffUser, asked: str, given: str
) -> None:
    assert attempt(client, to=f"?next={asked.replace('?', '%3F')}").location == given


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("/settings", "?next=/settings"),
        ("/appointments/new?day=2026-01-14", "?next=/appointments/new?day%3D2026-01-14"),
        ("/preferences/password", ""),  # no page
        ("/bulk/completion", ""),
    ],
)
def test_a_form_that_is_sent_after_the_session_ended_leads_back_to_its_page(
    client: FlaskClient, world: World, path: str, back: str, headers: dict[str, str]
) -> None:
    answer = client.post(path, data={"name": "x"}, headers=headers)
    assert answer.headers.get("HX-Redirect" if headers else "Location") == f"/sign-in{back}"


def test_a_fragment_that_is_asked_for_is_no_page_to_come_back_to(client: FlaskClient, world: World) -> None:
    answer = client.get("/contacts/options", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in")


def test_a_way_on_beyond_ascii_fits_into_a_header(app: Flask) -> None:
    for headers, name in (({"HX-Request": "true"}, "HX-Redirect"), ({}, "Location")):
        with app.test_request_context("/", headers=headers):
            assert (
                go("/day/2026-01-13?q=Zoë%20Å&x=1").headers[name] == "/day/2026-01-13?q=Zo%C3%AB%20%C3%85&x=1"
            )


def test_a_stale_form_token_says_so_and_the_second_try_works(app: Flask, olga: StaffUser) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    client = app.test_client()
    answer = client.post(
        "/sign-in", data={"email": olga.email, "password": PASSWORD, "csrf_token": "from yesterday"}
    )
    assert answer.status_code == 422
    assert "had been open for too long" in answer.text
    assert olga.email in answer.text
    fresh = Page(answer.text).form("/sign-in").fields["csrf_token"]
    again = client.post("/sign-in", data={"email": olga.email, "password": PASSWORD, "csrf_token": fresh})
    assert again.status_code == 303


def test_a_session_ends_after_twelve_idle_hours(
    client: FlaskClient, olga: StaffUser, moved_clock: MovableClock
) -> None:
    attempt(client)
    moved_clock.pass_(hours=11, minutes=59)
    assert client.get("/preferences").status_code == 200
    moved_clock.pass_(hours=11, minutes=59)
    assert client.get("/preferences").status_code == 200
    moved_clock.pass_(hours=12)
    assert client.get("/preferences").status_code == 303


def test_a_session_ends_after_seven_days_however_busy(
    client: FlaskClient, olga: StaffUser, moved_clock: MovableClock
) -> None:
    attempt(client)
    for _ in range(14):
        assert client.get("/preferences").status_code == 200
        moved_clock.pass_(hours=11.999)
    assert client.get("/preferences").status_code == 200
    moved_clock.pass_(hours=1)
    assert client.get("/preferences").status_code == 303


def test_a_sign_of_life_is_written_once_in_five_minutes(
    client: FlaskClient, olga: StaffUser, session: Session, moved_clock: MovableClock
) -> None:
    attempt(client)
    start = moved_clock.now
    moved_clock.pass_(minutes=4)
    client.get("/preferences")
    assert sessions(session)[0].last_seen_at == start
    later = moved_clock.pass_(minutes=1)
    client.get("/preferences")
    moved_clock.pass_(minutes=1)
    client.get("/preferences")
    assert sessions(session)[0].last_seen_at == later


def test_signing_out_ends_the_session_and_takes_the_cookie(
    client: FlaskClient, olga: StaffUser, session: Session, moved_clock: MovableClock
) -> None:
    attempt(client)
    token = client.get_cookie(COOKIE).value  # type: ignore[union-attr]
    assert client.post("/sign-out").location == "/sign-in"
    assert sessions(session)[0].revoked_at == moved_clock.now
    assert client.get_cookie(COOKIE) is None
    client.set_cookie(COOKIE, token)
    assert client.get("/preferences").status_code == 303


def test_whoever_is_signed_in_is_sent_on(client: FlaskClient, olga: StaffUser) -> None:
    attempt(client)
    assert client.get("/sign-in?next=/team").location == "/team"


def test_what_is_missing_is_named_beside_its_field(client: FlaskClient, world: World) -> None:
    answer = attempt(client, "", "")
    assert answer.status_code == 422
    assert 'href="#email"' in answer.text
    assert 'href="#password"' in answer.text
