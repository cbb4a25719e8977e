"""What proves the history: signed seals over its rows, and which rows still await one."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, BigId, UTCDateTime


class HistorySeal(Base):
    """A signed Merkle root over history rows of one firm, numbered from 1 without gaps. Never changed.

    ``members`` names the rows in the order of the tree; ``previous`` is the digest of the seal before.
    ``webapp.proof.Seal`` says how each is written. Between ``first_id`` and ``last_id`` lie the keys of the
    rows; these two are there to find a row's seal, and prove nothing.
    """

    __tablename__ = "history_seal"

    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    entry_count: Mapped[int] = mapped_column()
    first_id: Mapped[int] = mapped_column(BigId)
    last_id: Mapped[int] = mapped_column(BigId)
    members: Mapped[str] = mapped_column(sa.Text)
    root: Mapped[str] = mapped_column(sa.String(64))
    previous: Mapped[str | None] = mapped_column(sa.String(64))
    sealed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    key_id: Mapped[str] = mapped_column(sa.String(16))
    signature: Mapped[str] = mapped_column(sa.String(128))

    __table_args__ = (
        sa.CheckConstraint("number >= 1", name="number"),
        sa.CheckConstraint("entry_count >= 1", name="entry_count"),
        sa.CheckConstraint("(number = 1) = (previous IS NULL)", name="previous"),
        sa.Index("ix_history_seal_last", "firm_id", "last_id"),
    )


class HistoryUnsealed(Base):
    """A history row that awaits its seal. The database itself writes it, with a row that has its digest."""

    __tablename__ = "history_unsealed"

    history_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"))

    __table_args__ = (sa.Index("ix_history_unsealed_firm", "firm_id", "history_id"),)


class HistoryAdoption(Base):
    """How far a firm's rows from before there were digests have one by now: to ``done_id`` of ``last_id``."""

    __tablename__ = "history_adoption"

    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"), primary_key=True)
    last_id: Mapped[int] = mapped_column(BigId)
    done_id: Mapped[int] = mapped_column(BigId, default=0, server_default="0")
