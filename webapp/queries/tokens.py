"""Tokens of the API as the settings list them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.errors import Missing
from webapp.models import ApiToken, StaffUser
from webapp.vocabulary import Role, Scope


class State(StrEnum):
    """Whether a token opens anything, and if not, why."""

    ACTIVE = "active"
    EXPIRED = "expired"
    DEACTIVATED = "deactivated"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Token:
    """One token. ``hint`` is how its text begins; ``state`` is that of the moment of the question."""

    api_token_id: int
    name: str
    hint: str
    scopes: tuple[Scope, ...]
    staff_user_id: int
    staff_name: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    state: State


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody for whom a token may act."""

    staff_user_id: int
    name: str
    role: Role


def tokens(session: Session, *, firm_id: int, now: datetime) -> list[Token]:
    """Every token of the firm by name, those that open nothing last. One statement."""
    found = [_token(row, now) for row in session.execute(_select(firm_id))]
    return sorted(
        found,
        key=lambda token: (token.state is not State.ACTIVE, token.name.casefold(), token.api_token_id),
    )


def token(session: Session, *, firm_id: int, api_token_id: int, now: datetime) -> Token:
    """One token of the firm (Missing otherwise). One statement."""
    row = session.execute(_select(firm_id).where(ApiToken.api_token_id == api_token_id)).one_or_none()
    if row is None:
        raise Missing("There is no such token.")
    return _token(row, now)


def people(session: Session, *, firm_id: int, role: Role) -> list[Person]:
    """For whom somebody of this role can make a token: the team, up to their own role. One statement."""
    rows = session.execute(
        sa.select(StaffUser.staff_user_id, StaffUser.name, StaffUser.role).where(
            StaffUser.firm_id == firm_id, StaffUser.deactivated_at.is_(None)
        )
    )
    found = [Person(*row) for row in rows if row.role.rank <= role.rank]
    return sorted(found, key=lambda person: person.name.casefold())


def _select(firm_id: int) -> sa.Select[ApiToken, str, datetime | None]:
    return (
        sa.select(ApiToken, StaffUser.name, StaffUser.deactivated_at)
        .join(
            StaffUser,
            sa.and_(StaffUser.firm_id == ApiToken.firm_id, StaffUser.staff_user_id == ApiToken.staff_user_id),
        )
        .where(ApiToken.firm_id == firm_id)
    )


def _token(row: sa.Row[ApiToken, str, datetime | None], now: datetime) -> Token:
    found, staff_name, deactivated_at = row
    return Token(
        api_token_id=found.api_token_id,
        name=found.name,
        hint=found.hint,
        scopes=tuple(Scope(word) for word in found.scopes.split()),
        staff_user_id=found.staff_user_id,
        staff_name=staff_name,
        created_at=found.created_at,
        created_by=found.created_by,
        expires_at=found.expires_at,
        last_used_at=found.last_used_at,
        revoked_at=found.revoked_at,
        revoked_by=found.revoked_by,
        state=_state(found, deactivated_at, now),
    )


def _state(found: ApiToken, deactivated_at: datetime | None, now: datetime) -> State:
    if found.revoked_at is not None:
        return State.REVOKED
    if found.expires_at is not None and found.expires_at <= now:
        return State.EXPIRED
    return State.ACTIVE if deactivated_at is None else State.DEACTIVATED
