"""``daybook firm create`` and ``daybook user create``."""

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.cli.conftest import Daybook
from webapp.lifecycle import passwords
from webapp.models import Firm, StaffUser
from webapp.vocabulary import Role

FIRM = ("firm", "create", "--name", "Café Ørsted", "--slug", "cafe-orsted", "--timezone", "Europe/Paris")
USER = ("user", "create", "--firm", "cafe-orsted", "--name", "Bo Lund", "--role", "owner", "--password-stdin")
PASSWORD = "grape window salt"


def test_it_makes_a_firm_and_prints_its_number(daybook: Daybook, session: Session) -> None:
    result = daybook(*FIRM)
    firm = session.scalars(sa.select(Firm)).one()
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"Firm {firm.firm_id}: Café Ørsted (cafe-orsted), times in Europe/Paris.\n"
    assert not firm.is_demo


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--name", "  ", "Enter the name of the firm."),
        ("--slug", "Cafe Orsted", "A slug has small letters"),
        ("--slug", "-cafe", "A slug has small letters"),
        ("--slug", "a" * 61, "A slug has small letters"),
        ("--timezone", "Paris", "There is no time zone 'Paris'."),
        ("--timezone", "../../etc/passwd", "There is no time zone"),
    ],
)
def test_it_refuses_a_firm_that_cannot_be(
    daybook: Daybook, session: Session, option: str, value: str, told: str
) -> None:
    arguments = list(FIRM)
    arguments[arguments.index(option) + 1] = value
    result = daybook(*arguments)
    assert result.exit_code == 1
    assert told in result.stderr
    assert session.scalar(sa.select(sa.func.count(Firm.firm_id))) == 0


def test_it_refuses_a_slug_that_is_taken(daybook: Daybook, session: Session) -> None:
    daybook(*FIRM)
    result = daybook(*FIRM)
    assert result.exit_code == 1
    assert "There is a firm 'cafe-orsted' already." in result.stderr
    assert session.scalar(sa.select(sa.func.count(Firm.firm_id))) == 1


def test_it_makes_a_user_who_can_sign_in(daybook: Daybook, session: Session) -> None:
    daybook(*FIRM)
    result = daybook(*USER, "--email", "Bo.Lund@Example.com", stdin=f"{PASSWORD}\n")
    user = session.scalars(sa.select(StaffUser)).one()
    assert result.exit_code == 0, result.stderr
    assert f"User {user.staff_user_id}: Bo Lund <bo.lund@example.com>, Owner" in result.stdout
    assert user.role is Role.OWNER
    assert user.password_hash is not None
    assert passwords.verify(user.password_hash, PASSWORD)
    assert PASSWORD not in result.output


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("short", "Use at least 12 characters"),
        ("", "Use at least 12 characters"),
        ("bo.lund@example.com", "Use a password that is not your name"),
        ("1qaz2wsx3edc", "Use another password: this one is among the first that are tried."),
    ],
)
def test_it_refuses_a_weak_password(daybook: Daybook, session: Session, password: str, told: str) -> None:
    daybook(*FIRM)
    result = daybook(*USER, "--email", "bo.lund@example.com", stdin=f"{password}\n")
    assert result.exit_code == 1
    assert told in result.stderr
    assert session.scalar(sa.select(sa.func.count(StaffUser.staff_user_id))) == 0


def test_it_refuses_an_address_that_is_none_or_is_taken(daybook: Daybook, session: Session) -> None:
    daybook(*FIRM)
    assert "Enter an e-mail address, such as" in daybook(*USER, "--email", "bo", stdin=PASSWORD).stderr
    daybook(*USER, "--email", "bo@example.com", stdin=PASSWORD)
    again = daybook(*USER, "--email", "BO@example.com", stdin=PASSWORD)
    assert "bo@example.com signs in to this firm already." in again.stderr
    assert session.scalar(sa.select(sa.func.count(StaffUser.staff_user_id))) == 1


def test_it_names_the_firms_when_the_slug_is_unknown(daybook: Daybook) -> None:
    arguments = (*USER, "--email", "bo@example.com")
    assert "There is none yet: run `daybook firm create`." in daybook(*arguments, stdin=PASSWORD).stderr
    daybook(*FIRM)
    unknown = [argument.replace("cafe-orsted", "cafe") for argument in arguments]
    assert "There are: cafe-orsted." in daybook(*unknown, stdin=PASSWORD).stderr


def test_it_does_not_wait_for_a_password_where_nobody_can_type(daybook: Daybook) -> None:
    daybook(*FIRM)
    arguments = [argument for argument in USER if argument != "--password-stdin"]
    result = daybook(*arguments, "--email", "bo@example.com")
    assert result.exit_code == 2
    assert "--password-stdin" in result.stderr
