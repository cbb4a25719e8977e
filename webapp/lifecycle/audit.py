"""The audit log: changes that are not transitions, with what was there before."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from webapp.lifecycle.actors import Actor
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
