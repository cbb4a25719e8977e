"""One-time links by which somebody sets a password. Looking at one does nothing; setting one uses it up."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import access, audit
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Missing
from webapp.models import Firm, Invitation, StaffUser, tenancy

VALID = timedelta(hours=72)
LONGEST_TOKEN = 100


@dataclass(frozen=True, slots=True)
class Invitee:
    """Whose password an open link sets. ``has_password``: they had one before."""

    firm_id: int
    staff_user_id: int
    name: str
    email: str
    firm_name: str
    has_password: bool
    expires_at: datetime


def make(session: Session, person: StaffUser, *, actor: Actor, now: datetime) -> str:
    """A new link's token for a person; links made for them before stop working. It cannot be had again."""
    revoke(session, person, now)
    token = access.new_token()
    session.add(
        Invitation(
            token_hash=access.token_hash(token),
            firm_id=person.firm_id,
            staff_user_id=person.staff_user_id,
            created_by_id=actor.staff_user_id,
            created_at=now,
            expires_at=now + VALID,
        )
    )
    session.flush()
    return token


def revoke(session: Session, person: StaffUser, now: datetime) -> int:
    """Make a person's open links worthless; returns how many there were."""
    gone = session.execute(
        sa.update(Invitation)
        .where(
            Invitation.firm_id == person.firm_id,
            Invitation.staff_user_id == person.staff_user_id,
            Invitation.used_at.is_(None),
            Invitation.expires_at > now,
        )
        .values(expires_at=now)
        .returning(Invitation.token_hash)
    )
    return len(gone.all())


def find(session: Session, token: str, now: datetime) -> Invitee | None:
    """Whom a link is for; None alike for one that is unknown, used, expired or revoked. One statement.

    The session works for their firm from then on.
    """
    with tenancy.every_firm(session):
        row = session.execute(
            sa.select(
                StaffUser.firm_id,
                StaffUser.staff_user_id,
                StaffUser.name,
                StaffUser.email,
                Firm.name,
                StaffUser.password_hash.is_not(None),
                Invitation.expires_at,
            )
            .join(
                StaffUser,
                sa.and_(
                    StaffUser.firm_id == Invitation.firm_id,
                    StaffUser.staff_user_id == Invitation.staff_user_id,
                ),
            )
            .join(Firm, Firm.firm_id == Invitation.firm_id)
            .where(*_is_open(token, now), StaffUser.deactivated_at.is_(None))
        ).one_or_none()
        if row is None:
            return None
        tenancy.enter(session, row.firm_id)
    return Invitee(*row)


def _is_open(token: str, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Invitation.token_hash == access.token_hash(token[:LONGEST_TOKEN]),
        Invitation.used_at.is_(None),
        Invitation.expires_at > now,
    )


def accept(
    session: Session,
    token: str,
    *,
    password_hash: str,
    now: datetime,
    user_agent: str = "",
    replaces: str | None = None,
) -> str:
    """Set the password, end what was signed in with the old one, sign in; returns the cookie's token.

    The link is claimed first, in one statement: of two that arrive together, one sets the password.

    Raises:
        Missing: the link is unknown, used, expired or revoked, or the person was deactivated.
    """
    claimed = session.execute(
        sa.update(Invitation)
        .where(*_is_open(token, now))
        .values(used_at=now)
        .returning(Invitation.firm_id, Invitation.staff_user_id)
    ).one_or_none()
    person = session.get(StaffUser, claimed.staff_user_id, populate_existing=True) if claimed else None
    if person is None or not person.active:
        raise Missing("This link does not work any more.")
    set_password(session, person, password_hash=password_hash, now=now)
    return access.open_session(session, person, now=now, user_agent=user_agent, replaces=replaces)


def set_password(
    session: Session, person: StaffUser, *, password_hash: str, now: datetime, keep_session: str | None = None
) -> None:
    """Store a new password; sessions but the one with the hash ``keep_session`` end, and so do open links."""
    person.password_hash = password_hash
    access.revoke_all(
        session, firm_id=person.firm_id, staff_user_id=person.staff_user_id, now=now, but=keep_session
    )
    revoke(session, person, now)
    audit.note(
        session,
        actor=Actor.of_staff(person),
        subject="staff_user",
        subject_id=person.staff_user_id,
        action="set_password",
        changed={},
        now=now,
    )
