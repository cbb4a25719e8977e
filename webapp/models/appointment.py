"""Appointment types and appointments."""

from datetime import datetime
from typing import Optional

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.models.base import Base, BigId, UTCDateTime, in_firm, one_of, words
from webapp.models.clients import Account, Contact
from webapp.models.firm import Firm, StaffUser
from webapp.models.status_history import AppointmentStatusHistory
from webapp.vocabulary import LIVE, CancellationKind, CancelledBy, NoShowParty, Status

LIVE_SQL = "status IN ({})".format(", ".join(f"'{status.value}'" for status in Status if status in LIVE))
HOLDS_SLOT_SQL = f"{LIVE_SQL} AND NOT overbooked"


class AppointmentType(Base):
    """What a meeting is about. The three limits override the firm's where they are set."""

    __tablename__ = "appointment_type"

    appointment_type_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"))
    name: Mapped[str] = mapped_column(sa.String(120))
    duration: Mapped[int] = mapped_column()
    location: Mapped[str] = mapped_column(sa.String(120), default="")
    tracked: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    reschedule_limit: Mapped[int | None] = mapped_column()
    reschedule_notice: Mapped[int | None] = mapped_column()
    cancel_notice: Mapped[int | None] = mapped_column()
    retired_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    __table_args__ = (
        sa.UniqueConstraint("firm_id", "appointment_type_id"),
        sa.UniqueConstraint("firm_id", "name"),
        sa.CheckConstraint("duration BETWEEN 5 AND 720", name="duration"),
        sa.CheckConstraint(
            "coalesce(reschedule_limit, 0) >= 0 AND coalesce(reschedule_notice, 0) >= 0 "
            "AND coalesce(cancel_notice, 0) >= 0",
            name="limits",
        ),
    )


def _joined(local: str, table: str, target: str) -> str:
    return f"and_(Appointment.firm_id == {table}.firm_id, Appointment.{local} == {table}.{target})"


