"""The people of a firm, as the team page lists them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Appointment, Invitation, StaffUser, UserSession
from webapp.vocabulary import LIVE, Role


class State(StrEnum):
    """Whether somebody can sign in, and if not, why."""

    ACTIVE = "active"
    INVITED = "invited"
    NO_LINK = "no_link"
    DEACTIVATED = "deactivated"


@dataclass(frozen=True, slots=True)
class Person:
    """One line of the team. ``link_until`` is set while a one-time link is open."""

    staff_user_id: int
    name: str
    email: str
    role: Role
    bookable: bool
    has_password: bool
    deactivated_at: datetime | None
    last_sign_in: datetime | None
    link_until: datetime | None

    @property
    def state(self) -> State:
        if self.deactivated_at is not None:
            return State.DEACTIVATED
        if self.has_password:
            return State.ACTIVE
        return State.INVITED if self.link_until else State.NO_LINK


def people(session: Session, *, firm_id: int, now: datetime) -> list[Person]:
    """Everybody, by name; those who are deactivated last. One statement."""
    found = [Person(*row) for row in session.execute(_people(firm_id, now))]
    return sorted(found, key=lambda person: (person.deactivated_at is not None, person.name.casefold()))


def person(session: Session, *, firm_id: int, staff_user_id: int, now: datetime) -> Person | None:
    """One of them; None if the firm has no such person."""
    row = session.execute(_people(firm_id, now).where(StaffUser.staff_user_id == staff_user_id)).one_or_none()
    return None if row is None else Person(*row)


def _people(firm_id: int, now: datetime) -> sa.Select[Any]:
    def latest(model: type[UserSession] | type[Invitation], column: Any, *where: Any) -> Any:
        return (
            sa.select(sa.func.max(column))
            .where(model.firm_id == StaffUser.firm_id, model.staff_user_id == StaffUser.staff_user_id, *where)
            .correlate(StaffUser)
            .scalar_subquery()
        )

    return sa.select(
        StaffUser.staff_user_id,
        StaffUser.name,
        StaffUser.email,
        StaffUser.role,
        StaffUser.bookable,
        StaffUser.password_hash.is_not(None),
        StaffUser.deactivated_at,
        latest(UserSession, UserSession.created_at),
        latest(Invitation, Invitation.expires_at, Invitation.used_at.is_(None), Invitation.expires_at > now),
    ).where(StaffUser.firm_id == firm_id)


def to_come(session: Session, *, firm_id: int, staff_user_id: int, now: datetime) -> int:
    """How many live appointments with this person have not started yet."""
    found = session.scalar(
        sa.select(sa.func.count()).where(
            Appointment.firm_id == firm_id,
            Appointment.staff_user_id == staff_user_id,
            Appointment.status.in_(LIVE),
            Appointment.start_time >= now,
        )
    )
    return found or 0


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser that is signed in. ``handle`` names it in forms; it is no secret."""

    handle: str
    created_at: datetime
    last_seen_at: datetime
    user_agent: str
    session_hash: str


def sessions(
    session: Session, *, firm_id: int, staff_user_id: int, now: datetime, idle_since: datetime
) -> list[SignedIn]:
    """The browsers in which somebody is signed in, the last used first."""
    rows = session.execute(
        sa.select(
            UserSession.token_hash, UserSession.created_at, UserSession.last_seen_at, UserSession.user_agent
        )
        .where(
            UserSession.firm_id == firm_id,
            UserSession.staff_user_id == staff_user_id,
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > now,
            UserSession.last_seen_at > idle_since,
        )
        .order_by(UserSession.last_seen_at.desc(), UserSession.created_at.desc())
    )
    return [
        SignedIn(row.token_hash[:16], row.created_at, row.last_seen_at, row.user_agent, row.token_hash)
        for row in rows
    ]
