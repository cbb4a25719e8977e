"""A poll as one of its invitees sees it, behind a personal link."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.localtime import Local
from webapp.models import (
    Appointment,
    AppointmentType,
    Contact,
    Firm,
    Poll,
    PollInvitee,
    PollVote,
    StaffUser,
)
from webapp.queries import polls
from webapp.vocabulary import Answer, PollStatus, Status, Vote


@dataclass(frozen=True, slots=True)
class Invitation:
    """What one invitee may see: nobody else's name, address or vote."""

    firm_id: int
    poll_invitee_id: int
    firm_name: str
    name: str
    local: Local
    timezone: str
    title: str
    type_name: str
    host: str
    location: str
    status: PollStatus
    deadline: datetime
    voted_at: datetime | None
    answer: Answer | None
    comment: str
    slots: list[polls.Slot]
    votes: dict[int, Vote]
    appointment_status: Status | None
    start_time: datetime | None
    end_time: datetime | None
    confirm_by: datetime | None

    @property
    def held_slot(self) -> polls.Slot | None:
        if self.status is not PollStatus.HELD:
            return None
        return next((slot for slot in self.slots if slot.start_time == self.start_time), None)

    def can_vote(self, now: datetime) -> bool:
        return self.status is PollStatus.OPEN and now < self.deadline

    def can_answer(self, now: datetime) -> bool:
        in_time = self.confirm_by is None or now <= self.confirm_by
        return self.status is PollStatus.HELD and in_time and self.held_slot is not None


def invitation(session: Session, *, firm_id: int, poll_invitee_id: int) -> Invitation | None:
    """The poll as one invitee sees it. Four statements; the appointment is the last of its chain."""
    row = session.execute(
        sa.select(PollInvitee, Poll, Firm, AppointmentType.name, StaffUser.name, Contact.timezone)
        .join(Poll, Poll.poll_id == PollInvitee.poll_id)
        .join(Firm, Firm.firm_id == Poll.firm_id)
        .join(AppointmentType, AppointmentType.appointment_type_id == Poll.appointment_type_id)
        .join(StaffUser, StaffUser.staff_user_id == Poll.staff_user_id)
        .outerjoin(Contact, Contact.contact_id == PollInvitee.contact_id)
        .where(PollInvitee.firm_id == firm_id, PollInvitee.poll_invitee_id == poll_invitee_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return None
    me, poll, firm, type_name, host, contact_zone = row
    timezone = me.timezone or contact_zone or firm.timezone
    meeting = _last_of_chain(session, firm_id, poll.appointment_id)
    return Invitation(
        firm_id=firm_id,
        poll_invitee_id=poll_invitee_id,
        firm_name=firm.name,
        name=me.name,
        local=Local.named(timezone, twelve_hour=firm.twelve_hour, month_first=firm.month_first),
        timezone=timezone,
        title=poll.title,
        type_name=type_name,
        host=host,
        location=meeting.location if meeting else poll.location,
        status=poll.status,
        deadline=poll.deadline,
        voted_at=me.voted_at,
        answer=me.answer,
        comment=me.comment,
        slots=polls.slots_of(session, firm_id=firm_id, poll_id=poll.poll_id),
        votes=_votes_of(session, firm_id, poll_invitee_id),
        appointment_status=meeting.status if meeting else None,
        start_time=meeting.start_time if meeting else None,
        end_time=meeting.end_time if meeting else None,
        confirm_by=meeting.confirm_by if meeting else None,
    )


def _last_of_chain(session: Session, firm_id: int, appointment_id: int | None) -> Appointment | None:
    """The appointment, or what it was moved to in the end: a poll's appointment begins its chain."""
    if appointment_id is None:
        return None
    return session.scalars(
        sa.select(Appointment)
        .where(
            Appointment.firm_id == firm_id,
            sa.or_(Appointment.appointment_id == appointment_id, Appointment.chain_root_id == appointment_id),
        )
        .order_by(Appointment.chain_position.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).one_or_none()


def _votes_of(session: Session, firm_id: int, poll_invitee_id: int) -> dict[int, Vote]:
    found = session.execute(
        sa.select(PollVote.poll_slot_id, PollVote.vote).where(
            PollVote.firm_id == firm_id, PollVote.poll_invitee_id == poll_invitee_id
        )
    )
    return {row.poll_slot_id: row.vote for row in found}
