"""POST /sign-in, /sign-in/firm and /sign-out."""

import hashlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import World, make_world
from tests.support.html import Page
from tests.support.signed_in import COOKIE, sign_in
from tests.ui.conftest import MovableClock, fresh
from webapp.lifecycle import passwords
from webapp.models import Firm, SignInFailure, StaffUser, UserSession
from webapp.ui.htmx import go

pytestmark = pytest.mark.one_engine("sqlite")  # the statements behind it are tested on both, below the pages

PASSWORD = "three words here"
WRONG = "This e-mail address and password do not match."


@pytest.fixture
def olga(world: World, session: Session, moved_clock: MovableClock) -> StaffUser:
    """The owner, with a password."""
    world.owner.password_hash = passwords.make_hash(PASSWORD)
    session.commit()
    return world.owner


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The hashes that passwords were checked against; the checks themselves happen."""
    seen: list[str] = []
    real = passwords.verify

    def watched(stored: str, password: str) -> bool:
        seen.append(stored)
        return real(stored, password)

    monkeypatch.setattr(passwords, "verify", watched)
    return seen


def attempt(
    client: FlaskClient, email: str = "olga@marlow.example", password: str = PASSWORD, to: str = ""
) -> TestResponse:
    return client.post(f"/sign-in{to}", data={"email": email, "password": password})


def sessions(session: Session) -> list[UserSession]:
    session.rollback()
    return list(session.scalars(sa.select(UserSession).order_by(UserSession.created_at)))


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


@pytest.mark.parametrize(
    "email", ["olga@marlow.example", "nobody@marlow.example", "lena@marlow.example", "\ud800"]
)
def test_wrong_known_and_unknown_get_the_same_answer_after_the_same_work(
    client: FlaskClient, olga: StaffUser, verifications: list[str], email: str
) -> None:
    answer = attempt(
        client, email.encode("utf-8", "surrogatepass").decode("utf-8", "replace"), "not the words"
    )
    assert answer.status_code == 422
    assert WRONG in answer.text
    assert Page(answer.text).title.startswith("Error: ")
    assert len(verifications) == 2


def test_an_address_in_two_firms_takes_the_same_work_as_an_unknown_one(
    client: FlaskClient, olga: StaffUser, session: Session, verifications: list[str]
) -> None:
    make_twin(session, olga)
    attempt(client, password="not the words")
    assert len(verifications) == 2


def test_the_dummy_hash_costs_what_a_real_one_costs() -> None:
    def cost(stored: str) -> str:
        return stored.rsplit("$", 2)[0]

    assert cost(passwords.DUMMY_HASH) == cost(passwords.make_hash("anything at all"))


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


def test_the_sixth_try_has_to_wait_whoever_it_is_for(
    client: FlaskClient, olga: StaffUser, verifications: list[str]
) -> None:
    for email in ("olga@marlow.example", "nobody@marlow.example"):
        for _ in range(5):
            assert attempt(client, email, "not the words").status_code == 422
        verifications.clear()
        answer = attempt(client, email)
        assert answer.status_code == 429
        assert "Wait 15 minutes" in answer.text
        assert answer.headers["Retry-After"] == "900"
        assert verifications == []


def test_after_the_wait_the_right_password_works_and_wipes_the_slate(
    client: FlaskClient, olga: StaffUser, session: Session, moved_clock: MovableClock
) -> None:
    for _ in range(5):
        attempt(client, password="not the words")
        moved_clock.pass_(minutes=1)
    answer = attempt(client)
    assert "Wait 10 minutes" in answer.text
    moved_clock.pass_(minutes=10)
    assert attempt(client).status_code == 303
    left = session.scalars(sa.select(SignInFailure.failed_at)).all()
    assert len(left) == 4  # of the network address alone, those of the last 15 minutes


def test_an_address_on_the_network_has_thirty_tries(client: FlaskClient, olga: StaffUser) -> None:
    for number in range(30):
        assert attempt(client, f"guess{number}@marlow.example", "not the words").status_code == 422
    assert attempt(client).status_code == 429


def test_right_passwords_do_not_use_up_the_address(client: FlaskClient, olga: StaffUser) -> None:
    for _ in range(31):
        assert attempt(client).status_code == 303


def test_the_table_of_failures_names_nobody_and_forgets(
    client: FlaskClient, olga: StaffUser, session: Session, moved_clock: MovableClock
) -> None:
    attempt(client, password="not the words")
    subjects = session.scalars(sa.select(SignInFailure.subject)).all()
    plain = {hashlib.sha256(text.encode()).hexdigest() for text in ("olga@marlow.example", "127.0.0.1")}
    assert len(subjects) == 2
    assert not plain & set(subjects)
    moved_clock.pass_(minutes=16)
    attempt(client, "other@marlow.example", "not the words")
    session.rollback()
    assert session.scalars(sa.select(SignInFailure.failed_at)).all() == [moved_clock.now] * 2


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


def test_a_password_that_is_changed_while_it_is_checked_is_wrong(
    client: FlaskClient, olga: StaffUser, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = passwords.verify

    def overtaken(stored: str, password: str) -> bool:
        session.rollback()
        olga.password_hash = "$changed"
        session.commit()
        return real(stored, password)

    monkeypatch.setattr(passwords, "verify", overtaken)
    answer = attempt(client)
    assert answer.status_code == 422
    assert WRONG in answer.text
    assert sessions(session) == []


def test_a_choice_without_a_password_leads_back(client: FlaskClient, olga: StaffUser) -> None:
    assert client.post("/sign-in/firm", data={"account": "0"}).location == "/sign-in"


def test_a_hash_that_took_less_work_is_made_again(
    client: FlaskClient, olga: StaffUser, session: Session
) -> None:
    weak = passwords.argon2.PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)
    olga.password_hash = weak.hash(PASSWORD)
    session.commit()
    assert attempt(client).status_code == 303
    fresh(session, olga)
    assert olga.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.verify(olga.password_hash, PASSWORD)


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


def make_twin(session: Session, olga: StaffUser) -> StaffUser:
    """The same address and password in a second firm."""
    other = make_world(session, "hartmann", "Europe/Berlin")
    assert session.get(Firm, other.firm.firm_id) is not None
    other.owner.email, other.owner.password_hash = olga.email, olga.password_hash
    session.commit()
    return other.owner
