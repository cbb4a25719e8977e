"""Calendar feeds: what a program subscribes to by a secret address. Anybody of the team may have some.

The token carries 256 bits: HMAC-SHA-256 of the feed's random nonce under the installation's key. The database
keeps the nonce and the token's SHA-256, so a stolen table opens nothing, and the address can be shown again.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import audit
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Invalid, Missing
from webapp.lifecycle.text import one_line
from webapp.models import AppointmentType, CalendarFeed, StaffUser, tenancy
from webapp.vocabulary import Status

CONTEXT = b"daybook calendar feed\x00"
NAME_LENGTH = 60
MOST = 20
SUBJECT = "calendar_feed"
NOTED_EVERY = timedelta(hours=1)


def make(
    session: Session,
    *,
    actor: Actor,
    secret: str,
    name: str,
    staff_user_id: int | None,
    appointment_type_id: int | None,
    statuses: Collection[Status],
    with_names: bool,
    now: datetime,
) -> CalendarFeed:
    """A new feed of the actor's own. ``staff_user_id`` None stands for the whole team; no status for all.

    Raises:
        Invalid: no name, a person or type that the firm does not have, or too many feeds.
    """
    name = one_line(name, NAME_LENGTH, "name")
    if not name:
        raise Invalid("Give the feed a name, so that you can tell it from others.", field="name")
    _require_known(session, actor.firm_id, staff_user_id, appointment_type_id)
    if len(_of(session, actor)) >= MOST:
        raise Invalid(f"You have {MOST} feeds. End one that is not needed any more.", field="name")
    nonce = secrets.token_hex(32)
    feed = CalendarFeed(
        firm_id=actor.firm_id,
        owner_id=actor.staff_user_id,
        name=name,
        nonce=nonce,
        token_hash=hashed(_token(nonce, secret)),
        staff_user_id=staff_user_id,
        appointment_type_id=appointment_type_id,
        statuses=" ".join(status.value for status in Status if status in statuses),
        with_names=with_names,
        created_at=now,
    )
    session.add(feed)
    session.flush()
    _note(session, actor, feed, "make", [None, name], now)
    return feed


def revoke(session: Session, calendar_feed_id: int, *, actor: Actor, now: datetime) -> CalendarFeed:
    """End one of the actor's own feeds; one that has ended stays so.

    Raises:
        Missing: the actor has no such feed.
    """
    feed = session.scalars(_own(actor, calendar_feed_id).with_for_update()).one_or_none()
    if feed is None:
        raise Missing("There is no such calendar feed.")
    if feed.revoked_at is None:
        feed.revoked_at = now
        _note(session, actor, feed, "revoke", [feed.name, None], now)
    return feed


def token_of(feed: CalendarFeed, *, secret: str) -> str:
    """The token in the feed's address; 43 URL-safe characters."""
    return _token(feed.nonce, secret)


def resolve(session: Session, *, token: str) -> CalendarFeed | None:
    """The feed that a token opens, while it stands and its owner is of the team. One statement.

    The session works for its firm from then on.
    """
    with tenancy.every_firm(session):
        found = session.scalars(
            sa.select(CalendarFeed)
            .join(
                StaffUser,
                sa.and_(
                    StaffUser.firm_id == CalendarFeed.firm_id,
                    StaffUser.staff_user_id == CalendarFeed.owner_id,
                ),
            )
            .where(
                CalendarFeed.token_hash == hashed(token),
                CalendarFeed.revoked_at.is_(None),
                StaffUser.deactivated_at.is_(None),
            )
        ).one_or_none()
        if found is not None:
            tenancy.enter(session, found.firm_id)
        return found


def is_noted(feed: CalendarFeed, now: datetime) -> bool:
    """Whether a reading of the feed was written down lately."""
    return feed.last_read_at is not None and now - feed.last_read_at < NOTED_EVERY


def note_reading(session: Session, calendar_feed_id: int, now: datetime) -> None:
    """Write down that a program read it."""
    session.execute(
        sa.update(CalendarFeed)
        .where(CalendarFeed.calendar_feed_id == calendar_feed_id)
        .values(last_read_at=now)
    )


def hashed(token: str) -> str:
    """What the database keeps of a token: its SHA-256, in hex."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _token(nonce: str, secret: str) -> str:
    digest = hmac.new(secret.encode(), CONTEXT + nonce.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _own(actor: Actor, calendar_feed_id: int) -> sa.Select[CalendarFeed]:
    return sa.select(CalendarFeed).where(
        CalendarFeed.firm_id == actor.firm_id,
        CalendarFeed.owner_id == actor.staff_user_id,
        CalendarFeed.calendar_feed_id == calendar_feed_id,
    )


def _of(session: Session, actor: Actor) -> list[int]:
    return list(
        session.scalars(
            sa.select(CalendarFeed.calendar_feed_id).where(
                CalendarFeed.firm_id == actor.firm_id,
                CalendarFeed.owner_id == actor.staff_user_id,
                CalendarFeed.revoked_at.is_(None),
            )
        )
    )


def _require_known(
    session: Session, firm_id: int, staff_user_id: int | None, appointment_type_id: int | None
) -> None:
    person = sa.select(StaffUser.staff_user_id).where(
        StaffUser.firm_id == firm_id, StaffUser.staff_user_id == staff_user_id
    )
    if staff_user_id is not None and session.scalar(person) is None:
        raise Invalid("Choose somebody of the team, or everybody.", field="staff_user_id")
    kind = sa.select(AppointmentType.appointment_type_id).where(
        AppointmentType.firm_id == firm_id, AppointmentType.appointment_type_id == appointment_type_id
    )
    if appointment_type_id is not None and session.scalar(kind) is None:
        raise Invalid("Choose a type from the list, or all types.", field="appointment_type_id")


def _note(
    session: Session, actor: Actor, feed: CalendarFeed, action: str, name: list[str | None], now: datetime
) -> None:
    audit.note(
        session,
        actor=actor,
        subject=SUBJECT,
        subject_id=feed.calendar_feed_id,
        action=action,
        changed={"name": name},
        now=now,
    )
