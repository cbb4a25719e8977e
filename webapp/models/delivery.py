"""What leaves the house, the personal links in it, and the state of those who do the work."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, BigId, UTCDateTime, in_firm, one_of, words
from webapp.vocabulary import MailState, MailTemplate, SweepKind


class PersonalLink(Base):
    """A way in for somebody without an account: one invitee of a poll, or the client of one appointment.

    The token is made from ``nonce`` with the installation's key, so that reminders can repeat it; the
    database alone holds only its SHA-256. A client's link is one contact's: it opens nothing once the
    appointment is somebody else's.
    """

    __tablename__ = "personal_link"

    personal_link_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(BigId)
    nonce: Mapped[str] = mapped_column(sa.String(64))
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    poll_invitee_id: Mapped[int | None] = mapped_column(BigId)
    appointment_id: Mapped[int | None] = mapped_column(BigId)
    contact_id: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    __table_args__ = (
        in_firm("poll_invitee", "poll_invitee_id", "poll_invitee_id"),
        in_firm("appointment", "appointment_id", "appointment_id"),
        in_firm("contact", "contact_id", "contact_id"),
        sa.CheckConstraint("(poll_invitee_id IS NULL) <> (appointment_id IS NULL)", name="subject"),
        sa.Index("ix_personal_link_invitee", "firm_id", "poll_invitee_id"),
        sa.Index("ix_personal_link_appointment", "firm_id", "appointment_id"),
    )


class MailMessage(Base):
    """One mail to one person, rendered once; ``dedup_key`` keeps a repetition from writing it twice."""

    __tablename__ = "mail_message"

    mail_message_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"))
    appointment_id: Mapped[int | None] = mapped_column(BigId)
    poll_id: Mapped[int | None] = mapped_column(BigId)
    template: Mapped[MailTemplate] = mapped_column(words(MailTemplate))
    dedup_key: Mapped[str] = mapped_column(sa.String(160))
    recipient_name: Mapped[str] = mapped_column(sa.String(160))
    recipient: Mapped[str] = mapped_column(sa.String(254))
    subject: Mapped[str] = mapped_column(sa.String(255))
    text_body: Mapped[str] = mapped_column(sa.Text)
    html_body: Mapped[str] = mapped_column(sa.Text)
    calendar: Mapped[str | None] = mapped_column(sa.Text)
    calendar_method: Mapped[str | None] = mapped_column(sa.String(12))
    state: Mapped[MailState] = mapped_column(words(MailState))
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    leased_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    leased_by: Mapped[str | None] = mapped_column(sa.String(60))
    last_error: Mapped[str | None] = mapped_column(sa.Text)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    __table_args__ = (
        in_firm("appointment", "appointment_id", "appointment_id"),
        in_firm("poll", "poll_id", "poll_id"),
        sa.UniqueConstraint("firm_id", "dedup_key"),
        one_of("template", MailTemplate),
        one_of("state", MailState),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent"),
        sa.Index("ix_mail_message_list", "firm_id", "mail_message_id"),
        sa.Index("ix_mail_message_state", "firm_id", "state", "mail_message_id"),
        sa.Index("ix_mail_message_appointment", "firm_id", "appointment_id"),
        sa.Index(
            "ix_mail_message_due",
            "due_at",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
        sa.Index(  # what one person waits for, in order
            "ix_mail_message_queue",
            "firm_id",
            "recipient",
            "mail_message_id",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
        {"sqlite_autoincrement": True},
    )


class MailSwitch(Base):
    """A kind of mail that a firm has switched off."""

    __tablename__ = "mail_switch"

    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"), primary_key=True)
    template: Mapped[MailTemplate] = mapped_column(words(MailTemplate), primary_key=True)

    __table_args__ = (one_of("template", MailTemplate),)


class SweepHold(Base):
    """What the fuse held back: more was due than a usual day explains, or the clock jumped.

    A manager releases it (rows due up to ``due_until`` are decided) or dismisses it (they stay as they are).
    """

    __tablename__ = "sweep_hold"

    sweep_hold_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"))
    kind: Mapped[SweepKind] = mapped_column(words(SweepKind))
    row_count: Mapped[int] = mapped_column()
    usual: Mapped[int] = mapped_column()
    why: Mapped[str] = mapped_column(sa.String(24))
    due_until: Mapped[datetime] = mapped_column(UTCDateTime)
    held_at: Mapped[datetime] = mapped_column(UTCDateTime)
    decision: Mapped[str | None] = mapped_column(sa.String(24))
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    decided_by_id: Mapped[int | None] = mapped_column(BigId)
    decided_by: Mapped[str | None] = mapped_column(sa.String(160))

    __table_args__ = (
        in_firm("staff_user", "decided_by_id", "staff_user_id"),
        one_of("kind", SweepKind),
        sa.CheckConstraint("decision IN ('released', 'dismissed')", name="decision"),
        sa.CheckConstraint("why IN ('volume', 'clock')", name="why"),
        sa.CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided"),
        sa.Index(
            "ix_sweep_hold_open",
            "firm_id",
            "kind",
            unique=True,
            sqlite_where=sa.text("decision IS NULL"),
            postgresql_where=sa.text("decision IS NULL"),
        ),
    )


class SweepProblem(Base):
    """A row that a sweep could not move; it stepped aside, and this says why. One per kind."""

    __tablename__ = "sweep_problem"

    firm_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    appointment_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[SweepKind] = mapped_column(words(SweepKind), primary_key=True)
    sentence: Mapped[str] = mapped_column(sa.Text)
    tries: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_at: Mapped[datetime] = mapped_column(UTCDateTime)

    __table_args__ = (
        in_firm("appointment", "appointment_id", "appointment_id"),
        one_of("kind", SweepKind),
    )


class FirmSweep(Base):
    """When a firm was last swept: ``looked_at`` at all, ``believed_at`` by a clock that fitted the last one.

    The next clock is compared with ``believed_at``, so that one that ran away is no measure for itself.
    """

    __tablename__ = "firm_sweep"

    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"), primary_key=True)
    looked_at: Mapped[datetime] = mapped_column(UTCDateTime)
    believed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class WorkerHeartbeat(Base):
    """A worker's sign of life. ``swept_at`` is when it last went through all firms."""

    __tablename__ = "worker_heartbeat"

    worker: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    swept_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    stopped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
