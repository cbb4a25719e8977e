"""Contacts and accounts as programs read them: by number, with the number of their last change."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.errors import Missing
from webapp.models import Account, AuditEvent, Contact
from webapp.queries import clients


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """A contact. ``timezone`` None: the firm's; ``version``: number of the last change, 0 before any."""

    contact_id: int
    name: str
    email: str
    phone: str
    timezone: str | None
    account_id: int | None
    account_name: str | None
    notes: str
    external_ref: str | None
    created_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account; ``contacts`` says how many it has, ``version`` is that of a contact."""

    account_id: int
    name: str
    notes: str
    contacts: int
    created_at: datetime
    version: int


def contact(session: Session, *, firm_id: int, contact_id: int) -> ContactRecord:
    """One contact of the firm (Missing otherwise). One statement."""
    row = session.execute(_contacts(firm_id).where(Contact.contact_id == contact_id)).one_or_none()
    if row is None:
        raise Missing("There is no such contact.")
    return ContactRecord(*row)


def account(session: Session, *, firm_id: int, account_id: int) -> AccountRecord:
    """One account of the firm (Missing otherwise). One statement."""
    row = session.execute(_accounts(firm_id).where(Account.account_id == account_id)).one_or_none()
    if row is None:
        raise Missing("There is no such account.")
    return AccountRecord(*row)


def contacts(
    session: Session, *, firm_id: int, q: str, account_id: int | None, after: int, size: int
) -> tuple[list[ContactRecord], int | None]:
    """Up to ``size`` contacts after a number, and the number to go on from. Two statements at most.

    Args:
        q: as in the desk's search; empty for all.
    """
    statement = _contacts(firm_id).where(Contact.contact_id > after)
    if account_id is not None:
        statement = statement.where(Contact.account_id == account_id)
    if q:
        statement = statement.where(clients.contacts_found(session, firm_id=firm_id, q=q))
    rows = session.execute(statement.order_by(Contact.contact_id).limit(size + 1))
    records = [ContactRecord(*row) for row in rows]
    return records[:size], records[size - 1].contact_id if len(records) > size else None


def accounts(
    session: Session, *, firm_id: int, q: str, after: int, size: int
) -> tuple[list[AccountRecord], int | None]:
    """The same of accounts whose names begin with ``q``. One statement."""
    statement = _accounts(firm_id).where(Account.account_id > after)
    if q:
        statement = statement.where(clients.accounts_found(q))
    rows = session.execute(statement.order_by(Account.account_id).limit(size + 1))
    records = [AccountRecord(*row) for row in rows]
    return records[:size], records[size - 1].account_id if len(records) > size else None


def _contacts(firm_id: int) -> Any:
    joined = sa.and_(Account.firm_id == Contact.firm_id, Account.account_id == Contact.account_id)
    return (
        sa.select(
            Contact.contact_id,
            Contact.name,
            Contact.email,
            Contact.phone,
            Contact.timezone,
            Contact.account_id,
            Account.name,
            Contact.notes,
            Contact.external_ref,
            Contact.created_at,
            _version("contact", Contact.firm_id, Contact.contact_id),
        )
        .outerjoin(Account, joined)
        .where(Contact.firm_id == firm_id)
    )


def _accounts(firm_id: int) -> sa.Select[Any]:
    people = (
        sa.select(sa.func.count())
        .where(Contact.firm_id == Account.firm_id, Contact.account_id == Account.account_id)
        .correlate(Account)
        .scalar_subquery()
    )
    return sa.select(
        Account.account_id,
        Account.name,
        Account.notes,
        people,
        Account.created_at,
        _version("account", Account.firm_id, Account.account_id),
    ).where(Account.firm_id == firm_id)


def _version(subject: str, firm_id: Any, subject_id: Any) -> sa.ColumnElement[int]:
    """The same number as ``lifecycle.audit.last_change`` gives."""
    last = (
        sa.select(sa.func.max(AuditEvent.audit_event_id))
        .where(
            AuditEvent.firm_id == firm_id, AuditEvent.subject == subject, AuditEvent.subject_id == subject_id
        )
        .correlate(firm_id.class_)
        .scalar_subquery()
    )
    return sa.func.coalesce(last, 0)
