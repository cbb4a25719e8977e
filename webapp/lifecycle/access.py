"""Sessions of signed-in browsers: opened, kept alive, ended. Only the hash of a session's token is stored."""

import hashlib
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import StaffUser, UserSession, tenancy

IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=7)
TOUCH_EVERY = timedelta(minutes=5)
KEEP_ENDED = timedelta(days=30)
USER_AGENT_LENGTH = 200


def new_token() -> str:
    """256 random bits, fit for a cookie or a link."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What the database keeps of a secret token: its SHA-256, in hex. 256 random bits need no salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def open_session(
    session: Session, user: StaffUser, *, now: datetime, user_agent: str = "", replaces: str | None = None
) -> str:
    """Sign a browser in.

    Args:
        replaces: the token that the browser sent along, if any; its session ends.

    Returns:
        The token for the cookie. It cannot be had again.
    """
    if replaces:
        with tenancy.every_firm(session):  # it may be one at another firm
            revoke(session, token_hash(replaces), now)
    _forget_old(session, user, now)
    token = new_token()
    session.add(
        UserSession(
            token_hash=token_hash(token),
            firm_id=user.firm_id,
            staff_user_id=user.staff_user_id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + ABSOLUTE,
            user_agent=_printable(user_agent)[:USER_AGENT_LENGTH],
        )
    )
    session.flush()
    return token


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def _forget_old(session: Session, user: StaffUser, now: datetime) -> None:
    """Rows of sessions that ended a month ago serve nobody; the newest, which is being made, stays."""
    session.execute(
        sa.delete(UserSession).where(
            *_of(user.firm_id, user.staff_user_id), UserSession.expires_at < now - KEEP_ENDED
        )
    )


def is_stale(last_seen_at: datetime, now: datetime) -> bool:
    """Whether the last sign of life is old enough to be worth a write."""
    return now - last_seen_at >= TOUCH_EVERY


def touch(session: Session, session_hash: str, now: datetime) -> None:
    """Note a sign of life; of requests that arrive together, one writes."""
    session.execute(
        sa.update(UserSession)
        .where(UserSession.token_hash == session_hash, UserSession.last_seen_at <= now - TOUCH_EVERY)
        .values(last_seen_at=now)
    )


def revoke(session: Session, session_hash: str, now: datetime) -> None:
    """End one session; one that has ended stays as it is."""
    session.execute(
        sa.update(UserSession)
        .where(UserSession.token_hash == session_hash, UserSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def revoke_all(
    session: Session, *, firm_id: int, staff_user_id: int, now: datetime, but: str | None = None
) -> int:
    """End every session of a person, except the one whose hash is ``but``; returns how many ended."""
    ended = session.execute(
        sa.update(UserSession)
        .where(
            *_of(firm_id, staff_user_id),
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > now,
            UserSession.token_hash != (but or ""),
        )
        .values(revoked_at=now)
        .returning(UserSession.token_hash)
    )
    return len(ended.all())


def _of(firm_id: int, staff_user_id: int) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return UserSession.firm_id == firm_id, UserSession.staff_user_id == staff_user_id
