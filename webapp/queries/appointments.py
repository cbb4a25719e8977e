"""One appointment with all that its page tells: the facts, the reschedule chain, the timeline."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from webapp.lifecycle.errors import Missing
from webapp.lifecycle.limits import window_open
from webapp.lifecycle.transitions import allowed_actions
from webapp.models import Appointment, AppointmentStatusHistory, AuditEvent
from webapp.vocabulary import OUTCOMES, Action, Role, Status


@dataclass(frozen=True, slots=True)
class Link:
    """A member of a reschedule chain. ``position`` counts from 1."""

    appointment_id: int
    position: int
    start_time: datetime
    end_time: datetime
    status: Status


@dataclass(frozen=True, slots=True)
class Event:
    """One history row, or an edit of the details, as the timeline prints it."""

    status: Status
    action: Action | None
    from_status: Status | None
    reason: str | None
    overrides: tuple[str, ...]
    actor_label: str
    changed_at: datetime
    occurred_at: datetime
    changes: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """The events of one chain member, newest first."""

    link: Link
    events: list[Event]


@dataclass(frozen=True, slots=True)
class Dossier:
    """An appointment's page: itself, its chain in order, and the bookings of the chain, newest first."""

    appointment: Appointment
    chain: list[Link]
    bookings: list[Booking]
    outcome_recorded_at: datetime | None

    @property
    def link(self) -> Link:
        return next(link for link in self.chain if link.appointment_id == self.appointment.appointment_id)

    @property
    def predecessor(self) -> Link | None:
        return next((link for link in self.chain if link.position == self.link.position - 1), None)

    @property
    def successor(self) -> Link | None:
        return next((link for link in self.chain if link.position == self.link.position + 1), None)

    @property
    def first_booked_at(self) -> datetime:
        """When the first booking of the chain was made."""
        return self.bookings[-1].events[-1].changed_at

    def allowed(self, role: Role, now: datetime) -> list[Action]:
        """What this role can do with it now, corrections included while their window is open."""
        appointment = self.appointment
        return allowed_actions(
            appointment.status,
            role=role,
            start_time=appointment.start_time,
            now=now,
            correctable=window_open(appointment.firm, self.outcome_recorded_at, now),
        )


def get(session: Session, *, firm_id: int, appointment_id: int) -> Appointment:
    """An appointment of the firm with the people and things around it, fresh. One statement.

    Raises:
        Missing: the firm has no such appointment.
    """
    found = session.scalars(
        sa.select(Appointment)
        .where(Appointment.firm_id == firm_id, Appointment.appointment_id == appointment_id)
        .options(
            joinedload(Appointment.firm),
            joinedload(Appointment.appointment_type),
            joinedload(Appointment.staff_user),
            joinedload(Appointment.account),
            joinedload(Appointment.contact),
        )
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise Missing("There is no such appointment.")
    return found


def dossier(session: Session, *, firm_id: int, appointment_id: int) -> Dossier:
    """Everything that an appointment's page shows. Four statements, whatever the length of the chain.

    Raises:
        Missing: the firm has no such appointment.
    """
    appointment = get(session, firm_id=firm_id, appointment_id=appointment_id)
    chain = _chain(session, appointment)
    events = _events(session, firm_id, [link.appointment_id for link in chain])
    bookings = [
        Booking(link, events.get(link.appointment_id, []))
        for link in reversed([link for link in chain if link.position <= appointment.chain_position])
    ]
    outcomes = [event.changed_at for event in bookings[0].events if event.action and event.status in OUTCOMES]
    return Dossier(appointment, chain, bookings, min(outcomes, default=None))


def _chain(session: Session, appointment: Appointment) -> list[Link]:
    root = appointment.chain_root_id or appointment.appointment_id
    columns = (
        Appointment.appointment_id,
        Appointment.chain_position,
        Appointment.start_time,
        Appointment.end_time,
        Appointment.status,
    )
    # Two key look-ups: an OR of both would have SQLite walk through all of the firm's appointments.
    first, later = (
        sa.select(*columns).where(Appointment.firm_id == appointment.firm_id, condition)
        for condition in (Appointment.appointment_id == root, Appointment.chain_root_id == root)
    )
    members = session.execute(sa.union_all(first, later).order_by("chain_position"))
    return [Link(*row) for row in members]


def _events(session: Session, firm_id: int, appointment_ids: list[int]) -> dict[int, list[Event]]:
    """Transitions and edits of these appointments, newest first. An edit has the status it happened in."""
    rows = session.scalars(
        sa.select(AppointmentStatusHistory)
        .where(
            AppointmentStatusHistory.firm_id == firm_id,
            AppointmentStatusHistory.appointment_id.in_(appointment_ids),
        )
        .order_by(AppointmentStatusHistory.appointment_id, AppointmentStatusHistory.sequence)
    )
    found: dict[int, list[Event]] = {}
    for row in rows:
        found.setdefault(row.appointment_id, []).append(_transition(row))
    edits = session.scalars(
        sa.select(AuditEvent)
        .where(
            AuditEvent.firm_id == firm_id,
            AuditEvent.subject == "appointment",
            AuditEvent.subject_id.in_(appointment_ids),
        )
        .order_by(AuditEvent.audit_event_id)
    )
    for edit in edits:
        events = found[edit.subject_id]
        before = [event for event in events if event.changed_at <= edit.changed_at] or events[:1]
        events.append(_edit(edit, before[-1].status))
    for events in found.values():
        events.sort(key=lambda event: event.changed_at)
        events.reverse()
    return found


def _transition(row: AppointmentStatusHistory) -> Event:
    return Event(
        status=row.to_status,
        action=row.action,
        from_status=row.from_status,
        reason=row.reason,
        overrides=tuple((row.overrides or "").split(",")) if row.overrides else (),
        actor_label=row.actor_label,
        changed_at=row.changed_at,
        occurred_at=row.occurred_at,
    )


def _edit(row: AuditEvent, status: Status) -> Event:
    return Event(
        status=status,
        action=None,
        from_status=None,
        reason=None,
        overrides=(),
        actor_label=row.actor_label,
        changed_at=row.changed_at,
        occurred_at=row.changed_at,
        changes=row.changes,
    )
