"""The firm's settings, and what changed in them lately."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import firm_settings
from webapp.lifecycle.firm_settings import Group
from webapp.models import AppointmentType, AuditEvent, Firm

Values = TypeVar("Values", bound=Group)


@dataclass(frozen=True, slots=True)
class Shown(Generic[Values]):
    """The settings as a page shows them; ``seen`` goes back with the form."""

    values: Values
    seen: int


@dataclass(frozen=True, slots=True)
class Change:
    """One time that somebody saved: ``fields`` maps a name to ``[before, after]``."""

    changed_at: datetime
    who: str
    fields: dict[str, list[Any]]


def shown(session: Session, *, firm_id: int, group: type[Values]) -> Shown[Values]:
    """Two statements: the last change first, so that a change in between is noticed, not missed."""
    seen = firm_settings.last_change(session, firm_id, group.ACTION)
    firm = session.get_one(Firm, firm_id, populate_existing=True)
    return Shown(group.of(firm), seen)


def slug(session: Session, *, firm_id: int) -> str:
    """The firm's name in addresses. One statement."""
    return session.execute(sa.select(Firm.slug).where(Firm.firm_id == firm_id)).scalar_one()


def tracked_types(session: Session, *, firm_id: int) -> list[str]:
    """The names of the types whose provider reports who joined, those retired left out. One statement."""
    names = session.scalars(
        sa.select(AppointmentType.name).where(
            AppointmentType.firm_id == firm_id,
            AppointmentType.tracked,
            AppointmentType.retired_at.is_(None),
        )
    )
    return sorted(names, key=str.casefold)


def lately(session: Session, *, firm_id: int, group: type[Group], limit: int = 10) -> list[Change]:
    """The last changes of these settings, the newest first."""
    rows = session.execute(
        sa.select(AuditEvent.changed_at, AuditEvent.actor_label, AuditEvent.changes)
        .where(
            AuditEvent.firm_id == firm_id,
            AuditEvent.subject == firm_settings.SUBJECT,
            AuditEvent.subject_id == firm_id,
            AuditEvent.action == group.ACTION,
        )
        .order_by(AuditEvent.audit_event_id.desc())
        .limit(limit)
    )
    return [Change(row.changed_at, row.actor_label, row.changes) for row in rows]
