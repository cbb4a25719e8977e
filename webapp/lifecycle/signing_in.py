"""Finding out whose password this is, with the same work whether or not anybody has this e-mail address."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import access, passwords
from webapp.lifecycle.errors import Missing
from webapp.models import Firm, StaffUser

LEAST_WORK = 2  # hashes checked for every try: that somebody has none, one or two accounts takes equally long
WRONG = "This e-mail address and password do not match. Check both and try again."


class Account(NamedTuple):
    """Somebody who might be signing in."""

    firm_id: int
    staff_user_id: int
    firm_name: str
    stored: str


@dataclass(frozen=True, slots=True)
class Match:
    """An account whose password was right. ``rehashed`` is to replace ``stored`` if that took less work."""

    firm_id: int
    staff_user_id: int
    firm_name: str
    stored: str
    rehashed: str | None


def normal_email(text: str) -> str:
    """An e-mail address as accounts keep it."""
    return "".join(
        character for character in text if character.isprintable() and not character.isspace()
    ).lower()


def matches(session: Session, *, email: str, password: str) -> list[Match]:
    """Every active account with this address and password, by the firm's name. Reads; slow on purpose."""
    found = _accounts(session, normal_email(email))
    stored = [account.stored for account in found]
    padding = [passwords.DUMMY_HASH] * max(0, LEAST_WORK - len(stored))
    right = [passwords.verify(hashed, password) for hashed in stored + padding]
    return [_match(account, password) for account, correct in zip(found, right, strict=False) if correct]


def _accounts(session: Session, email: str) -> list[Account]:
    return [
        Account(*row)
        for row in session.execute(
            sa.select(
                StaffUser.firm_id,
                StaffUser.staff_user_id,
                Firm.name.label("firm_name"),
                sa.func.coalesce(StaffUser.password_hash, ""),
            )
            .join(Firm, Firm.firm_id == StaffUser.firm_id)
            .where(
                StaffUser.email == email,
                StaffUser.deactivated_at.is_(None),
                StaffUser.password_hash.is_not(None),
            )
            .order_by(Firm.name, Firm.firm_id)
        )
    ]


def _match(account: Account, password: str) -> Match:
    rehashed = passwords.make_hash(password) if passwords.is_outdated(account.stored) else None
    return Match(account.firm_id, account.staff_user_id, account.firm_name, account.stored, rehashed)


def sign_in(
    session: Session,
    *,
    firm_id: int,
    staff_user_id: int,
    now: datetime,
    user_agent: str = "",
    replaces: str | None = None,
    stored: str | None = None,
    rehashed: str | None = None,
) -> str:
    """Open a session for an account whose password has been checked; returns the cookie's token.

    Raises:
        Missing: it was deactivated, or lost its password, in the meantime.
    """
    user = session.scalar(
        sa.select(StaffUser).where(
            StaffUser.firm_id == firm_id,
            StaffUser.staff_user_id == staff_user_id,
            StaffUser.deactivated_at.is_(None),
            StaffUser.password_hash.is_not(None),
        )
    )
    if user is None:
        raise Missing(WRONG)
    if rehashed and user.password_hash == stored:
        user.password_hash = rehashed
    return access.open_session(session, user, now=now, user_agent=user_agent, replaces=replaces)


def has_password(session: Session, *, firm_id: int, staff_user_id: int, password: str) -> bool:
    """Whether this is the person's present password. Reads only; slow on purpose."""
    stored = session.scalar(
        sa.select(StaffUser.password_hash).where(
            StaffUser.firm_id == firm_id, StaffUser.staff_user_id == staff_user_id
        )
    )
    return passwords.verify(stored or passwords.DUMMY_HASH, password) and stored is not None
