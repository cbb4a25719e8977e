"""Tokens of the JSON API: made and revoked by managers, shown once, kept as a hash.

A token acts for one person of the firm: its scopes narrow what that person's role lets through, and it opens
nothing once they are deactivated. It is revoked when whoever made it is. The history names both.
"""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from webapp.lifecycle import audit
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Forbidden, Invalid, Missing
from webapp.lifecycle.text import one_line
from webapp.models import ApiToken, Firm, StaffUser, tenancy
from webapp.vocabulary import SCOPE_PERMISSIONS, ActorKind, Permission, Role, Scope

PREFIX = "daybook_"
NAME_LENGTH = 60
RANDOM = 32  # bytes
LENGTH = len(PREFIX) + 43  # characters: RANDOM bytes in base64
HINT = len(PREFIX) + 4  # characters that the list shows
SUBJECT = "api_token"
PER_MINUTE = 600
WINDOW = timedelta(minutes=1)
MOST = 100


@dataclass(frozen=True, slots=True)
class Known:
    """A token that opens something, and the person for whom it acts, with their firm."""

    api_token_id: int
    name: str
    scopes: frozenset[Scope]
    person: StaffUser


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls the API. ``count``: the requests of the token since ``window_start``, this one too."""

    api_token_id: int
    actor: Actor
    role: Role
    scopes: frozenset[Scope]
    firm: Firm
    window_start: datetime
    count: int

    @property
    def firm_id(self) -> int:
        return self.actor.firm_id


def make(
    session: Session,
    *,
    actor: Actor,
    name: str,
    scopes: Collection[Scope],
    staff_user_id: int,
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """A new token and its text, which nobody can look up again.

    Raises:
        Forbidden: the role does not include the settings, the person is above the actor's own role, or the
            actor was deactivated meanwhile.
        Invalid: no name, no scope, nobody such in the team, an end that has passed, or too many tokens.
    """
    _require(actor)
    name = one_line(name, NAME_LENGTH, "name")
    if not name:
        raise Invalid("Give the token a name: the history shows it beside the person.", field="name")
    if not scopes:
        raise Invalid("Choose at least one thing that the token may do.", field="scopes")
    if expires_at is not None and expires_at <= now:
        raise Invalid("Choose an end that lies ahead.", field="expires_at")
    _begin(session, actor)
    person = _person(session, actor, staff_user_id)
    standing = sa.select(sa.func.count()).where(
        ApiToken.firm_id == actor.firm_id, ApiToken.revoked_at.is_(None)
    )
    if (session.scalar(standing) or 0) >= MOST:
        raise Invalid(f"The firm has {MOST} tokens. Revoke one that is not needed any more.", field="name")
    text = PREFIX + secrets.token_urlsafe(RANDOM)
    token = ApiToken(
        firm_id=actor.firm_id,
        staff_user_id=person.staff_user_id,
        created_by_id=actor.staff_user_id,
        name=name,
        token_hash=hashed(text),
        hint=text[:HINT],
        scopes=" ".join(scope.value for scope in Scope if scope in scopes),
        created_at=now,
        created_by=actor.label,
        expires_at=expires_at,
    )
    session.add(token)
    session.flush()
    facts = {"name": name, "scopes": token.scopes, "acts_for": person.name}
    audit.note(
        session,
        actor=actor,
        subject=SUBJECT,
        subject_id=token.api_token_id,
        action="make",
        changed={field: [None, value] for field, value in facts.items()},
        now=now,
    )
    return token, text


def revoke(session: Session, api_token_id: int, *, actor: Actor, now: datetime) -> ApiToken:
    """End a token at once; one that is revoked already stays as it is.

    Raises:
        Forbidden: the role does not include the settings.
        Missing: the firm has no such token.
    """
    _require(actor)
    token = session.scalars(
        sa.select(ApiToken)
        .where(ApiToken.firm_id == actor.firm_id, ApiToken.api_token_id == api_token_id)
        .with_for_update()
    ).one_or_none()
    if token is None:
        raise Missing("There is no such token.")
    if token.revoked_at is None:
        _end(session, token, actor, now)
    return token


def revoke_of(session: Session, staff_user_id: int, *, actor: Actor, now: datetime) -> int:
    """End every token that a person made, whomever it acts for; returns how many ended.

    For who deactivates that person, and is checked there: a token does not outlive its maker's way in.
    """
    found = session.scalars(
        sa.select(ApiToken)
        .where(
            ApiToken.firm_id == actor.firm_id,
            ApiToken.created_by_id == staff_user_id,
            ApiToken.revoked_at.is_(None),
        )
        .order_by(ApiToken.api_token_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for token in found:
        _end(session, token, actor, now)
    return len(found)


def _end(session: Session, token: ApiToken, actor: Actor, now: datetime) -> None:
    token.revoked_at, token.revoked_by = now, actor.label
    audit.note(
        session,
        actor=actor,
        subject=SUBJECT,
        subject_id=token.api_token_id,
        action="revoke",
        changed={"name": [token.name, None]},
        now=now,
    )


def find(session: Session, text: str, *, now: datetime) -> Known | None:
    """Whose token this is; None if it opens nothing. Reads alone, one statement: anybody may send a text.

    The session works for their firm from then on.
    """
    if not text.startswith(PREFIX) or len(text) != LENGTH:
        return None
    with tenancy.every_firm(session):
        found = session.execute(
            sa.select(ApiToken.api_token_id, ApiToken.name, ApiToken.scopes, StaffUser)
            .join(
                StaffUser,
                sa.and_(
                    StaffUser.firm_id == ApiToken.firm_id, StaffUser.staff_user_id == ApiToken.staff_user_id
                ),
            )
            .options(joinedload(StaffUser.firm))
            .where(ApiToken.token_hash == hashed(text), *_opens(now))
        ).one_or_none()
        if found is None:
            return None
        tenancy.enter(session, found.StaffUser.firm_id)
    scopes = frozenset(Scope(word) for word in found.scopes.split())
    return Known(found.api_token_id, found.name, scopes, found.StaffUser)


def call(session: Session, known: Known, *, now: datetime) -> Caller | None:
    """Who calls, the request counted; None if the token was ended since. One statement, which writes."""
    window = now.replace(second=0, microsecond=0)
    here = ApiToken.window_start == window
    count = session.scalar(
        sa.update(ApiToken)
        .where(ApiToken.api_token_id == known.api_token_id, *_opens(now))
        .values(
            window_start=window,
            window_count=sa.case((here, ApiToken.window_count + 1), else_=1),
            last_used_at=now,
        )
        .returning(ApiToken.window_count)
        .execution_options(synchronize_session=False)
    )
    if count is None:
        return None
    return Caller(
        api_token_id=known.api_token_id,
        actor=acting(known.person, known.name, known.scopes),
        role=known.person.role,
        scopes=known.scopes,
        firm=known.person.firm,
        window_start=window,
        count=count,
    )


def _opens(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Neither revoked nor run out, and its person is active."""
    active = sa.exists().where(
        StaffUser.firm_id == ApiToken.firm_id,
        StaffUser.staff_user_id == ApiToken.staff_user_id,
        StaffUser.deactivated_at.is_(None),
    )
    ahead = sa.or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now)
    return ApiToken.revoked_at.is_(None), ahead, active.correlate(ApiToken)


