"""Finding out whose password this is, with the same work whether or not anybody has this e-mail address."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import access, passwords
from webapp.lifecycle.addresses import looked_up
from webapp.lifecycle.errors import Missing
from webapp.models import Firm, StaffUser, tenancy

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

    def proof(self, secret: str) -> str:
        """What shows :func:`sign_in` that this password was right, as long as it is not changed.

        Worth nothing without the secret, and can be given away: it does not tell what is stored.
        """
        return _proof(secret, self.firm_id, self.staff_user_id, self.stored)


def _proof(secret: str, firm_id: int, staff_user_id: int, stored: str) -> str:
    text = f"password of {firm_id}/{staff_user_id}: {stored}".encode()
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def matches(session: Session, *, email: str, password: str) -> list[Match]:
    """Every active account with this address and password, by the firm's name. Reads; slow on purpose."""
    with tenancy.every_firm(session):
        found = _accounts(session, looked_up(email))
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
    proof: str,
    secret: str,
    now: datetime,
    user_agent: str = "",
    replaces: str | None = None,
    rehashed: str | None = None,
) -> str:
    """Open a session for an account whose password has been checked; returns the cookie's token.

    The person's row is held until the commit: a change of the password comes before, and is noticed here, or
    after, and ends this session with the others.

    Args:
        proof: what :meth:`Match.proof` gave when the password was checked, with the same ``secret``.

    Raises:
        Missing: the account was deactivated, or has another password, since then.
    """
    tenancy.enter(session, firm_id)
    user = session.scalar(
        sa.select(StaffUser)
        .where(
            StaffUser.firm_id == firm_id,
            StaffUser.staff_user_id == staff_user_id,
            StaffUser.deactivated_at.is_(None),
            StaffUser.password_hash.is_not(None),
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    stored = (user.password_hash if user else None) or ""
    if user is None or not hmac.compare_digest(_proof(secret, firm_id, staff_user_id, stored), proof):
        raise Missing(WRONG)
    if rehashed:
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
