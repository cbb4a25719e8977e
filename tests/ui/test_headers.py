"""What every answer carries, whatever it is."""

import dataclasses

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World
from tests.support.engines import dispose, make_app
from tests.support.signed_in import sign_in
from webapp.config import Settings
from webapp.lifecycle import passwords

pytestmark = pytest.mark.one_engine("sqlite")  # nothing here asks the database

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


@pytest.mark.parametrize(
    "path", ["/sign-in", "/team", "/no/such/page", "/invitation/unknown", "/static/app.js", "/preferences"]
)
def test_every_answer_has_the_policy_and_its_companions(client: FlaskClient, world: World, path: str) -> None:
    with client.get(path) as answer:
        headers = answer.headers
    assert set(headers["Content-Security-Policy"].split("; ")) == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] in {"same-origin", "no-referrer"}
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers


def test_pages_are_kept_by_nobody(app: Flask, client: FlaskClient, world: World) -> None:
    sign_in(client, world.owner)
    for path in ("/preferences", "/team", "/sign-in", "/nowhere"):
        answer = client.get(path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert {"cookie", "hx-request"} <= {name.lower() for name in answer.vary}


def test_with_tls_cookies_are_bound_to_the_host_and_never_sent_in_the_clear(
    settings: Settings, world: World, session: Session
) -> None:
    world.owner.password_hash = passwords.make_hash("three words here")
    session.commit()
    app = make_app(dataclasses.replace(settings, tls=True))
    app.config.update(WTF_CSRF_ENABLED=False)
    client = app.test_client()
    first = client.get("/sign-in", base_url="https://localhost")
    assert first.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    answer = client.post(
        "/sign-in",
        data={"email": world.owner.email, "password": "three words here"},
        base_url="https://localhost",
    )
    (cookie,) = [text for text in answer.headers.getlist("Set-Cookie") if text.startswith("__Host-daybook=")]
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert "HttpOnly" in cookie
    assert client.get("/preferences", base_url="https://localhost").status_code == 200
    with app.app_context():
        dispose(app)


@pytest.mark.parametrize(("env", "status"), [("development", 200), ("production", 404)])
def test_the_sheet_of_samples_stays_out_of_production(
    settings: Settings, world: World, env: str, status: int
) -> None:
    app = make_app(dataclasses.replace(settings, env=env))
    browser = sign_in(app.test_client(), world.viewer)
    assert browser.get("/components").status_code == status
    assert browser.get("/shortcuts").status_code == 200
    with app.app_context():
        dispose(app)