def acting(person: StaffUser, name: str, scopes: Collection[Scope]) -> Actor:
    """The person through the token: their role, as far as the scopes go."""
    granted = frozenset[Permission]().union(*(SCOPE_PERMISSIONS[scope] for scope in scopes))
    return Actor(
        person.firm_id,
        ActorKind.STAFF,
        f"{person.name} (API: {name})"[:160],
        person.staff_user_id,
        person.role,
        granted,
    )


def hashed(text: str) -> str:
    """SHA-256, hexadecimal: the text has 256 random bits, so a slow hash adds nothing."""
    return hashlib.sha256(text.encode()).hexdigest()


def _require(actor: Actor) -> None:
    if not actor.can(Permission.MANAGE_SETTINGS):
        raise Forbidden("Your role does not include the settings.")


def _begin(session: Session, actor: Actor) -> None:
    """A token is made before or after a change of the team (see ``team``), never beside it: whoever
    deactivates its maker meets it, or its maker is met deactivated here. Two at once are counted in turn.
    """
    session.execute(
        sa.select(Firm.firm_id).where(Firm.firm_id == actor.firm_id).with_for_update(key_share=True)
    )
    stays = sa.select(StaffUser.staff_user_id).where(
        StaffUser.firm_id == actor.firm_id,
        StaffUser.staff_user_id == actor.staff_user_id,
        StaffUser.deactivated_at.is_(None),
    )
    if session.scalar(stays) is None:
        raise Forbidden("You were deactivated meanwhile, so no token was made.")


def _person(session: Session, actor: Actor, staff_user_id: int) -> StaffUser:
    """Somebody of the team, not above the actor: a token is no way to a stronger role."""
    found = session.scalars(
        sa.select(StaffUser)
        .where(
            StaffUser.firm_id == actor.firm_id,
            StaffUser.staff_user_id == staff_user_id,
            StaffUser.deactivated_at.is_(None),
        )
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise Invalid("Choose somebody of the team.", field="staff_user_id")
    if actor.role is None or found.role.rank > actor.role.rank:
        raise Forbidden("A token can act for nobody whose role is above your own.")
    return found
