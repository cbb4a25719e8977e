"""What a staff user decides for themselves: how pages look, whether single keys act, and their password."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import invitations
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Missing
from webapp.models import StaffUser
from webapp.vocabulary import Density, Theme


def change_look(
    session: Session, *, actor: Actor, theme: Theme, density: Density, shortcuts: bool
) -> StaffUser:
    """Store the preferences. They concern nobody else, so the audit log does not hear of them."""
    user = _own(session, actor)
    user.theme, user.density, user.shortcuts = theme, density, shortcuts
    return user


def change_password(
    session: Session, *, actor: Actor, password_hash: str, keep_session: str, now: datetime
) -> StaffUser:
    """Store a new password, the old one having been checked; other sessions and open links end."""
    user = _own(session, actor)
    invitations.set_password(session, user, password_hash=password_hash, now=now, keep_session=keep_session)
    return user


def _own(session: Session, actor: Actor) -> StaffUser:
    user = session.scalar(
        sa.select(StaffUser)
        .where(StaffUser.firm_id == actor.firm_id, StaffUser.staff_user_id == actor.staff_user_id)
        .execution_options(populate_existing=True)
    )
    if user is None:
        raise Missing("Your account is gone.")
    return user
