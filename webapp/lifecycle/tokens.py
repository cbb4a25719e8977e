"""Tokens of the JSON API: made and revoked by managers, shown once, kept as a hash.

A token acts for one person of the firm: its scopes narrow what that person's role lets through, and it opens
nothing once they are deactivated. The history names both.
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
from webapp.models import ApiToken, Firm, StaffUser
from webapp.vocabulary import SCOPE_PERMISSIONS, ActorKind, Permission, Role, Scope

PREFIX = "daybook_"
NAME_LENGTH = 60
HINT = len(PREFIX) + 4  # characters that the list shows
SUBJECT = "api_token"
PER_MINUTE = 600
WINDOW = timedelta(minutes=1)
MOST = 100


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
        Forbidden: the role does not include the settings, or the person is above the actor's own role.
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
    person = _person(session, actor, staff_user_id)
    standing = sa.select(sa.func.count()).where(
        ApiToken.firm_id == actor.firm_id, ApiToken.revoked_at.is_(None)
    )
    if (session.scalar(standing) or 0) >= MOST:
        raise Invalid(f"The firm has {MOST} tokens. Revoke one that is not needed any more.", field="name")
    text = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        firm_id=actor.firm_id,
        staff_user_id=person.staff_user_id,
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
        token.revoked_at, token.revoked_by = now, actor.label
        audit.note(
            session,
            actor=actor,
            subject=SUBJECT,
            subject_id=api_token_id,
            action="revoke",
            changed={"name": [token.name, None]},
            now=now,
        )
    return token


def call(session: Session, text: str, *, now: datetime) -> Caller | None:
    """Whose token this is, the request counted; None if it opens nothing. Two statements, one writes."""
    window = now.replace(second=0, microsecond=0)
    here = ApiToken.window_start == window
    active = sa.exists().where(
        StaffUser.firm_id == ApiToken.firm_id,
        StaffUser.staff_user_id == ApiToken.staff_user_id,
        StaffUser.deactivated_at.is_(None),
    )
    touched = session.execute(
        sa.update(ApiToken)
        .where(
            ApiToken.token_hash == hashed(text),
            ApiToken.revoked_at.is_(None),
            sa.or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
            active,
        )
        .values(
            window_start=window,
            window_count=sa.case((here, ApiToken.window_count + 1), else_=1),
            last_used_at=now,
        )
        .returning(ApiToken.api_token_id, ApiToken.name, ApiToken.scopes, ApiToken.window_count)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if touched is None:
        return None
    person = session.scalars(
        sa.select(StaffUser)
        .join(
            ApiToken,
            sa.and_(ApiToken.firm_id == StaffUser.firm_id, ApiToken.staff_user_id == StaffUser.staff_user_id),
        )
        .options(joinedload(StaffUser.firm))
        .where(ApiToken.api_token_id == touched.api_token_id)
    ).one()
    scopes = frozenset(Scope(word) for word in touched.scopes.split())
    return Caller(
        api_token_id=touched.api_token_id,
        actor=acting(person, touched.name, scopes),
        role=person.role,
        scopes=scopes,
        firm=person.firm,
        window_start=window,
        count=touched.window_count,
    )


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


def _person(session: Session, actor: Actor, staff_user_id: int) -> StaffUser:
    """Somebody of the team, not above the actor: a token is no way to a stronger role."""
    found = session.scalars(
        sa.select(StaffUser).where(
            StaffUser.firm_id == actor.firm_id,
            StaffUser.staff_user_id == staff_user_id,
            StaffUser.deactivated_at.is_(None),
        )
    ).one_or_none()
    if found is None:
        raise Invalid("Choose somebody of the team.", field="staff_user_id")
    if actor.role is None or found.role.rank > actor.role.rank:
        raise Forbidden("A token can act for nobody whose role is above your own.")
    return found
