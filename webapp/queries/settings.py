"""The firm's settings, and what changed in them lately."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import firm_policies, firm_settings
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


@dataclass(frozen=True, slots=True)
class Look:
    """One time that somebody was shown the callback's secret, or renewed it."""

    changed_at: datetime
    who: str
    renewed: bool


def secret_looks(session: Session, *, firm_id: int, limit: int = 10) -> list[Look]:
    """Who has seen or renewed the callback's secret lately, the newest first. One statement."""
    rows = _events(session, firm_id, [firm_policies.SHOW_SECRET, firm_policies.RENEW_SECRET], limit)
    return [Look(row.changed_at, row.actor_label, row.action == firm_policies.RENEW_SECRET) for row in rows]


def lately(session: Session, *, firm_id: int, group: type[Group], limit: int = 10) -> list[Change]:
    """The last changes of these settings, the newest first."""
    rows = _events(session, firm_id, [group.ACTION], limit)
    return [Change(row.changed_at, row.actor_label, row.changes) for row in rows]


def _events(
    session: Session, firm_id: int, actions: Sequence[str], limit: int
) -> Sequence[sa.Row[tuple[datetime, str, str, Any]]]:
    """The firm's own rows of the audit log with these actions, the newest first."""
    return session.execute(
        sa.select(AuditEvent.changed_at, AuditEvent.actor_label, AuditEvent.action, AuditEvent.changes)
        .where(
            AuditEvent.firm_id == firm_id,
            AuditEvent.subject == firm_settings.SUBJECT,
            AuditEvent.subject_id == firm_id,
            AuditEvent.action.in_(actions),
        )
        .order_by(AuditEvent.audit_event_id.desc())
        .limit(limit)
    ).all()
