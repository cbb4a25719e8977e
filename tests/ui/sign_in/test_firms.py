"""One password in several firms: POST /sign-in/firm."""

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.ui.conftest import MovableClock
from tests.ui.sign_in.conftest import attempt, make_twin, one_engine, sessions
from webapp.lifecycle import passwords
from webapp.models import StaffUser

pytestmark = one_engine


def test_a_password_in_several_firms_asks_which_one(
    client: FlaskClient, olga: StaffUser, session: Session
) -> None:
    twin = make_twin(session, olga)
    answer = attempt(client, to="?next=/preferences")
    assert answer.location == "/sign-in/firm?next=/preferences"
    assert sessions(session) == []
    page = client.get(answer.location)
    assert "Hartmann" in page.text
    assert "Marlow" in page.text
    assert client.post(answer.location, data={}).status_code == 422
    assert client.post(answer.location, data={"account": "0"}).location == "/preferences"
    (kept,) = sessions(session)
    assert (kept.firm_id, kept.staff_user_id) == (twin.firm_id, twin.staff_user_id)


def test_only_firms_that_the_password_opens_are_named(
    client: FlaskClient, olga: StaffUser, session: Session
) -> None:
    make_twin(session, olga).password_hash = passwords.make_hash("four other words here")
    session.commit()
    assert attempt(client).location == "/"
    (kept,) = sessions(session)
    assert kept.firm_id == olga.firm_id


def test_the_choice_of_a_firm_is_open_for_five_minutes(
    client: FlaskClient, olga: StaffUser, session: Session, moved_clock: MovableClock
) -> None:
    make_twin(session, olga)
    attempt(client)
    moved_clock.pass_(minutes=6)
    assert client.post("/sign-in/firm", data={"account": "0"}).location == "/sign-in"
    assert sessions(session) == []


def test_a_choice_is_void_once_the_password_was_changed(
    client: FlaskClient, olga: StaffUser, session: Session, moved_clock: MovableClock
) -> None:
    make_twin(session, olga)
    attempt(client)
    olga.password_hash = passwords.make_hash("four other words here")
    session.commit()
    answer = client.post("/sign-in/firm", data={"account": "1"})  # Marlow, after Hartmann
    assert answer.location == "/sign-in"
    assert "The password was changed meanwhile. Sign in again." in client.get("/sign-in").text
    assert sessions(session) == []
    assert client.post("/sign-in/firm", data={"account": "0"}).location == "/sign-in"


def test_a_choice_without_a_password_leads_back(client: FlaskClient, olga: StaffUser) -> None:
    assert client.post("/sign-in/firm", data={"account": "0"}).location == "/sign-in"
