"""Contacts and accounts: adding and editing them, with the terms by which they are found and an audit row.

Nothing here commits. All may raise Forbidden (role) and Invalid (a fact cannot be kept; ``field`` says
which).
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlalchemy.orm import Session

from webapp.lifecycle import audit
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Forbidden, Invalid, Missing
from webapp.lifecycle.terms import digits_of, normalise, sort_name_of, terms_of
from webapp.lifecycle.text import one_line, prose
from webapp.localtime import zone_names
from webapp.models import Account, Contact, ContactTerm
from webapp.vocabulary import Permission

__all__ = [
    "AccountFacts",
    "ContactFacts",
    "create_account",
    "create_contact",
    "edit_account",
    "edit_contact",
    "get_account",
    "get_contact",
    "normalise",
    "set_terms",
    "terms_of",
]

NAME_LENGTH = 160
EMAIL_LENGTH = 254
PHONE_LENGTH = 40
NOTES_LENGTH = 4000
FEWEST_DIGITS = 3
KEY_LIMIT = 2**63
PHONE_CHARACTERS = frozenset("0123456789 +-()./x")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFacts:
    """What is known of a person. ``timezone`` None: the firm's."""

    name: str
    email: str = ""
    phone: str = ""
    account_id: int | None = None
    timezone: str | None = None
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What is known of a client organisation."""

    name: str
    notes: str = ""


def get_contact(session: Session, firm_id: int, contact_id: int) -> Contact:
    """The firm's contact (Missing otherwise)."""
    query = sa.select(Contact).where(Contact.firm_id == firm_id, Contact.contact_id == contact_id)
    found = session.scalar(query) if contact_id < KEY_LIMIT else None
    if found is None:
        raise Missing("There is no such contact.")
    return found


def get_account(session: Session, firm_id: int, account_id: int) -> Account:
    """The firm's account (Missing otherwise)."""
    query = sa.select(Account).where(Account.firm_id == firm_id, Account.account_id == account_id)
    found = session.scalar(query) if account_id < KEY_LIMIT else None
    if found is None:
        raise Missing("There is no such account.")
    return found


def create_contact(session: Session, *, actor: Actor, facts: ContactFacts, now: datetime) -> Contact:
    """Add a contact and the terms by which it is found."""
    _require(actor)
    values = _contact_values(session, actor.firm_id, facts)
    contact = Contact(firm_id=actor.firm_id, sort_name=sort_name_of(values["name"]), created_at=now, **values)
    session.add(contact)
    session.flush()
    set_terms(session, contact)
    _note_new(session, actor, "contact", contact.contact_id, values, now)
    return contact


def edit_contact(
    session: Session,
    contact: Contact,
    *,
    actor: Actor,
    facts: ContactFacts,
    now: datetime,
    seen: int | None = None,
) -> bool:
    """Change what is known of a contact; returns whether anything changed. Bookings keep their account.

    Args:
        seen: the number of the contact's last change that the form was made from (``audit.last_change``).

    Raises:
        Overtaken: somebody changed the contact after that.
    """
    _require(actor, contact.firm_id)
    _hold(session, contact, "contact", contact.contact_id, seen)
    if contact.erased_at is not None:
        raise Invalid("This person was erased. Add them as a new contact if they come back.")
    values = _contact_values(session, actor.firm_id, facts)
    changed = audit.changes(contact, values)
    if not changed:
        return False
    for field, value in values.items():
        setattr(contact, field, value)
    contact.sort_name = sort_name_of(contact.name)
    session.flush()
    if changed.keys() & {"name", "email", "phone"}:
        set_terms(session, contact)
    _note(session, actor, "contact", contact.contact_id, "edited", changed, now)
    return True


def create_account(session: Session, *, actor: Actor, facts: AccountFacts, now: datetime) -> Account:
    """Add a client organisation."""
    _require(actor)
    values = _account_values(facts)
    account = Account(firm_id=actor.firm_id, sort_name=sort_name_of(values["name"]), created_at=now, **values)
    session.add(account)
    session.flush()
    _note_new(session, actor, "account", account.account_id, values, now)
    return account


def edit_account(
    session: Session,
    account: Account,
    *,
    actor: Actor,
    facts: AccountFacts,
    now: datetime,
    seen: int | None = None,
) -> bool:
    """Change what is known of an account; returns whether anything changed. ``seen`` as for a contact.

    Raises:
        Overtaken: somebody changed the account after the form was made.
    """
    _require(actor, account.firm_id)
    _hold(session, account, "account", account.account_id, seen)
    values = _account_values(facts)
    changed = audit.changes(account, values)
    if not changed:
        return False
    account.name, account.notes = values["name"], values["notes"]
    account.sort_name = sort_name_of(account.name)
    _note(session, actor, "account", account.account_id, "edited", changed, now)
    return True


