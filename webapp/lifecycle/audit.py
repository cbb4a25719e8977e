"""The audit log: changes that are not transitions, with what was there before.

Its numbers also tell whether a record was changed since a form was made from it (:func:`refuse_if_changed`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.actors import Actor
from webapp.lifecycle.conflicts import local_of
from webapp.lifecycle.errors import Overtaken
from webapp.models import AuditEvent


def changes(thing: Any, values: dict[str, Any]) -> dict[str, list[Any]]:
    """``{field: [before, after]}`` for the values that differ from what the thing has."""
    return {
        field: [getattr(thing, field), value]
        for field, value in values.items()
        if getattr(thing, field) != value
    }


def note(
    session: Session,
    *,
    actor: Actor,
    subject: str,
    subject_id: int,
    action: str,
    changed: dict[str, list[Any]],
    now: datetime,
) -> None:
    """Add one row, in the caller's transaction. ``changed`` must be JSON-able."""
    session.add(
        AuditEvent(
            firm_id=actor.firm_id,
            subject=subject,
            subject_id=subject_id,
            action=action,
            changes=changed,
            changed_by_id=actor.staff_user_id,
            actor_label=actor.label,
            changed_at=now,
        )
    )
    session.flush()


def last_change(
    session: Session, *, firm_id: int, subject: str, subject_id: int, actions: Sequence[str] = ()
) -> int:
    """The number of the last change of a record (of these kinds, if any are named); 0 before the first."""
    query = sa.select(sa.func.max(AuditEvent.audit_event_id)).where(*_about(firm_id, subject, subject_id))
    return session.scalar(query.where(AuditEvent.action.in_(actions)) if actions else query) or 0


def refuse_if_changed(
    session: Session,
    *,
    firm_id: int,
    subject: str,
    subject_id: int,
    seen: int | None,
    name: str,
    actions: Sequence[str] = (),
) -> None:
    """Refuse a form that was made before somebody else's change. The caller holds the record's lock.

    Args:
        seen: the number that :func:`last_change` gave when the form was made; None does not look.
        name: the record in the sentence, such as ``the settings`` or ``Ada Byron``.

    Raises:
        Overtaken: it was changed since; says who, what and when.
    """
    if seen is None:
        return
    query = (
        sa.select(AuditEvent)
        .where(*_about(firm_id, subject, subject_id), AuditEvent.audit_event_id > seen)
        .order_by(AuditEvent.audit_event_id.desc())
    )
    later = session.scalars(query.where(AuditEvent.action.in_(actions)) if actions else query).all()
    if later:
        last = later[0]
        fields = sorted({_spoken(field) for event in later for field in event.changes})
        what = f" ({', '.join(fields)})" if fields else ""
        when = local_of(session, firm_id).day_time(last.changed_at)
        raise Overtaken(f"{last.actor_label} changed {name}{what}, {when}.", last.audit_event_id)


def _about(firm_id: int, subject: str, subject_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        AuditEvent.firm_id == firm_id,
        AuditEvent.subject == subject,
        AuditEvent.subject_id == subject_id,
    )


def _spoken(field: str) -> str:
    return field.removesuffix("_id").removesuffix("_at").replace("_", " ")
