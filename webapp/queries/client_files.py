"""Contacts and accounts as tables that leave the house: all that their pages list or find, by name."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Account, Contact
from webapp.queries import clients, snapshots
from webapp.queries.client_pages import AccountRow, ContactRow, select_accounts, select_contacts
from webapp.queries.snapshots import Counted


def contacts(
    engine: sa.Engine, *, firm_id: int, q: str = "", account_id: int | None = None
) -> Counted[ContactRow]:
    """Contacts by name: all, those that ``q`` finds, those of one account. Two statements, and a search's."""
    passing: list[Any] = [Contact.firm_id == firm_id]
    if account_id is not None:
        passing.append(Contact.account_id == account_id)
    if q:
        with Session(engine) as session:
            passing.append(clients.contacts_found(session, firm_id=firm_id, q=q))
    how_many = sa.select(sa.func.count()).select_from(Contact).where(*passing)
    question = select_contacts(firm_id).where(*passing).order_by(Contact.sort_name, Contact.contact_id)
    return snapshots.every(engine, question, ContactRow, how_many)


def accounts(engine: sa.Engine, *, firm_id: int, q: str = "") -> Counted[AccountRow]:
    """Accounts by name: all, or those whose name begins with ``q``. Two statements."""
    passing: list[Any] = [Account.firm_id == firm_id]
    if q:
        passing.append(clients.accounts_found(q))
    how_many = sa.select(sa.func.count()).select_from(Account).where(*passing)
    question = select_accounts(firm_id).where(*passing).order_by(Account.sort_name, Account.account_id)
    return snapshots.every(engine, question, AccountRow, how_many)
