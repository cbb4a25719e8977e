"""What is written beside a change: events to send out, the audit log, and submissions already answered."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, BigId, UTCDateTime, in_firm


class OutboxEvent(Base):
    """One thing to tell the world, written in the transition's own transaction, one per history row.

    A worker claims it by lease and sets ``handled_at`` when everything that follows from it is written.
    """

    __tablename__ = "outbox_event"

    outbox_event_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(BigId)
    appointment_id: Mapped[int] = mapped_column(BigId)
    sequence: Mapped[int] = mapped_column()
    event_type: Mapped[str] = mapped_column(sa.String(60))
    payload: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    handled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    leased_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    leased_by: Mapped[str | None] = mapped_column(sa.String(60))
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None] = mapped_column(sa.Text)

    __table_args__ = (
        sa.UniqueConstraint("firm_id", "appointment_id", "sequence"),
        sa.ForeignKeyConstraint(
            ["firm_id", "appointment_id", "sequence"],
            [
                "appointment_status_history.firm_id",
                "appointment_status_history.appointment_id",
                "appointment_status_history.sequence",
            ],
            name="fk_outbox_event_history",
        ),
        sa.Index(
            "ix_outbox_event_waiting",
            "outbox_event_id",
            sqlite_where=sa.text("handled_at IS NULL"),
            postgresql_where=sa.text("handled_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )


class AuditEvent(Base):
    """A change that is not a transition: details, people, settings, team. Append-only like the history.

    ``changes`` maps a field to ``[before, after]``.
    """

    __tablename__ = "audit_event"

    audit_event_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"))
    subject: Mapped[str] = mapped_column(sa.String(30))
    subject_id: Mapped[int] = mapped_column(BigId)
    action: Mapped[str] = mapped_column(sa.String(30))
    changes: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    changed_by_id: Mapped[int | None] = mapped_column(BigId)
    actor_label: Mapped[str] = mapped_column(sa.String(160))
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime)

    __table_args__ = (
        in_firm("staff_user", "changed_by_id", "staff_user_id"),
        sa.Index("ix_audit_event_subject", "firm_id", "subject", "subject_id", "audit_event_id"),
        sa.Index("ix_audit_event_changed_at", "firm_id", "changed_at"),
        {"sqlite_autoincrement": True},
    )


class Submission(Base):
    """A form token that has had its effect; a second arrival gets ``answer`` instead of a second effect."""

    __tablename__ = "submission"

    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"), primary_key=True)
    token: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    answer: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    __table_args__ = (sa.Index("ix_submission_created_at", "created_at"),)
