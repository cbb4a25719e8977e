"""Being signed in without the sign-in page, for tests of everything behind it."""

from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page
from sqlalchemy import inspect

from tests.support.web import LiveServer
from webapp import clock
from webapp.extensions import db
from webapp.lifecycle import access, transaction
from webapp.models import StaffUser

COOKIE = "daybook"


def token_for(app: Flask, user: StaffUser) -> str:
    """Open a session for a committed staff user, now, and give the cookie's value."""
    key = inspect(user).identity
    with app.app_context():
        session = db.session()

        def work() -> str:
            return access.open_session(session, session.get_one(StaffUser, key), now=clock.now())

        return transaction.run(session, work)


def sign_in(client: FlaskClient, user: StaffUser) -> FlaskClient:
    """Sign the client in as this staff user; gives the client back."""
    client.set_cookie(COOKIE, token_for(client.application, user))
    return client


def sign_in_page(page: Page, live_server: LiveServer, user: StaffUser) -> Page:
    """Sign the browser in as this staff user; gives the page back."""
    page.context.add_cookies(
        [
            {
                "name": COOKIE,
                "value": token_for(live_server.app, user),
                "url": live_server.url,
                "httpOnly": True,
                "sameSite": "Lax",
            }
        ]
    )
    return page
