"""Group polls: slots proposed to invitees, their votes, and what they answer when one is held."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, BigId, UTCDateTime, in_firm, one_of, words
from webapp.vocabulary import Answer, PollStatus, Vote


class Poll(Base):
    """A search for a time. While a slot is held, ``appointment_id`` is the appointment that waits."""

    __tablename__ = "poll"

    poll_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"))
    title: Mapped[str] = mapped_column(sa.String(120))
    appointment_type_id: Mapped[int] = mapped_column(BigId)
    staff_user_id: Mapped[int] = mapped_column(BigId)
    account_id: Mapped[int | None] = mapped_column(BigId)
    location: Mapped[str] = mapped_column(sa.String(120), default="")
    notes: Mapped[str] = mapped_column(sa.Text, default="")
    deadline: Mapped[datetime] = mapped_column(UTCDateTime)
    status: Mapped[PollStatus] = mapped_column(words(PollStatus))
    status_reason: Mapped[str | None] = mapped_column(sa.Text)
    appointment_id: Mapped[int | None] = mapped_column(BigId)
    version: Mapped[int] = mapped_column(default=1)
    created_by_id: Mapped[int] = mapped_column(BigId)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    reminded_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    __table_args__ = (
        sa.UniqueConstraint("firm_id", "poll_id"),
        in_firm("appointment_type", "appointment_type_id", "appointment_type_id"),
        in_firm("staff_user", "staff_user_id", "staff_user_id"),
        in_firm("staff_user", "created_by_id", "staff_user_id"),
        in_firm("account", "account_id", "account_id"),
        in_firm("appointment", "appointment_id", "appointment_id"),
        one_of("status", PollStatus),
        sa.CheckConstraint("(status IN ('held', 'confirmed')) <= (appointment_id IS NOT NULL)", name="held"),
        sa.Index("ix_poll_status", "firm_id", "status", "deadline"),
        sa.Index("ix_poll_appointment", "firm_id", "appointment_id"),
        {"sqlite_autoincrement": True},
    )


class PollSlot(Base):
    """A proposed time, ``[start_time, end_time)``."""

    __tablename__ = "poll_slot"

    poll_slot_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(BigId)
    poll_id: Mapped[int] = mapped_column(BigId)
    start_time: Mapped[datetime] = mapped_column(UTCDateTime)
    end_time: Mapped[datetime] = mapped_column(UTCDateTime)

    __table_args__ = (
        in_firm("poll", "poll_id", "poll_id"),
        sa.UniqueConstraint("firm_id", "poll_slot_id"),
        sa.UniqueConstraint("firm_id", "poll_id", "start_time"),
        sa.CheckConstraint("start_time < end_time", name="interval"),
    )


class PollInvitee(Base):
    """Somebody asked. ``answer`` is to the slot that is held now; ``contact_id`` when the firm knows them."""

    __tablename__ = "poll_invitee"

    poll_invitee_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(BigId)
    poll_id: Mapped[int] = mapped_column(BigId)
    contact_id: Mapped[int | None] = mapped_column(BigId)
    name: Mapped[str] = mapped_column(sa.String(160))
    email: Mapped[str] = mapped_column(sa.String(254))
    timezone: Mapped[str | None] = mapped_column(sa.String(64))
    required: Mapped[bool] = mapped_column(default=True)
    voted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    answer: Mapped[Answer | None] = mapped_column(words(Answer))
    answered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    comment: Mapped[str] = mapped_column(sa.String(500), default="")

    __table_args__ = (
        in_firm("poll", "poll_id", "poll_id"),
        in_firm("contact", "contact_id", "contact_id"),
        sa.UniqueConstraint("firm_id", "poll_invitee_id"),
        sa.UniqueConstraint("firm_id", "poll_id", "email"),
        one_of("answer", Answer),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answered"),
    )


class PollVote(Base):
    """What one invitee said of one slot."""

    __tablename__ = "poll_vote"

    firm_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    poll_slot_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    poll_invitee_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    vote: Mapped[Vote] = mapped_column(words(Vote))

    __table_args__ = (
        in_firm("poll_slot", "poll_slot_id", "poll_slot_id"),
        in_firm("poll_invitee", "poll_invitee_id", "poll_invitee_id"),
        one_of("vote", Vote),
    )
