"""Wrong passwords: the same answer for the same work, and a wait."""

import hashlib

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.support.html import Page
from tests.ui.conftest import MovableClock, fresh
from tests.ui.sign_in.conftest import PASSWORD, WRONG, attempt, make_twin, one_engine, sessions
from webapp.lifecycle import passwords
from webapp.models import SignInFailure, StaffUser

pytestmark = one_engine


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
