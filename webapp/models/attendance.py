"""Who joined a meeting, when, and how that is known."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, BigId, UTCDateTime, in_firm, one_of, words
from webapp.vocabulary import AttendanceSide, AttendanceSource

OPEN_AT_THE_DESK = sa.text("source = 'front_desk' AND withdrawn_at IS NULL")


class Attendance(Base):
    """One fact. Taking it back keeps the row and says by whom; ``external_id`` is the source's own.

    The front desk has one open word for each side of an appointment; other sources may say it again.
    """

    __tablename__ = "attendance"

    attendance_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(BigId)
    appointment_id: Mapped[int] = mapped_column(BigId)
    side: Mapped[AttendanceSide] = mapped_column(words(AttendanceSide))
    source: Mapped[AttendanceSource] = mapped_column(words(AttendanceSource))
    joined_at: Mapped[datetime] = mapped_column(UTCDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UTCDateTime)
    recorded_by_id: Mapped[int | None] = mapped_column(BigId)
    actor_label: Mapped[str] = mapped_column(sa.String(160))
    external_id: Mapped[str | None] = mapped_column(sa.String(120))
    withdrawn_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(sa.String(160))

    __table_args__ = (
        in_firm("appointment", "appointment_id", "appointment_id"),
        in_firm("staff_user", "recorded_by_id", "staff_user_id"),
        sa.UniqueConstraint("firm_id", "external_id"),
        one_of("side", AttendanceSide),
        one_of("source", AttendanceSource),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn"),
        sa.Index("ix_attendance_appointment", "firm_id", "appointment_id", "side"),
        sa.Index(
            "ix_attendance_front_desk",
            "firm_id",
            "appointment_id",
            "side",
            unique=True,
            postgresql_where=OPEN_AT_THE_DESK,
            sqlite_where=OPEN_AT_THE_DESK,
        ),
        {"sqlite_autoincrement": True},
    )
