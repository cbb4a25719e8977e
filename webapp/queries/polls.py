"""One poll as its page shows it: the grid of times and invitees, the host's calendar, the history."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import slots
from webapp.lifecycle.errors import Missing
from webapp.models import (
    Appointment,
    AppointmentType,
    AuditEvent,
    Firm,
    PersonalLink,
    Poll,
    PollInvitee,
    PollSlot,
    PollVote,
    StaffUser,
)
from webapp.vocabulary import Answer, PollStatus, Vote


@dataclass(frozen=True, slots=True)
class Slot:
    """A proposed time; ``busy`` when the host has another appointment then."""

    poll_slot_id: int
    start_time: datetime
    end_time: datetime
    busy: bool


@dataclass(frozen=True, slots=True)
class Invitee:
    """A row of the grid. ``votes`` by slot id; ``linked`` when a personal link is open."""

    poll_invitee_id: int
    name: str
    email: str
    required: bool
    timezone: str | None
    voted_at: datetime | None
    answer: Answer | None
    comment: str
    linked: bool
    votes: dict[int, Vote]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the poll's history."""

    action: str
    actor_label: str
    changed_at: datetime
    changes: dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class PollPage:
    """Everything that a poll's page prints."""

    poll_id: int
    title: str
    status: PollStatus
    status_reason: str | None
    deadline: datetime
    version: int
    location: str
    notes: str
    reminded_at: datetime | None
    created_at: datetime
    type_name: str
    host: str
    confirm_hours: int
    staff_user_id: int
    appointment_id: int | None
    held_start: datetime | None
    confirm_by: datetime | None
    slots: list[Slot]
    invitees: list[Invitee]
    history: list[Entry]

    @property
    def held_slot(self) -> Slot | None:
        if self.status not in (PollStatus.HELD, PollStatus.CONFIRMED):
            return None
        return next((slot for slot in self.slots if slot.start_time == self.held_start), None)

    @property
    def declined(self) -> list[Invitee]:
        """Required invitees who declined the held time: staff have to choose what now."""
        if self.status is not PollStatus.HELD:
            return []
        return [one for one in self.invitees if one.required and one.answer is Answer.DECLINED]

    @property
    def silent(self) -> list[Invitee]:
        """Whose vote, or answer to the held time, is missing."""
        if self.status is PollStatus.HELD:
            return [one for one in self.invitees if one.answer is None]
        return [one for one in self.invitees if one.voted_at is None]

    @property
    def replied(self) -> int:
        return len(self.invitees) - len(self.silent)

    def tally(self, slot: Slot) -> tuple[int, int, int]:
        """How many said yes, if need be and no to a time."""
        given = [one.votes.get(slot.poll_slot_id) for one in self.invitees]
        return given.count(Vote.YES), given.count(Vote.IF_NEED_BE), given.count(Vote.NO)

    def best(self, now: datetime) -> set[int]:
        """The slots that suit most: first no required person against it, then most who can, then most yes."""
        scores = {
            slot.poll_slot_id: self._score(slot)
            for slot in self.slots
            if not slot.busy and slot.start_time > now and any(self.tally(slot)[:2])
        }
        top = max(scores.values(), default=None)
        return {slot_id for slot_id, score in scores.items() if score == top}

    def _score(self, slot: Slot) -> tuple[int, int, int]:
        against = sum(one.required and one.votes.get(slot.poll_slot_id) is Vote.NO for one in self.invitees)
        yes, need_be, _no = self.tally(slot)
        return -against, yes + need_be, yes

    @property
    def mark(self) -> str:
        """Changes whenever somebody replies or staff change the poll."""
        times = [moment for one in self.invitees for moment in (one.voted_at,) if moment]
        answers = "".join((one.answer or "-")[0] for one in self.invitees)
        latest = max(times).isoformat() if times else ""
        return f"{self.structure}.{answers}.{latest}"

    @property
    def structure(self) -> str:
        """Changes whenever staff change the poll."""
        return f"{self.version}.{self.status}.{len(self.slots)}.{len(self.invitees)}"


