"""The clients of a batch: those the firm has, found again, and those that are new, in a few statements."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.importing.facts import Client
from webapp.lifecycle.terms import normalise, sort_name_of, terms_of
from webapp.models import Account, Contact, ContactTerm

CONTACTS = cast(sa.Table, Contact.__table__)
ACCOUNTS = cast(sa.Table, Account.__table__)
TERMS = cast(sa.Table, ContactTerm.__table__)


class Known(NamedTuple):
    """A client as appointments refer to them; at least one of the two is set."""

    contact_id: int | None
    account_id: int | None


class Clients:
    """Looks up and adds the clients of one batch. ``added`` counts the new contacts.

    A contact is known again by the reference, or without one by name, e-mail address and account together.
    What is known of a contact is not changed: an import adds, it does not edit.
    """

    def __init__(self, session: Session, *, firm_id: int, now: datetime) -> None:
        self._session = session
        self._firm_id = firm_id
        self._now = now
        self.added = 0

    def resolve(self, clients: Iterable[Client]) -> dict[Client, Known]:
        """Every client's contact and account; the contact's own account goes before the row's."""
        wanted = list(dict.fromkeys(clients))
        accounts = self._accounts({client.account for client in wanted if client.account})
        of = {client: accounts.get(normalise(client.account)) for client in wanted}
        by_ref = self._by_ref([client for client in wanted if client.ref], of)
        by_name = self._by_name([client for client in wanted if client.name and not client.ref], of)
        found: dict[Client, Known] = {}
        for client in wanted:
            if client.ref:
                known = by_ref[client.ref]
            elif client.name:
                known = by_name[_key(client.name, client.email, of[client])]
            else:
                known = Known(None, of[client])
            found[client] = known if known.account_id else known._replace(account_id=of[client])
        return found

    def _accounts(self, names: set[str]) -> dict[str, int]:
        if not names:
            return {}
        sort_names = {sort_name_of(name) for name in names}
        rows = self._session.execute(
            sa.select(ACCOUNTS.c.name, ACCOUNTS.c.account_id)
            .where(ACCOUNTS.c.firm_id == self._firm_id, ACCOUNTS.c.sort_name.in_(sort_names))
            .order_by(ACCOUNTS.c.account_id.desc())
        )
        found = {normalise(name): account_id for name, account_id in rows}
        new = {normalise(name): name for name in sorted(names)}
        values = [self._stamped(name) | {"notes": ""} for folded, name in new.items() if folded not in found]
        if values:
            made = sa.insert(ACCOUNTS).returning(ACCOUNTS.c.name, ACCOUNTS.c.account_id)
            found |= {normalise(name): key for name, key in self._session.execute(made, values)}
        return found

    def _by_ref(self, clients: list[Client], of: dict[Client, int | None]) -> dict[str, Known]:
        """Contacts by their reference; of two rows that describe one differently, the first counts."""
        if not clients:
            return {}
        columns = (CONTACTS.c.external_ref, CONTACTS.c.contact_id, CONTACTS.c.account_id)
        rows = self._session.execute(
            sa.select(*columns).where(
                CONTACTS.c.firm_id == self._firm_id,
                CONTACTS.c.external_ref.in_({client.ref for client in clients}),
            )
        )
        found = {ref: Known(contact_id, account_id) for ref, contact_id, account_id in rows}
        new = {client.ref: client for client in reversed(clients) if client.ref not in found}
        made = self._add([self._contact(client, of[client]) for client in new.values()])
        return found | {row.external_ref: Known(row.contact_id, row.account_id) for row in made}

    def _by_name(
        self, clients: list[Client], of: dict[Client, int | None]
    ) -> dict[tuple[str, str, int | None], Known]:
        if not clients:
            return {}
        rows = self._session.execute(
            sa.select(CONTACTS.c.name, CONTACTS.c.email, CONTACTS.c.account_id, CONTACTS.c.contact_id)
            .where(
                CONTACTS.c.firm_id == self._firm_id,
                CONTACTS.c.sort_name.in_({sort_name_of(client.name) for client in clients}),
                CONTACTS.c.erased_at.is_(None),
            )
            .order_by(CONTACTS.c.contact_id.desc())
        )
        found = {
            _key(row.name, row.email, row.account_id): Known(row.contact_id, row.account_id) for row in rows
        }
        new = {_key(client.name, client.email, of[client]): client for client in reversed(clients)}
        made = self._add(
            [self._contact(client, of[client]) for key, client in new.items() if key not in found]
        )
        return found | {
            _key(row.name, row.email, row.account_id): Known(row.contact_id, row.account_id) for row in made
        }

    def _add(self, values: list[dict[str, Any]]) -> list[Any]:
        """Insert contacts and the terms by which they are found."""
        if not values:
            return []
        columns = ("contact_id", "account_id", "external_ref", "name", "email", "phone")
        made = self._session.execute(
            sa.insert(CONTACTS).returning(*(CONTACTS.c[name] for name in columns)), values
        ).all()
        self._session.execute(
            sa.insert(TERMS),
            [
                {"firm_id": self._firm_id, "term": term, "contact_id": row.contact_id}
                for row in made
                for term in sorted(terms_of(row.name, row.email, row.phone))
            ],
        )
        self.added += len(made)
        return list(made)

    def _contact(self, client: Client, account_id: int | None) -> dict[str, Any]:
        return self._stamped(client.name or f"Client {client.ref}") | {
            "account_id": account_id,
            "email": client.email,
            "phone": client.phone,
            "external_ref": client.ref or None,
            "notes": "",
        }

    def _stamped(self, name: str) -> dict[str, Any]:
        return {
            "firm_id": self._firm_id,
            "name": name,
            "sort_name": sort_name_of(name),
            "created_at": self._now,
        }


def _key(name: str, email: str, account_id: int | None) -> tuple[str, str, int | None]:
    return normalise(name), email.lower(), account_id
