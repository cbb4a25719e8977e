"""What the log says of sign-ins and of tries to get past them: who came in, never a name or an address."""

import logging
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World
from tests.support.signed_in import sign_in
from tests.ui.conftest import MovableClock
from webapp.lifecycle import invitations, passwords
from webapp.lifecycle.log_lines import OneLine

pytestmark = pytest.mark.one_engine("sqlite")  # nothing here asks the database for more than its tests do

PASSWORD = "three words here"


@pytest.fixture(autouse=True)
def kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "daybook.sign_in")


@pytest.fixture
def lena(world: World, session: Session, moved_clock: MovableClock) -> tuple[str, str]:
    """Her address, and what the log calls her."""
    world.staff.password_hash = passwords.make_hash(PASSWORD)
    session.commit()
    return world.staff.email, f"firm={world.firm.firm_id} staff={world.staff.staff_user_id}"


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "daybook.sign_in"]


def attempt(client: FlaskClient, email: str, password: str) -> None:
    client.post("/sign-in", data={"email": email, "password": password})


def test_each_sign_in_and_each_refusal_is_a_line(
    client: FlaskClient, lena: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(6):
        attempt(client, lena[0], "not the words")
    attempt(client, "somebody@else.example", "not the words")
    *wrong, late, other = said(caplog)
    assert len(set(wrong)) == 1
    assert re.fullmatch(r"sign-in refused: no such password account=[0-9a-f]{12}", wrong[0])
    assert late == wrong[0].replace("no such password", "too many tries")
    assert other.partition("account=")[2] != late.partition("account=")[2]
    assert "@" not in caplog.text


def test_whoever_comes_in_is_named_by_number(
    client: FlaskClient, lena: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    attempt(client, lena[0], PASSWORD)
    assert said(caplog) == [f"signed in {lena[1]}"]


def test_whoever_comes_in_by_a_link_is_named_too(
    client: FlaskClient,
    lena: tuple[str, str],
    world: World,
    session: Session,
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = invitations.make(session, world.staff, actor=world.acting(world.owner), now=world.now)
    session.commit()
    client.post(f"/invitation/{token}", data={"password": "four other words here"})
    assert said(caplog) == [f"signed in by a one-time link {lena[1]}"]


def test_a_wrong_present_password_is_a_line(
    client: FlaskClient, lena: tuple[str, str], world: World, caplog: pytest.LogCaptureFixture
) -> None:
    sign_in(client, world.staff).post(
        "/preferences/password", data={"present": "not the words", "password": "four other words here"}
    )
    assert said(caplog) == [f"present password refused {lena[1]}"]


def test_a_forged_form_is_a_line(
    app: Flask, client: FlaskClient, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    assert sign_in(client, world.staff).post("/preferences", data={"theme": "dark"}).status_code == 400
    assert "form refused: its token is stale or forged on POST /preferences" in caplog.text


def test_a_line_of_text_has_its_time_in_utc() -> None:
    record = logging.LogRecord("daybook", logging.INFO, __file__, 1, "hello", None, None)
    record.created, record.msecs = 1768298400.25, 250.0
    assert OneLine().format(record).startswith("2026-01-13T10:00:00.250Z INFO daybook hello")
