"""The firm's settings, and what changed in them lately."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import firm_settings
from webapp.lifecycle.firm_settings import Values
from webapp.models import AuditEvent, Firm


@dataclass(frozen=True, slots=True)
class Shown:
    """The settings as a page shows them; ``seen`` goes back with the form."""

    values: Values
    seen: int


@dataclass(frozen=True, slots=True)
class Change:
    """One time that somebody saved: ``fields`` maps a name to ``[before, after]``."""

    changed_at: datetime
    who: str
    fields: dict[str, list[Any]]


def shown(session: Session, *, firm_id: int) -> Shown:
    """Two statements: the last change first, so that a change in between is noticed, not missed."""
    seen = firm_settings.last_change(session, firm_id)
    firm = session.get_one(Firm, firm_id, populate_existing=True)
    return Shown(Values.of(firm), seen)


def lately(session: Session, *, firm_id: int, limit: int = 10) -> list[Change]:
    """The last changes, the newest first."""
    rows = session.execute(
        sa.select(AuditEvent.changed_at, AuditEvent.actor_label, AuditEvent.changes)
        .where(
            AuditEvent.firm_id == firm_id,
            AuditEvent.subject == firm_settings.SUBJECT,
            AuditEvent.subject_id == firm_id,
        )
        .order_by(AuditEvent.audit_event_id.desc())
        .limit(limit)
    )
    return [Change(row.changed_at, row.actor_label, row.changes) for row in rows]
