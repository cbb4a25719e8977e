"""One appointment with all that its page tells: the facts, the reschedule chain, the timeline."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from webapp.lifecycle import client_requests
from webapp.lifecycle.errors import Missing
from webapp.lifecycle.limits import window_open
from webapp.lifecycle.transitions import allowed_actions
from webapp.models import Appointment, AppointmentStatusHistory, AuditEvent, PersonalLink
from webapp.queries import attendance
from webapp.queries.attendance import Fact
from webapp.vocabulary import (
    OUTCOMES,
    Action,
    ActorKind,
    AttendanceSide,
    AttendanceSource,
    CancelledBy,
    NoShowParty,
    Role,
    Status,
)


@dataclass(frozen=True, slots=True)
class Link:
    """A member of a reschedule chain. ``position`` counts from 1.

    ``open_until`` is when the last of its client's personal links ends, ``revoked_at`` when the last that was
    revoked was; each None where there is none.
    """

    appointment_id: int
    position: int
    start_time: datetime
    end_time: datetime
    status: Status
    open_until: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One history row, or an edit of the details, as the timeline prints it.

    ``actor_kind`` is None where the record does not keep it; ``party`` who did not show, ``cancelled_by`` on
    whose side it was called off; ``erased`` that words were here, ``erasure`` that this was their erasing.
    """

    status: Status
    action: Action | None
    from_status: Status | None
    reason: str | None
    overrides: tuple[str, ...]
    actor_label: str
    changed_at: datetime
    occurred_at: datetime
    changes: dict[str, Any] | None = None
    fact: Fact | None = None
    actor_kind: ActorKind | None = None
    party: NoShowParty | None = None
    cancelled_by: CancelledBy | None = None
    erased: bool = False
    erasure: bool = False


@dataclass(frozen=True, slots=True)
class Booking:
    """The events of one chain member, in the order that its owner says."""

    link: Link
    events: list[Event]


@dataclass(frozen=True, slots=True)
class Story:
    """An appointment with every booking of its chain, later ones included, all in the order of time."""

    appointment: Appointment
    bookings: list[Booking]


@dataclass(frozen=True, slots=True)
class Dossier:
    """An appointment's page: itself, its chain in order, and the bookings of the chain, newest first."""

    appointment: Appointment
    chain: list[Link]
    bookings: list[Booking]
    outcome_recorded_at: datetime | None

    @property
    def arrived(self) -> Fact | None:
        """The front desk's word that the client is here, unless it was taken back."""
        facts = [event.fact for event in self.bookings[0].events if event.fact is not None]
        return next(
            (
                fact
                for fact in facts
                if fact.source is AttendanceSource.FRONT_DESK
                and fact.side is AttendanceSide.CLIENT
                and fact.withdrawn_at is None
            ),
            None,
        )

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
    def open_until(self) -> datetime | None:
        """When the last of the links ends by which the client reaches this booking."""
        return max((link.open_until for link in self.chain if link.open_until), default=None)

    @property
    def revoked_at(self) -> datetime | None:
        """When a link by which the client reached this booking was last revoked."""
        return max((link.revoked_at for link in self.chain if link.revoked_at), default=None)

    def can_link(self, now: datetime) -> bool:
        """Whether a link made now would let the client do anything."""
        return client_requests.link_helps(self.appointment, now)

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
    chain, events = _told(session, appointment)
    bookings = [
        Booking(link, events[link.appointment_id][::-1])
        for link in reversed([link for link in chain if link.position <= appointment.chain_position])
    ]
    outcomes = [event.changed_at for event in bookings[0].events if event.action and event.status in OUTCOMES]
    return Dossier(appointment, chain, bookings, min(outcomes, default=None))


def story(session: Session, *, firm_id: int, appointment_id: int) -> Story:
    """An appointment's whole chain from its first booking on. Four statements, whatever its length.

    Raises:
        Missing: the firm has no such appointment.
    """
    appointment = get(session, firm_id=firm_id, appointment_id=appointment_id)
    chain, events = _told(session, appointment)
    return Story(appointment, [Booking(link, events[link.appointment_id]) for link in chain])


