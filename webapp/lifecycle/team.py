"""The people of a firm: invited, changed, deactivated. Nobody acts above their own role; an owner stays."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import access, audit, invitations, tokens
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.addresses import staff_address
from webapp.lifecycle.errors import Forbidden, Invalid, Missing
from webapp.lifecycle.text import one_line
from webapp.models import Firm, StaffUser
from webapp.vocabulary import Permission, Role

NAME_LENGTH = 120
SUBJECT = "staff_user"
CHANGES = ("change",)
"""The notes about a person that change what the form about them shows."""


def invite(
    session: Session, *, actor: Actor, name: str, email: str, role: Role, bookable: bool, now: datetime
) -> tuple[StaffUser, str]:
    """Add a person who has no password yet.

    Returns:
        The person, and the token of the link by which they set a password.

    Raises:
        Invalid: the name or address is missing or malformed, or the address is in the team already.
        Forbidden: the role is above the actor's own.
    """
    _begin(session, actor)
    _may_give(actor, role)
    person = StaffUser(
        firm_id=actor.firm_id,
        name=_name(name),
        email=_free_address(session, actor.firm_id, email),
        role=role,
        bookable=bookable,
        created_at=now,
    )
    session.add(person)
    session.flush()
    facts = {"name": person.name, "email": person.email, "role": role.value, "bookable": bookable}
    _note(session, actor, person, "invite", {field: [None, value] for field, value in facts.items()}, now)
    return person, invitations.make(session, person, actor=actor, now=now)


def change(
    session: Session,
    staff_user_id: int,
    *,
    actor: Actor,
    name: str,
    role: Role,
    bookable: bool,
    now: datetime,
    seen: int | None = None,
) -> StaffUser:
    """Change a person's name, role, and whether they take appointments. Another role ends their sessions.

    Args:
        seen: the number of the last such change that the form was made from (``audit.last_change``).

    Raises:
        Overtaken: somebody changed the person after that.
        Invalid: no name; one's own role; the last owner's role.
        Forbidden: the person's present or new role is above the actor's own.
    """
    person = _person(session, actor, staff_user_id)
    audit.refuse_if_changed(
        session,
        firm_id=person.firm_id,
        subject=SUBJECT,
        subject_id=person.staff_user_id,
        seen=seen,
        name=person.name,
        actions=CHANGES,
    )
    if role is not person.role:
        _may_give(actor, role)
        if person.staff_user_id == actor.staff_user_id:
            raise Invalid("Nobody changes their own role. Ask somebody else who may.", field="role")
        _keep_an_owner(session, person, field="role")
    values: dict[str, Any] = {"name": _name(name), "role": role, "bookable": bookable}
    changed = audit.changes(person, values)
    if role is not person.role:
        _sign_out(session, person, now)
    for field, value in values.items():
        setattr(person, field, value)
    if changed:
        _note(session, actor, person, "change", changed, now)
    return person


def deactivate(session: Session, staff_user_id: int, *, actor: Actor, now: datetime) -> StaffUser:
    """Shut a person out: no sign-in, no session, no link, no token that acts for them or that they made.

    What they did and what is booked with them stays.

    Raises:
        Invalid: it is oneself, or the last owner.
    """
    person = _person(session, actor, staff_user_id)
    if person.staff_user_id == actor.staff_user_id:
        raise Invalid("Nobody deactivates themselves. Ask somebody else who may.")
    _keep_an_owner(session, person)
    if person.active:
        person.deactivated_at = now
        _sign_out(session, person, now)
        invitations.revoke(session, person, now)
        tokens.revoke_of(session, person.staff_user_id, actor=actor, now=now)
        _note(session, actor, person, "deactivate", {}, now)
    return person


def reactivate(session: Session, staff_user_id: int, *, actor: Actor, now: datetime) -> StaffUser:
    """Let a person in again, with the password they had."""
    person = _person(session, actor, staff_user_id)
    if not person.active:
        person.deactivated_at = None
        _note(session, actor, person, "reactivate", {}, now)
    return person


def end_sessions(session: Session, staff_user_id: int, *, actor: Actor, now: datetime) -> StaffUser:
    """Sign a person out of every browser. They may sign in again; tokens of the API stay.

    Raises:
        Invalid: it is oneself.
    """
    person = _person(session, actor, staff_user_id)
    if person.staff_user_id == actor.staff_user_id:
        raise Invalid("Sign yourself out in your preferences.")
    if ended := _sign_out(session, person, now):
        _note(session, actor, person, "end_sessions", {"sessions": [ended, 0]}, now)
    return person


def make_link(session: Session, staff_user_id: int, *, actor: Actor, now: datetime) -> tuple[StaffUser, str]:
    """A new one-time link for a person; returns its token, which cannot be had again.

    Raises:
        Invalid: it is oneself, or somebody who is deactivated.
    """
    person = _person(session, actor, staff_user_id)
    if person.staff_user_id == actor.staff_user_id:
        raise Invalid("Change your own password in your preferences.")
    if not person.active:
        raise Invalid(f"{person.name} is deactivated. Reactivate them first.")
    token = invitations.make(session, person, actor=actor, now=now)
    _note(session, actor, person, "make_link", {}, now)
    return person, token


def revoke_link(session: Session, staff_user_id: int, *, actor: Actor, now: datetime) -> StaffUser:
    """Make a person's open link worthless."""
    person = _person(session, actor, staff_user_id)
    if invitations.revoke(session, person, now):
        _note(session, actor, person, "revoke_link", {}, now)
    return person