class Appointment(Base):
    """One meeting of one staff user with a contact or account, ``[start_time, end_time)`` in UTC.

    ``version`` rises by one with each change. ``chain_root_id`` is the first booking of the reschedule
    chain, null on the first itself; ``chain_position`` counts from 1.
    """

    __tablename__ = "appointment"

    appointment_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"))
    appointment_type_id: Mapped[int] = mapped_column(BigId)
    staff_user_id: Mapped[int] = mapped_column(BigId)
    account_id: Mapped[int | None] = mapped_column(BigId)
    contact_id: Mapped[int | None] = mapped_column(BigId)
    booked_by: Mapped[str] = mapped_column(sa.String(160))
    booked_by_id: Mapped[int | None] = mapped_column(BigId)
    start_time: Mapped[datetime] = mapped_column(UTCDateTime)
    end_time: Mapped[datetime] = mapped_column(UTCDateTime)
    status: Mapped[Status] = mapped_column(words(Status))
    status_reason: Mapped[str | None] = mapped_column(sa.Text)
    rescheduled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    rescheduled_from_id: Mapped[int | None] = mapped_column(BigId)
    chain_root_id: Mapped[int | None] = mapped_column(BigId)
    chain_position: Mapped[int] = mapped_column(default=1)
    cancelled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    cancellation_kind: Mapped[CancellationKind | None] = mapped_column(words(CancellationKind))
    cancelled_by: Mapped[CancelledBy | None] = mapped_column(words(CancelledBy))
    completed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    no_show_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    no_show_party: Mapped[NoShowParty | None] = mapped_column(words(NoShowParty))
    confirm_by: Mapped[datetime | None] = mapped_column(UTCDateTime)
    location: Mapped[str] = mapped_column(sa.String(120), default="")
    notes: Mapped[str] = mapped_column(sa.Text, default="")
    overbooked: Mapped[bool] = mapped_column(default=False)
    tracked: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    external_ref: Mapped[str | None] = mapped_column(sa.String(120))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    firm: Mapped[Firm] = relationship(viewonly=True)
    appointment_type: Mapped[AppointmentType] = relationship(
        primaryjoin=_joined("appointment_type_id", "AppointmentType", "appointment_type_id"),
        foreign_keys="Appointment.appointment_type_id",
        viewonly=True,
    )
    staff_user: Mapped[StaffUser] = relationship(
        primaryjoin=_joined("staff_user_id", "StaffUser", "staff_user_id"),
        foreign_keys="Appointment.staff_user_id",
        viewonly=True,
    )
    account: Mapped[Account | None] = relationship(
        primaryjoin=_joined("account_id", "Account", "account_id"),
        foreign_keys="Appointment.account_id",
        viewonly=True,
    )
    contact: Mapped[Contact | None] = relationship(
        primaryjoin=_joined("contact_id", "Contact", "contact_id"),
        foreign_keys="Appointment.contact_id",
        viewonly=True,
    )
    rescheduled_from: Mapped[Optional["Appointment"]] = relationship(
        primaryjoin="Appointment.rescheduled_from_id == remote(Appointment.appointment_id)",
        foreign_keys="Appointment.rescheduled_from_id",
        viewonly=True,
    )
    rescheduled_to: Mapped[Optional["Appointment"]] = relationship(
        primaryjoin="and_(Appointment.appointment_id == remote(foreign(Appointment.rescheduled_from_id)), "
        "Appointment.firm_id == remote(Appointment.firm_id))",
        uselist=False,
        viewonly=True,
    )
    status_history: Mapped[list[AppointmentStatusHistory]] = relationship(
        primaryjoin="and_(Appointment.firm_id == AppointmentStatusHistory.firm_id, "
        "Appointment.appointment_id == AppointmentStatusHistory.appointment_id)",
        foreign_keys="AppointmentStatusHistory.appointment_id",
        order_by="AppointmentStatusHistory.sequence",
        viewonly=True,
    )

    __table_args__ = (
        sa.UniqueConstraint("firm_id", "appointment_id"),
        sa.UniqueConstraint("firm_id", "rescheduled_from_id"),
        sa.UniqueConstraint("firm_id", "external_ref"),
        in_firm("appointment_type", "appointment_type_id", "appointment_type_id"),
        in_firm("staff_user", "staff_user_id", "staff_user_id"),
        in_firm("staff_user", "booked_by_id", "staff_user_id"),
        in_firm("account", "account_id", "account_id"),
        in_firm("contact", "contact_id", "contact_id"),
        in_firm("appointment", "rescheduled_from_id", "appointment_id"),
        in_firm("appointment", "chain_root_id", "appointment_id"),
        one_of("status", Status),
        one_of("no_show_party", NoShowParty, name="no_show_party_word"),
        one_of("cancellation_kind", CancellationKind, name="cancellation_kind_word"),
        one_of("cancelled_by", CancelledBy, name="cancelled_by_word"),
        sa.CheckConstraint("start_time < end_time", name="interval"),
        sa.CheckConstraint("contact_id IS NOT NULL OR account_id IS NOT NULL", name="client"),
        sa.CheckConstraint("(status = 'rescheduled') = (rescheduled_at IS NOT NULL)", name="rescheduled_at"),
        sa.CheckConstraint("(status = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled_at"),
        sa.CheckConstraint(
            "(status = 'cancelled') = (cancellation_kind IS NOT NULL)", name="cancellation_kind"
        ),
        sa.CheckConstraint("(status = 'cancelled') = (cancelled_by IS NOT NULL)", name="cancelled_by"),
        sa.CheckConstraint("(status = 'completed') = (completed_at IS NOT NULL)", name="completed_at"),
        sa.CheckConstraint("(status = 'no_show') = (no_show_at IS NOT NULL)", name="no_show_at"),
        sa.CheckConstraint("(status = 'no_show') = (no_show_party IS NOT NULL)", name="no_show_party"),
        sa.CheckConstraint("status <> 'awaiting_confirmation' OR confirm_by IS NOT NULL", name="confirm_by"),
        sa.CheckConstraint("(rescheduled_from_id IS NULL) = (chain_root_id IS NULL)", name="chain"),
        sa.CheckConstraint("(rescheduled_from_id IS NULL) = (chain_position = 1)", name="chain_position"),
        sa.CheckConstraint("version >= 1", name="version"),
        sa.Index("ix_appointment_start", "firm_id", "start_time", "appointment_id"),
        sa.Index(
            "ix_appointment_staff_start",
            "firm_id",
            "staff_user_id",
            "start_time",
            "appointment_id",
            "status",  # a person's statuses are sifted within the index
        ),
        sa.Index(
            "ix_appointment_type_start",
            "firm_id",
            "appointment_type_id",
            "start_time",
            "appointment_id",
            "status",
        ),
        sa.Index("ix_appointment_status_start", "firm_id", "status", "start_time", "appointment_id"),
        sa.Index("ix_appointment_contact_start", "firm_id", "contact_id", "start_time"),
        sa.Index("ix_appointment_account_start", "firm_id", "account_id", "start_time"),
        sa.Index("ix_appointment_chain", "firm_id", "chain_root_id"),
        sa.Index(
            "ix_appointment_slot",
            "firm_id",
            "staff_user_id",
            "start_time",
            "end_time",
            sqlite_where=sa.text(HOLDS_SLOT_SQL),
            postgresql_where=sa.text(HOLDS_SLOT_SQL),
        ),
        sa.Index(
            "ix_appointment_requested",
            "firm_id",
            "start_time",
            "created_at",
            sqlite_where=sa.text("status = 'requested'"),
            postgresql_where=sa.text("status = 'requested'"),
        ),
        sa.Index(
            "ix_appointment_awaiting",
            "firm_id",
            "confirm_by",
            sqlite_where=sa.text("status = 'awaiting_confirmation'"),
            postgresql_where=sa.text("status = 'awaiting_confirmation'"),
        ),
        sa.Index(
            "ix_appointment_due",
            "firm_id",
            "end_time",
            sqlite_where=sa.text("status = 'confirmed'"),
            postgresql_where=sa.text("status = 'confirmed'"),
        ),
        sa.Index(  # a person's own meetings without an outcome, counted on every page
            "ix_appointment_staff_due",
            "firm_id",
            "staff_user_id",
            "end_time",
            sqlite_where=sa.text("status = 'confirmed'"),
            postgresql_where=sa.text("status = 'confirmed'"),
        ),
        sa.Index(
            "ix_appointment_tracked",
            "firm_id",
            "start_time",
            sqlite_where=sa.text("status = 'confirmed' AND tracked"),
            postgresql_where=sa.text("status = 'confirmed' AND tracked"),
        ),
        {"sqlite_autoincrement": True},
    )

    @property
    def client_name(self) -> str:
        """The contact's name, else the account's."""
        if self.contact is not None:
            return self.contact.name
        return self.account.name if self.account is not None else ""