def _told(session: Session, appointment: Appointment) -> tuple[list[Link], dict[int, list[Event]]]:
    """The chain in order; of each member the transitions, edits and arrivals, the first recorded first."""
    chain, events = _chain(session, appointment)
    _add_edits(session, appointment.firm_id, events)
    _add_attendance(session, appointment.firm_id, events)
    for found in events.values():
        found.sort(key=lambda event: event.changed_at)
    return chain, events


def _chain(session: Session, appointment: Appointment) -> tuple[list[Link], dict[int, list[Event]]]:
    """The chain in order, and the transitions of each member, oldest first. Every member has at least one."""
    root = appointment.chain_root_id or appointment.appointment_id
    # Two key look-ups: an OR of both would have SQLite walk through all of the firm's appointments.
    first, later = (
        sa.select(Appointment.appointment_id).where(Appointment.firm_id == appointment.firm_id, condition)
        for condition in (Appointment.appointment_id == root, Appointment.chain_root_id == root)
    )
    members = sa.union_all(first, later)
    history = AppointmentStatusHistory
    links = (
        sa.select(sa.func.max(PersonalLink.expires_at))
        .where(
            PersonalLink.firm_id == Appointment.firm_id,
            PersonalLink.appointment_id == Appointment.appointment_id,
            PersonalLink.contact_id == appointment.contact_id,  # a link is one contact's; None is IS NULL
        )
        .correlate(Appointment)
    )
    open_until = links.where(PersonalLink.revoked_at.is_(None)).scalar_subquery()
    revoked_at = links.with_only_columns(sa.func.max(PersonalLink.revoked_at)).scalar_subquery()
    found = session.execute(
        sa.select(
            history,
            Appointment.chain_position,
            Appointment.start_time,
            Appointment.end_time,
            Appointment.status,
            open_until,
            revoked_at,
        )
        .select_from(Appointment)
        .join(
            history,
            sa.and_(
                history.firm_id == Appointment.firm_id, history.appointment_id == Appointment.appointment_id
            ),
        )
        .where(Appointment.firm_id == appointment.firm_id, Appointment.appointment_id.in_(members))
        .order_by(Appointment.chain_position, history.sequence)
    )
    chain: dict[int, Link] = {}
    events: dict[int, list[Event]] = {}
    for row, position, start, end, status, until, revoked in found:
        link = Link(row.appointment_id, position, start, end, status, until, revoked)
        chain.setdefault(row.appointment_id, link)
        events.setdefault(row.appointment_id, []).append(_transition(row))
    return list(chain.values()), events


def _add_edits(session: Session, firm_id: int, events: dict[int, list[Event]]) -> None:
    edits = session.scalars(
        sa.select(AuditEvent)
        .where(
            AuditEvent.firm_id == firm_id,
            AuditEvent.subject == "appointment",
            AuditEvent.subject_id.in_(list(events)),
        )
        .order_by(AuditEvent.audit_event_id)
    )
    for edit in edits:
        found = events[edit.subject_id]
        found.append(_edit(edit, _status_then(found, edit.changed_at)))


def _add_attendance(session: Session, firm_id: int, events: dict[int, list[Event]]) -> None:
    known = attendance.facts(session, firm_id=firm_id, appointment_ids=list(events))
    for appointment_id, facts in known.items():
        found = events[appointment_id]
        for fact in facts.rows:
            found.append(_arrival(fact, _status_then(found, fact.recorded_at)))


def _status_then(events: list[Event], moment: datetime) -> Status:
    """The status in which something happened that is not a transition."""
    before = [event for event in events if event.action and event.changed_at <= moment]
    return (before or events)[-1 if before else 0].status


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
        actor_kind=row.actor_kind,
        party=row.no_show_party,
        cancelled_by=row.cancelled_by,
        erased=row.erased_words is not None,
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
        erasure=row.action == "erased",
        actor_kind=ActorKind.STAFF if row.changed_by_id else None,
    )


def _arrival(fact: Fact, status: Status) -> Event:
    return Event(
        status=status,
        action=None,
        from_status=None,
        reason=None,
        overrides=(),
        actor_label=fact.actor_label,
        changed_at=fact.recorded_at,
        occurred_at=fact.joined_at,
        fact=fact,
    )