def set_terms(session: Session, contact: Contact) -> None:
    """Make the stored terms those of the contact as it is now. Two statements and one insert."""
    wanted = terms_of(contact.name, contact.email, contact.phone)
    mine = (ContactTerm.firm_id == contact.firm_id, ContactTerm.contact_id == contact.contact_id)
    kept = set(session.scalars(sa.select(ContactTerm.term).where(*mine)))
    if kept - wanted:
        session.execute(sa.delete(ContactTerm).where(*mine, ContactTerm.term.in_(kept - wanted)))
    rows = [
        {"firm_id": contact.firm_id, "term": term, "contact_id": contact.contact_id}
        for term in sorted(wanted - kept)
    ]
    if rows:
        session.execute(sa.insert(ContactTerm), rows)


def _contact_values(session: Session, firm_id: int, facts: ContactFacts) -> dict[str, Any]:
    _known_account(session, firm_id, facts.account_id)
    if facts.timezone is not None and facts.timezone not in zone_names():
        raise Invalid("Choose a time zone from the list.", field="timezone")
    return asdict(facts) | {
        "name": _name(facts.name, "Enter the contact’s name."),
        "email": email_of(facts.email),
        "phone": phone_of(facts.phone),
        "notes": prose(facts.notes, NOTES_LENGTH, "notes"),
    }


def _account_values(facts: AccountFacts) -> dict[str, str]:
    return {
        "name": _name(facts.name, "Enter the account’s name."),
        "notes": prose(facts.notes, NOTES_LENGTH, "notes"),
    }


def _name(typed: str, sentence: str) -> str:
    name = one_line(typed, NAME_LENGTH, "name")
    if not any(character.isalnum() for character in name):
        raise Invalid(sentence, field="name")
    return name


def email_of(typed: str) -> str:
    """An address in its normal form, or nothing. Nobody is asked whether the domain exists."""
    email = one_line(typed, EMAIL_LENGTH, "email")
    if not email:
        return ""
    try:
        return validate_email(email, check_deliverability=False).normalized
    except EmailNotValidError:
        raise Invalid(
            "Enter an e-mail address such as name@company.com, or leave it empty.", field="email"
        ) from None


def phone_of(typed: str) -> str:
    phone = one_line(typed, PHONE_LENGTH, "phone")
    if not phone:
        return ""
    if not PHONE_CHARACTERS.issuperset(phone.lower()) or len(digits_of(phone)) < FEWEST_DIGITS:
        raise Invalid(
            "Enter a phone number of digits, spaces and + ( ) - . / such as 020 7946 0132.", field="phone"
        )
    return phone


def _known_account(session: Session, firm_id: int, account_id: int | None) -> None:
    if account_id is None:
        return
    known = sa.select(Account.account_id).where(Account.firm_id == firm_id, Account.account_id == account_id)
    if account_id >= KEY_LIMIT or session.scalar(known) is None:
        raise Invalid("Choose an account from the list.", field="account_id")


def _require(actor: Actor, firm_id: int | None = None) -> None:
    if firm_id is not None and firm_id != actor.firm_id:
        raise AssertionError("an actor of one firm reached a client of another")
    if not actor.can(Permission.EDIT_CLIENTS):
        raise Forbidden("Your role is read-only. Ask a member of staff to change contacts and accounts.")


def _hold(
    session: Session, client: Contact | Account, subject: str, subject_id: int, seen: int | None
) -> None:
    """Lock the row and read it as it is now, so that changes of one client come one after the other."""
    session.refresh(client, with_for_update={"key_share": True})
    audit.refuse_if_changed(
        session,
        firm_id=client.firm_id,
        subject=subject,
        subject_id=subject_id,
        seen=seen,
        name=client.name,
    )


def _note_new(
    session: Session, actor: Actor, subject: str, subject_id: int, values: dict[str, Any], now: datetime
) -> None:
    facts = {field: [None, value] for field, value in values.items() if value not in ("", None)}
    _note(session, actor, subject, subject_id, "created", facts, now)


def _note(
    session: Session,
    actor: Actor,
    subject: str,
    subject_id: int,
    action: str,
    changed: dict[str, list[Any]],
    now: datetime,
) -> None:
    audit.note(
        session, actor=actor, subject=subject, subject_id=subject_id, action=action, changed=changed, now=now
    )
