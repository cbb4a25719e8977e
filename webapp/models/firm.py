"""The tenant and the people who work in it."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.models.base import Base, BigId, UTCDateTime, in_firm, one_of, words
from webapp.vocabulary import Density, OutcomePolicy, Role, Theme

DEFAULT_HOURS: list[list[list[int]]] = [[[540, 1080]]] * 5 + [[], []]
"""Monday to Friday 09:00 to 18:00: per weekday a list of [start, end) in minutes after local midnight."""


class Firm(Base):
    """A tenant. Everything else belongs to exactly one firm."""

    __tablename__ = "firm"

    firm_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    slug: Mapped[str] = mapped_column(sa.String(60), unique=True)
    timezone: Mapped[str] = mapped_column(sa.String(64))
    twelve_hour: Mapped[bool] = mapped_column(default=False)
    month_first: Mapped[bool] = mapped_column(default=False)
    working_hours: Mapped[list[Any]] = mapped_column(sa.JSON, default=lambda: DEFAULT_HOURS)
    slot_step: Mapped[int] = mapped_column(default=15)
    reschedule_limit: Mapped[int | None] = mapped_column(default=3)
    reschedule_notice: Mapped[int] = mapped_column(default=0)
    cancel_notice: Mapped[int] = mapped_column(default=0)
    correction_days: Mapped[int] = mapped_column(default=7)
    confirm_hours: Mapped[int] = mapped_column(default=48)
    complete_after: Mapped[int] = mapped_column(default=60, server_default="60")
    no_show_after: Mapped[int] = mapped_column(default=30, server_default="30")
    completion_policy: Mapped[OutcomePolicy] = mapped_column(
        words(OutcomePolicy), default=OutcomePolicy.DECIDE, server_default="decide"
    )
    no_show_policy: Mapped[OutcomePolicy] = mapped_column(
        words(OutcomePolicy), default=OutcomePolicy.DECIDE, server_default="decide"
    )
    reminder_hours: Mapped[int] = mapped_column(default=24, server_default="24")
    last_call_hours: Mapped[int] = mapped_column(default=4, server_default="4")
    client_links: Mapped[bool] = mapped_column(default=True, server_default=sa.true())
    callback_round: Mapped[int] = mapped_column(default=0, server_default="0")
    callback_renewed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    is_demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    __table_args__ = (
        sa.CheckConstraint("slot_step BETWEEN 5 AND 120", name="slot_step"),
        sa.CheckConstraint("reschedule_limit IS NULL OR reschedule_limit >= 0", name="reschedule_limit"),
        sa.CheckConstraint("reschedule_notice >= 0 AND cancel_notice >= 0", name="notices"),
        sa.CheckConstraint("correction_days BETWEEN 0 AND 365", name="correction_days"),
        sa.CheckConstraint("confirm_hours BETWEEN 1 AND 720", name="confirm_hours"),
    )


class StaffUser(Base):
    """Somebody who signs in. ``bookable`` staff take appointments; a receptionist may not."""

    __tablename__ = "staff_user"

    staff_user_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"))
    email: Mapped[str] = mapped_column(sa.String(254))
    name: Mapped[str] = mapped_column(sa.String(120))
    role: Mapped[Role] = mapped_column(words(Role))
    bookable: Mapped[bool] = mapped_column(default=True)
    password_hash: Mapped[str | None] = mapped_column(sa.String(255))
    deactivated_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    theme: Mapped[Theme] = mapped_column(words(Theme), default=Theme.SYSTEM)
    density: Mapped[Density] = mapped_column(words(Density), default=Density.COMFORTABLE)
    shortcuts: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    firm: Mapped[Firm] = relationship()

    __table_args__ = (
        sa.UniqueConstraint("firm_id", "staff_user_id"),
        sa.UniqueConstraint("firm_id", "email"),
        sa.Index("ix_staff_user_email", "email"),
        one_of("role", Role),
        one_of("theme", Theme),
        one_of("density", Density),
        sa.CheckConstraint("email = lower(email)", name="email_lower"),
    )

    @property
    def active(self) -> bool:
        return self.deactivated_at is None


class UserSession(Base):
    """A signed-in browser. Only the SHA-256 of its token is kept."""

    __tablename__ = "user_session"

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    firm_id: Mapped[int] = mapped_column(BigId)
    staff_user_id: Mapped[int] = mapped_column(BigId)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    user_agent: Mapped[str] = mapped_column(sa.String(200), default="")

    __table_args__ = (
        in_firm("staff_user", "staff_user_id", "staff_user_id"),
        sa.Index("ix_user_session_staff_user", "firm_id", "staff_user_id"),
        sa.Index("ix_user_session_expires_at", "expires_at"),
    )


class Invitation(Base):
    """A one-time link by which a staff user sets a password. Only the SHA-256 of its token is kept."""

    __tablename__ = "invitation"

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    firm_id: Mapped[int] = mapped_column(BigId)
    staff_user_id: Mapped[int] = mapped_column(BigId)
    created_by_id: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    __table_args__ = (
        in_firm("staff_user", "staff_user_id", "staff_user_id"),
        in_firm("staff_user", "created_by_id", "staff_user_id"),
        sa.Index("ix_invitation_staff_user", "firm_id", "staff_user_id"),
    )


class SignInFailure(Base):
    """A failed sign-in, kept under a keyed hash of what was tried; the throttle counts them."""

    __tablename__ = "sign_in_failure"

    sign_in_failure_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject: Mapped[str] = mapped_column(sa.String(64))
    failed_at: Mapped[datetime] = mapped_column(UTCDateTime)

    __table_args__ = (sa.Index("ix_sign_in_failure_subject_failed_at", "subject", "failed_at"),)
