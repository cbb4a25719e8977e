"""The append-only status history: one row per transition, never changed, never deleted."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, BigId, UTCDateTime, in_firm, one_of, words
from webapp.vocabulary import Action, ActorKind, CancelledBy, NoShowParty, Status


class AppointmentStatusHistory(Base):
    """One transition.

    ``changed_at`` is when it was recorded, ``occurred_at`` when it is said to have happened (the stamp on
    the appointment). ``no_show_party`` and ``cancelled_by`` make the row enough to replay the appointment.
    ``overrides`` names the limits that staff went past, comma-separated words of ``Override``.

    ``entry_hash`` is the row's digest after its predecessor's (``webapp.proof`` has the formula). The
    reason and a client's name go in by a commitment under ``words_salt``; where they were erased,
    ``erased_words`` keeps the commitment. ``legacy`` marks rows from before there were digests, hashed later
    as they were found.
    """

    __tablename__ = "appointment_status_history"

    history_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(BigId)
    appointment_id: Mapped[int] = mapped_column(BigId)
    sequence: Mapped[int] = mapped_column()
    action: Mapped[Action] = mapped_column(words(Action))
    from_status: Mapped[Status | None] = mapped_column(words(Status))
    to_status: Mapped[Status] = mapped_column(words(Status))
    reason: Mapped[str | None] = mapped_column(sa.Text)
    no_show_party: Mapped[NoShowParty | None] = mapped_column(words(NoShowParty))
    cancelled_by: Mapped[CancelledBy | None] = mapped_column(words(CancelledBy))
    overrides: Mapped[str | None] = mapped_column(sa.String(120))
    changed_by_id: Mapped[int | None] = mapped_column(BigId)
    actor_kind: Mapped[ActorKind] = mapped_column(words(ActorKind))
    actor_label: Mapped[str] = mapped_column(sa.String(160))
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    occurred_at: Mapped[datetime] = mapped_column(UTCDateTime)
    entry_hash: Mapped[str | None] = mapped_column(sa.String(64))
    words_salt: Mapped[str | None] = mapped_column(sa.String(32))
    erased_words: Mapped[str | None] = mapped_column(sa.String(64))
    legacy: Mapped[bool] = mapped_column(default=False, server_default=sa.false())

    __table_args__ = (
        sa.UniqueConstraint("firm_id", "appointment_id", "sequence"),
        in_firm("appointment", "appointment_id", "appointment_id"),
        in_firm("staff_user", "changed_by_id", "staff_user_id"),
        one_of("action", Action),
        one_of("from_status", Status),
        one_of("to_status", Status),
        one_of("actor_kind", ActorKind),
        one_of("no_show_party", NoShowParty),
        one_of("cancelled_by", CancelledBy),
        sa.CheckConstraint("sequence >= 1", name="sequence"),
        sa.CheckConstraint("(sequence = 1) = (from_status IS NULL)", name="first"),
        sa.CheckConstraint("(actor_kind = 'staff') = (changed_by_id IS NOT NULL)", name="actor"),
        sa.CheckConstraint("length(actor_label) > 0", name="actor_label"),
        sa.CheckConstraint("(to_status = 'no_show') = (no_show_party IS NOT NULL)", name="party"),
        sa.CheckConstraint("(to_status = 'cancelled') = (cancelled_by IS NOT NULL)", name="cancelled"),
        sa.Index("ix_appointment_status_history_changed_at", "firm_id", "changed_at", "history_id"),
        sa.Index(
            "ix_appointment_status_history_step",
            "firm_id",
            "action",
            "to_status",
            "from_status",
            "changed_at",
            "history_id",
        ),
        sa.Index(
            "ix_appointment_status_history_actor",
            "firm_id",
            "actor_kind",
            "changed_by_id",
            "action",
            "to_status",
            "from_status",
            "changed_at",
            "history_id",
        ),
        {"sqlite_autoincrement": True},
    )
