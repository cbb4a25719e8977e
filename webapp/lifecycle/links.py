"""Personal links: a way in for one invitee or one client, without an account.

A token carries 256 bits: HMAC-SHA-256 of the link's random nonce under the installation's key. The database
keeps the nonce and the token's SHA-256, so a stolen table of links opens nothing, and a reminder can repeat
the link. Looking at a page behind a link never changes anything: mail scanners follow links.
"""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Appointment, PersonalLink, tenancy

CONTEXT = b"daybook personal link\x00"


def token_of(link: PersonalLink, *, secret: str) -> str:
    """The token that opens this link; 43 URL-safe characters."""
    return _token(link.nonce, secret)


def issue(
    session: Session,
    *,
    secret: str,
    firm_id: int,
    expires_at: datetime,
    now: datetime,
    poll_invitee_id: int | None = None,
    appointment_id: int | None = None,
    contact_id: int | None = None,
) -> str:
    """The token of the link that :func:`opened` gives."""
    link = opened(
        session,
        secret=secret,
        firm_id=firm_id,
        expires_at=expires_at,
        now=now,
        poll_invitee_id=poll_invitee_id,
        appointment_id=appointment_id,
        contact_id=contact_id,
    )
    return token_of(link, secret=secret)


def opened(
    session: Session,
    *,
    secret: str,
    firm_id: int,
    expires_at: datetime,
    now: datetime,
    poll_invitee_id: int | None = None,
    appointment_id: int | None = None,
    contact_id: int | None = None,
) -> PersonalLink:
    """The valid link of this invitee, or this appointment's contact, made if there is none.

    An existing link is kept, with its time extended if ``expires_at`` is later. After a revocation a new one
    is made: this is for people who ask for it; what is sent by itself asks :func:`standing`.
    """
    link = _last(session, firm_id, poll_invitee_id, appointment_id, contact_id)
    if link is not None and link.revoked_at is None and link.expires_at > now:
        link.expires_at = max(link.expires_at, expires_at)
        session.flush()
        return link
    nonce = secrets.token_hex(32)
    link = PersonalLink(
        firm_id=firm_id,
        nonce=nonce,
        token_hash=hashed(_token(nonce, secret)),
        poll_invitee_id=poll_invitee_id,
        appointment_id=appointment_id,
        contact_id=contact_id,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(link)
    session.flush()
    return link


def standing(
    session: Session,
    *,
    secret: str,
    firm_id: int,
    expires_at: datetime,
    now: datetime,
    poll_invitee_id: int | None = None,
    appointment_id: int | None = None,
    contact_id: int | None = None,
) -> PersonalLink | None:
    """Like :func:`opened`, but None where somebody has revoked the last link: mail does not bring it back.

    The last link is that of the whole chain: a booking that is moved does not get its client in again.
    """
    if appointment_id is None:
        link = _last(session, firm_id, poll_invitee_id, appointment_id, contact_id)
    else:
        link = _last_of_chain(session, firm_id, appointment_id, contact_id)
    if link is not None and link.revoked_at is not None:
        return None
    return opened(
        session,
        secret=secret,
        firm_id=firm_id,
        expires_at=expires_at,
        now=now,
        poll_invitee_id=poll_invitee_id,
        appointment_id=appointment_id,
        contact_id=contact_id,
    )


def _last_of_chain(
    session: Session, firm_id: int, appointment_id: int, contact_id: int | None
) -> PersonalLink | None:
    root = (
        sa.select(sa.func.coalesce(Appointment.chain_root_id, Appointment.appointment_id))
        .where(Appointment.firm_id == firm_id, Appointment.appointment_id == appointment_id)
        .scalar_subquery()
    )
    moved = sa.select(Appointment.appointment_id).where(
        Appointment.firm_id == firm_id, Appointment.chain_root_id == root
    )
    return session.scalars(
        sa.select(PersonalLink)
        .where(
            PersonalLink.firm_id == firm_id,
            PersonalLink.appointment_id.in_(sa.union_all(sa.select(root), moved)),
            PersonalLink.contact_id == contact_id if contact_id else PersonalLink.contact_id.is_(None),
        )
        .order_by(PersonalLink.personal_link_id.desc())
        .limit(1)
    ).one_or_none()


def _last(
    session: Session,
    firm_id: int,
    poll_invitee_id: int | None,
    appointment_id: int | None,
    contact_id: int | None,
) -> PersonalLink | None:
    return session.scalars(
        sa.select(PersonalLink)
        .where(
            PersonalLink.firm_id == firm_id,
            _about(poll_invitee_id, appointment_id),
            PersonalLink.contact_id == contact_id if contact_id else PersonalLink.contact_id.is_(None),
        )
        .order_by(PersonalLink.personal_link_id.desc())
        .limit(1)
    ).one_or_none()


def resolve(session: Session, *, token: str, now: datetime) -> PersonalLink | None:
    """The link that a token opens: known, not revoked, not expired; one look-up by hash whatever is wrong.

    The session works for its firm from then on.
    """
    with tenancy.every_firm(session):
        found = session.scalars(
            sa.select(PersonalLink).where(
                PersonalLink.token_hash == hashed(token),
                PersonalLink.revoked_at.is_(None),
                PersonalLink.expires_at > now,
            )
        ).one_or_none()
        if found is not None:
            tenancy.enter(session, found.firm_id)
        return found


def revoke(
    session: Session,
    *,
    firm_id: int,
    now: datetime,
    poll_invitee_id: int | None = None,
    appointment_id: int | None = None,
) -> int:
    """Close every open link of this invitee or appointment; returns how many."""
    closed = session.execute(
        sa.update(PersonalLink)
        .where(
            PersonalLink.firm_id == firm_id,
            _about(poll_invitee_id, appointment_id),
            PersonalLink.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .returning(PersonalLink.personal_link_id)
    )
    return len(closed.all())


def hashed(token: str) -> str:
    """What the database keeps of a token: its SHA-256, in hex."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _token(nonce: str, secret: str) -> str:
    digest = hmac.new(secret.encode(), CONTEXT + nonce.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _about(poll_invitee_id: int | None, appointment_id: int | None) -> sa.ColumnElement[bool]:
    if (poll_invitee_id is None) == (appointment_id is None):
        raise ValueError("a personal link is about one invitee or one appointment")
    if poll_invitee_id is not None:
        return PersonalLink.poll_invitee_id == poll_invitee_id
    return PersonalLink.appointment_id == appointment_id