def page(session: Session, *, firm_id: int, poll_id: int, now: datetime) -> PollPage:
    """A poll with its grid and history. Six statements, whatever the number of times and invitees.

    Raises:
        Missing: the firm has no such poll.
    """
    head = session.execute(
        sa.select(
            Poll.poll_id,
            Poll.title,
            Poll.status,
            Poll.status_reason,
            Poll.deadline,
            Poll.version,
            Poll.location,
            Poll.notes,
            Poll.reminded_at,
            Poll.created_at,
            AppointmentType.name.label("type_name"),
            StaffUser.name.label("host"),
            Firm.confirm_hours,
            Poll.staff_user_id,
            Poll.appointment_id,
            Appointment.start_time.label("held_start"),
            Appointment.confirm_by,
        )
        .join(Firm, Firm.firm_id == Poll.firm_id)
        .join(AppointmentType, AppointmentType.appointment_type_id == Poll.appointment_type_id)
        .join(StaffUser, StaffUser.staff_user_id == Poll.staff_user_id)
        .outerjoin(Appointment, Appointment.appointment_id == Poll.appointment_id)
        .where(Poll.firm_id == firm_id, Poll.poll_id == poll_id)
    ).one_or_none()
    if head is None:
        raise Missing("There is no such poll.")
    return PollPage(
        **head._mapping,
        slots=_by_calendar(session, firm_id, slots_of(session, firm_id=firm_id, poll_id=poll_id), head),
        invitees=_invitees(session, firm_id, poll_id, now),
        history=_history(session, firm_id, poll_id),
    )


def slots_of(session: Session, *, firm_id: int, poll_id: int) -> list[Slot]:
    """The proposed times, in order, as if the host were free. One statement."""
    found = session.execute(
        sa.select(PollSlot.poll_slot_id, PollSlot.start_time, PollSlot.end_time)
        .where(PollSlot.firm_id == firm_id, PollSlot.poll_id == poll_id)
        .order_by(PollSlot.start_time)
    )
    return [Slot(*row, busy=False) for row in found]


def _by_calendar(session: Session, firm_id: int, found: list[Slot], head: Any) -> list[Slot]:
    """The slots with what the host's calendar says, leaving out the appointment that the poll holds."""
    if not found:
        return []
    taken = slots.taken(
        session,
        firm_id=firm_id,
        staff_user_id=head.staff_user_id,
        start=found[0].start_time,
        end=max(slot.end_time for slot in found),
        ignore=head.appointment_id,
    )
    return [
        replace(slot, busy=any(a < slot.end_time and slot.start_time < b for a, b in taken)) for slot in found
    ]


def _invitees(session: Session, firm_id: int, poll_id: int, now: datetime) -> list[Invitee]:
    linked = (
        sa.exists()
        .where(
            PersonalLink.firm_id == PollInvitee.firm_id,
            PersonalLink.poll_invitee_id == PollInvitee.poll_invitee_id,
            PersonalLink.revoked_at.is_(None),
            PersonalLink.expires_at > now,
        )
        .correlate(PollInvitee)
    )
    found = session.execute(
        sa.select(
            PollInvitee.poll_invitee_id,
            PollInvitee.name,
            PollInvitee.email,
            PollInvitee.required,
            PollInvitee.timezone,
            PollInvitee.voted_at,
            PollInvitee.answer,
            PollInvitee.comment,
            linked,
        )
        .where(PollInvitee.firm_id == firm_id, PollInvitee.poll_id == poll_id)
        .order_by(PollInvitee.poll_invitee_id)
    )
    invitees = [Invitee(*row, {}) for row in found]
    by_id = {invitee.poll_invitee_id: invitee for invitee in invitees}
    votes = session.execute(
        sa.select(PollVote.poll_invitee_id, PollVote.poll_slot_id, PollVote.vote)
        .join(PollInvitee, PollInvitee.poll_invitee_id == PollVote.poll_invitee_id)
        .where(PollInvitee.firm_id == firm_id, PollInvitee.poll_id == poll_id)
    )
    for row in votes:
        if row.poll_invitee_id in by_id:
            by_id[row.poll_invitee_id].votes[row.poll_slot_id] = row.vote
    return invitees


def _history(session: Session, firm_id: int, poll_id: int) -> list[Entry]:
    found = session.execute(
        sa.select(AuditEvent.action, AuditEvent.actor_label, AuditEvent.changed_at, AuditEvent.changes)
        .where(AuditEvent.firm_id == firm_id, AuditEvent.subject == "poll", AuditEvent.subject_id == poll_id)
        .order_by(AuditEvent.audit_event_id.desc())
        .limit(200)
    )
    return [Entry(*row) for row in found]
