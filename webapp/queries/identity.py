"""Who is signed in, from the token of a session cookie. One statement."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.access import IDLE, token_hash
from webapp.lifecycle.actors import Actor
from webapp.localtime import Local
from webapp.models import Firm, StaffUser, UserSession
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
    """The staff user of a valid session: not revoked, not idle too long, not too old, still active."""
    digest = token_hash(token)
    row = session.execute(
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
            UserSession.token_hash == digest,
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > now,
            UserSession.last_seen_at > now - IDLE,
            StaffUser.deactivated_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        return None
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
        local=Local.named(row.timezone, twelve_hour=row.twelve_hour, month_first=row.month_first),
        session_hash=digest,
        last_seen_at=row.last_seen_at,
    )
