"""Appointment types: what can be booked, how long it takes, which limits differ from the firm's.

Nothing here commits. All may raise Forbidden (role) and Invalid (``field`` says which). A type is retired,
never deleted: what was booked keeps its name.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.lifecycle import audit
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.booking import LOCATION_LENGTH
from webapp.lifecycle.errors import Forbidden, Invalid, Missing
from webapp.lifecycle.text import one_line
from webapp.models import AppointmentType
from webapp.vocabulary import Permission

NAME_LENGTH = 120
DURATION = (5, 720)  # minutes
RESCHEDULE_LIMIT = (0, 50)  # moves of one booking
NOTICE = (0, 60 * 24 * 60)  # minutes
KEY_LIMIT = 2**63
SUBJECT = "appointment_type"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeFacts:
    """What a type is. ``duration`` and the notices are minutes; a limit of None is the firm's.

    ``tracked``: the provider reports who joined. It holds for what is booked from then on.
    """

    name: str
    duration: int
    location: str = ""
    tracked: bool = False
    reschedule_limit: int | None = None
    reschedule_notice: int | None = None
    cancel_notice: int | None = None


def get(session: Session, firm_id: int, appointment_type_id: int) -> AppointmentType:
    """The firm's type, retired or not (Missing otherwise)."""
    query = sa.select(AppointmentType).where(
        AppointmentType.firm_id == firm_id, AppointmentType.appointment_type_id == appointment_type_id
    )
    found = session.scalar(query) if appointment_type_id < KEY_LIMIT else None
    if found is None:
        raise Missing("There is no such appointment type.")
    return found


def create(session: Session, *, actor: Actor, facts: TypeFacts, now: datetime) -> AppointmentType:
    """Add a type that can be booked at once."""
    _require(actor)
    values = _values(session, actor.firm_id, facts)
    kind = AppointmentType(firm_id=actor.firm_id, created_at=now, **values)
    _flush_named(session, kind)
    given = {field: [None, value] for field, value in values.items() if value not in ("", None, False)}
    _note(session, actor, kind, "created", given, now)
    return kind


def edit(
    session: Session,
    kind: AppointmentType,
    *,
    actor: Actor,
    facts: TypeFacts,
    now: datetime,
    seen: int | None = None,
) -> bool:
    """Change a type; returns whether anything changed. Meetings that are booked keep their times.

    Args:
        seen: the number of the type's last change that the form was made from (``audit.last_change``).

    Raises:
        Overtaken: somebody changed the type after that.
    """
    _require(actor, kind.firm_id)
    session.refresh(kind, with_for_update={"key_share": True})
    audit.refuse_if_changed(
        session,
        firm_id=kind.firm_id,
        subject=SUBJECT,
        subject_id=kind.appointment_type_id,
        seen=seen,
        name=kind.name,
    )
    values = _values(session, actor.firm_id, facts, but=kind.appointment_type_id)
    changed = audit.changes(kind, values)
    if not changed:
        return False
    for field, value in values.items():
        setattr(kind, field, value)
    _flush_named(session, kind)
    _note(session, actor, kind, "edited", changed, now)
    return True


def retire(session: Session, kind: AppointmentType, *, actor: Actor, now: datetime) -> bool:
    """Offer it no longer for new bookings; returns whether it was offered until now."""
    _require(actor, kind.firm_id)
    if kind.retired_at is not None:
        return False
    kind.retired_at = now
    _note(session, actor, kind, "retired", {"retired_at": [None, now.isoformat()]}, now)
    return True


def restore(session: Session, kind: AppointmentType, *, actor: Actor, now: datetime) -> bool:
    """Offer a retired type again; returns whether it was retired until now."""
    _require(actor, kind.firm_id)
    if kind.retired_at is None:
        return False
    before = kind.retired_at.isoformat()
    kind.retired_at = None
    _note(session, actor, kind, "restored", {"retired_at": [before, None]}, now)
    return True


def _values(session: Session, firm_id: int, facts: TypeFacts, *, but: int | None = None) -> dict[str, Any]:
    name = one_line(facts.name, NAME_LENGTH, "name")
    if not any(character.isalnum() for character in name):
        raise Invalid("Enter a name, as clients would know it.", field="name")
    _unused(session, firm_id, name, but)
    _within(facts.duration, DURATION, "duration", "Enter a length from {:,} to {:,} minutes.")
    _within(
        facts.reschedule_limit,
        RESCHEDULE_LIMIT,
        "reschedule_limit",
        "Enter a number from {:,} to {:,}, or leave it empty.",
    )
    for field in ("reschedule_notice", "cancel_notice"):
        _within(getattr(facts, field), NOTICE, field, "Enter at most 60 days, or leave it empty.")
    return asdict(facts) | {"name": name, "location": one_line(facts.location, LOCATION_LENGTH, "location")}


def _within(value: int | None, limits: tuple[int, int], field: str, sentence: str) -> None:
    if value is not None and not limits[0] <= value <= limits[1]:
        raise Invalid(sentence.format(*limits), field=field)


def _unused(session: Session, firm_id: int, name: str, but: int | None) -> None:
    """Names differ in more than case: two types that read alike would be mixed up while booking."""
    others = session.execute(
        sa.select(
            AppointmentType.name, AppointmentType.appointment_type_id, AppointmentType.retired_at
        ).where(AppointmentType.firm_id == firm_id)
    )
    for other in others:
        if other.name.casefold() == name.casefold() and other.appointment_type_id != but:
            raise Invalid(_used(other.name, retired=other.retired_at is not None), field="name")


def _used(name: str, *, retired: bool = False) -> str:
    advice = "It is retired: restore it, or choose" if retired else "Choose"
    return f"There is a type named {name} already. {advice} another name."


def _flush_named(session: Session, kind: AppointmentType) -> None:
    """Write it; somebody may have taken the name in this very moment."""
    session.add(kind)
    name = kind.name  # a failed flush expires the object
    try:
        session.flush()
    except IntegrityError:
        raise Invalid(_used(name), field="name") from None


def _require(actor: Actor, firm_id: int | None = None) -> None:
    if firm_id is not None and firm_id != actor.firm_id:
        raise AssertionError("an actor of one firm reached a type of another")
    if not actor.can(Permission.MANAGE_SETTINGS):
        raise Forbidden("Only a manager can change appointment types. Ask one to do it.")


def _note(
    session: Session,
    actor: Actor,
    kind: AppointmentType,
    action: str,
    changed: dict[str, list[Any]],
    now: datetime,
) -> None:
    audit.note(
        session,
        actor=actor,
        subject=SUBJECT,
        subject_id=kind.appointment_type_id,
        action=action,
        changed=changed,
        now=now,
    )