def roles_for(role: Role) -> list[Role]:
    """The roles that somebody with this role may give, weakest first."""
    return [other for other in Role if other.rank <= role.rank]


def _begin(session: Session, actor: Actor) -> None:
    """Changes of one team happen one after the other, so that two owners cannot remove each other.

    The lock leaves the firm's key alone: whoever has written a row that refers to the firm shares that.
    """
    if not actor.can(Permission.MANAGE_TEAM):
        raise Forbidden("Your role does not include the team.")
    session.execute(
        sa.select(Firm.firm_id).where(Firm.firm_id == actor.firm_id).with_for_update(key_share=True)
    )


def _person(session: Session, actor: Actor, staff_user_id: int) -> StaffUser:
    _begin(session, actor)
    person = session.scalar(
        sa.select(StaffUser)
        .where(StaffUser.firm_id == actor.firm_id, StaffUser.staff_user_id == staff_user_id)
        .execution_options(populate_existing=True)
    )
    if person is None:
        raise Missing("This person is not in your team.")
    if person.role.rank > _rank(actor):
        raise Forbidden(f"{person.name} is {_article(person.role)}. Ask {_article(person.role)} to do this.")
    return person


def _sign_out(session: Session, person: StaffUser, now: datetime) -> int:
    return access.revoke_all(session, firm_id=person.firm_id, staff_user_id=person.staff_user_id, now=now)


def _rank(actor: Actor) -> int:
    return -1 if actor.role is None else actor.role.rank


def _article(role: Role) -> str:
    return f"an {role.value}" if role is Role.OWNER else f"a {role.value}"


def _may_give(actor: Actor, role: Role) -> None:
    if role.rank > _rank(actor):
        raise Forbidden(f"Only {_article(role)} can make somebody {_article(role)}.")


def _keep_an_owner(session: Session, person: StaffUser, field: str | None = None) -> None:
    """An owner who has not set a password yet cannot be the one who stays."""
    if person.role is not Role.OWNER:
        return
    others = session.scalar(
        sa.select(sa.func.count()).where(
            StaffUser.firm_id == person.firm_id,
            StaffUser.staff_user_id != person.staff_user_id,
            StaffUser.role == Role.OWNER,
            StaffUser.deactivated_at.is_(None),
            StaffUser.password_hash.is_not(None),
        )
    )
    if not others:
        raise Invalid(
            f"{person.name} is the only owner who can sign in. Make somebody else an owner first.",
            field=field,
        )


def _name(text: str) -> str:
    name = one_line(text, NAME_LENGTH, "name")
    if not name:
        raise Invalid("Enter a name.", field="name")
    return name


def _free_address(session: Session, firm_id: int, text: str) -> str:
    address = staff_address(text)
    taken = session.scalar(
        sa.select(StaffUser).where(StaffUser.firm_id == firm_id, StaffUser.email == address)
    )
    if taken is None:
        return address
    if taken.active:
        raise Invalid(f"{taken.name} is in the team with this address.", field="email")
    raise Invalid(
        f"{taken.name} has this address and is deactivated. Reactivate them instead.", field="email"
    )


def _note(
    session: Session,
    actor: Actor,
    person: StaffUser,
    action: str,
    changed: dict[str, list[Any]],
    now: datetime,
) -> None:
    audit.note(
        session,
        actor=actor,
        subject=SUBJECT,
        subject_id=person.staff_user_id,
        action=action,
        changed=changed,
        now=now,
    )
