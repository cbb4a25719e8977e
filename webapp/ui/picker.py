"""Choosing a client by typing: a search field and the few that it finds, as radios. Works without script.

``partials/picker.html`` prints the field, ``partials/picker_options.html`` the radios alone.
"""

from dataclasses import dataclass, field

from flask import request
from wtforms import Field

from webapp.extensions import db
from webapp.lifecycle.errors import Invalid
from webapp.queries import client_pages, clients
from webapp.queries.client_pages import AccountRow, ContactRow
from webapp.ui.guards import me

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Option:
    """One radio."""

    value: str
    label: str
    detail: str = ""
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a search offers. ``name`` is that of the radios; ``more`` says that others match too."""

    name: str
    q: str
    options: list[Option] = field(default_factory=list)
    more: bool = False
    noun: str = "contact"


def key_of(chosen: Field, sentence: str) -> int | None:
    """The id that a radio carries, None for an empty one.

    Raises:
        Invalid: it is no id at all.
    """
    text = str(chosen.data or "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid(sentence, field=chosen.name)
    return int(text)


def typed(name: str) -> str:
    """What stands in a picker's search field, which may also be called ``q``."""
    return (request.values.get(name) or request.values.get("q") or "").strip()[:200]


def chosen(field: Field) -> int | None:
    """The id that a radio carries, None for an empty one or one that is no id."""
    try:
        return key_of(field, "")
    except Invalid:
        return None


def contacts(q: str, chosen: int | None, *, none: str = "") -> Found:
    """Contacts that ``q`` finds, the chosen one first, and a radio for none if it has words.

    At most five statements for five words.
    """
    firm_id = me().firm_id
    found = clients.matching_contact_ids(db.session(), firm_id=firm_id, q=q, limit=SHOWN + 1) if q else []
    ids = [chosen, *found] if chosen else found
    rows = client_pages.contacts_by_ids(db.session(), firm_id=firm_id, contact_ids=ids) if ids else []
    rows.sort(key=lambda row: row.contact_id != chosen)
    options = [_contact(row, row.contact_id == chosen) for row in rows[: SHOWN + bool(chosen)]]
    if none:
        options.insert(0, Option("", none, checked=chosen is None))
    return Found("contact_id", q, options, len(found) > SHOWN)


def accounts(q: str, chosen: int | None, *, none: str = "") -> Found:
    """Accounts whose name begins with ``q``, the chosen one first, and a radio for none if it has words."""
    firm_id = me().firm_id
    found = clients.matching_account_ids(db.session(), firm_id=firm_id, q=q, limit=SHOWN + 1) if q else []
    ids = [chosen, *found] if chosen else found
    rows = client_pages.accounts_by_ids(db.session(), firm_id=firm_id, account_ids=ids) if ids else []
    rows.sort(key=lambda row: row.account_id != chosen)
    options = [_account(row, row.account_id == chosen) for row in rows[: SHOWN + bool(chosen)]]
    if none:
        options.insert(0, Option("", none, checked=chosen is None))
    return Found("account_id", q, options, len(found) > SHOWN, "account")


def _contact(row: ContactRow, checked: bool) -> Option:
    detail = ", ".join(part for part in (row.account_name, row.phone, row.email) if part)
    return Option(str(row.contact_id), row.name, detail, checked)


def _account(row: AccountRow, checked: bool) -> Option:
    size = f"{row.contacts:,} contact{'' if row.contacts == 1 else 's'}"
    return Option(str(row.account_id), row.name, size, checked)
