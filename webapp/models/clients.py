"""Client organisations, the people in them, and the words by which a search finds them."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.models.base import Base, BigId, UTCDateTime, in_firm

TERM_LENGTH = 64
Term = sa.String(TERM_LENGTH).with_variant(sa.String(TERM_LENGTH, collation="C"), "postgresql")
"""Compared byte by byte on both engines, so that a prefix is a range of an ordinary index."""


class Account(Base):
    """A client organisation."""

    __tablename__ = "account"

    account_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"))
    name: Mapped[str] = mapped_column(sa.String(160))
    sort_name: Mapped[str] = mapped_column(Term)
    notes: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    __table_args__ = (
        sa.UniqueConstraint("firm_id", "account_id"),
        sa.Index("ix_account_sort_name", "firm_id", "sort_name", "account_id"),
    )


class Contact(Base):
    """A person, usually of an account. ``timezone`` is set when it is not the firm's.

    Of one who was erased nothing is left but the key, for what was met to be counted.
    """

    __tablename__ = "contact"

    contact_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    firm_id: Mapped[int] = mapped_column(sa.ForeignKey("firm.firm_id"))
    account_id: Mapped[int | None] = mapped_column(BigId)
    name: Mapped[str] = mapped_column(sa.String(160))
    sort_name: Mapped[str] = mapped_column(Term)
    email: Mapped[str] = mapped_column(sa.String(254), default="")
    phone: Mapped[str] = mapped_column(sa.String(40), default="")
    timezone: Mapped[str | None] = mapped_column(sa.String(64))
    notes: Mapped[str] = mapped_column(sa.Text, default="")
    external_ref: Mapped[str | None] = mapped_column(sa.String(120))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    erased_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    account: Mapped[Account | None] = relationship(
        primaryjoin="and_(Contact.firm_id == Account.firm_id, Contact.account_id == Account.account_id)",
        foreign_keys="Contact.account_id",
        viewonly=True,
    )

    __table_args__ = (
        in_firm("account", "account_id", "account_id"),
        sa.UniqueConstraint("firm_id", "contact_id"),
        sa.UniqueConstraint("firm_id", "external_ref"),
        sa.Index("ix_contact_sort_name", "firm_id", "sort_name", "contact_id"),
        sa.Index("ix_contact_account", "firm_id", "account_id"),
    )


class ContactTerm(Base):
    """One searchable word of a contact: of the name, the e-mail, or the phone number's digits."""

    __tablename__ = "contact_term"

    firm_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    term: Mapped[str] = mapped_column(Term, primary_key=True)
    contact_id: Mapped[int] = mapped_column(BigId, primary_key=True)

    __table_args__ = (
        in_firm("contact", "contact_id", "contact_id"),
        sa.Index("ix_contact_term_contact", "firm_id", "contact_id", "term"),
    )


class ErasedReference(Base):
    """By which an import knows an erased contact, or an appointment of one: a keyed hash of the reference."""

    __tablename__ = "erased_reference"

    firm_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    trace: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    contact_id: Mapped[int] = mapped_column(BigId)

    __table_args__ = (
        in_firm("contact", "contact_id", "contact_id"),
        sa.Index("ix_erased_reference_contact", "firm_id", "contact_id"),
    )
