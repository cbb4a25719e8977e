"""Who is signed in, from the token of a session cookie. One statement."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.access import IDLE, token_hash
from webapp.lifecycle.actors import Actor
from webapp.localtime import Local
from webapp.models import Firm, StaffUser, UserSession, tenancy
from webapp.vocabulary import ActorKind, Density, Permission, Role, Theme


@dataclass(frozen=True, slots=True)
class Me:
    """The signed-in staff user as pages need them; plain values that outlive the database session."""

    firm_id: int
    staff_user_id: int
    name: str
    email: str
    role: Role
    bookable: bool
    theme: Theme
    density: Density
    shortcuts: bool
    firm_name: str
    firm_is_demo: bool
    correction_days: int
    local: Local
    session_hash: str
    last_seen_at: datetime

    @property
    def initials(self) -> str:
        words = self.name.split()
        return (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper()

    @property
    def actor(self) -> Actor:
        return Actor(self.firm_id, ActorKind.STAFF, self.name, self.staff_user_id, self.role)

    def can(self, permission: Permission | str) -> bool:
        return self.actor.can(Permission(permission))


def find(session: Session, *, token: str, now: datetime) -> Me | None:
    """The staff user of a valid session: not revoked, not idle too long, not too old, still active.

    The database session works for their firm from then on.
    """
    digest = token_hash(token)
    values = {"digest": digest, "now": now, "idle_since": now - IDLE}
    with tenancy.every_firm(session):
        row = session.execute(_statement(), values).one_or_none()
        if row is None:
            return None
        tenancy.enter(session, row.firm_id)
    return Me(
        firm_id=row.firm_id,
        staff_user_id=row.staff_user_id,
        name=row.name,
        email=row.email,
        role=row.role,
        bookable=row.bookable,
        theme=row.theme,
        density=row.density,
        shortcuts=row.shortcuts,
        firm_name=row.firm_name,
        firm_is_demo=row.is_demo,
        correction_days=row.correction_days,
        local=Local.named(row.timezone, twelve_hour=row.twelve_hour, month_first=row.month_first),
        session_hash=digest,
        last_seen_at=row.last_seen_at,
    )


@lru_cache(maxsize=1)
def _statement() -> Any:
    """Built once: every request asks this, and building it costs more than answering it does."""
    when = UserSession.expires_at.type
    return (
        sa.select(
            UserSession.last_seen_at,
            StaffUser.firm_id,
            StaffUser.staff_user_id,
            StaffUser.name,
            StaffUser.email,
            StaffUser.role,
            StaffUser.bookable,
            StaffUser.theme,
            StaffUser.density,
            StaffUser.shortcuts,
            Firm.name.label("firm_name"),
            Firm.is_demo,
            Firm.correction_days,
            Firm.timezone,
            Firm.twelve_hour,
            Firm.month_first,
        )
        .join(
            StaffUser,
            sa.and_(
                StaffUser.firm_id == UserSession.firm_id, StaffUser.staff_user_id == UserSession.staff_user_id
            ),
        )
        .join(Firm, Firm.firm_id == UserSession.firm_id)
        .where(
            UserSession.token_hash == sa.bindparam("digest"),
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > sa.bindparam("now", type_=when),
            UserSession.last_seen_at > sa.bindparam("idle_since", type_=when),
            StaffUser.deactivated_at.is_(None),
        )
    )
