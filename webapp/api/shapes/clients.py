"""Contacts and accounts."""

from typing import Annotated

from pydantic import Field

from webapp.api.shapes import Change, Given, Key, Moment, Named, Told
from webapp.lifecycle.clients import EMAIL_LENGTH, NAME_LENGTH, NOTES_LENGTH, PHONE_LENGTH

Name = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)]
Email = Annotated[str, Field(max_length=EMAIL_LENGTH)]
Phone = Annotated[str, Field(max_length=PHONE_LENGTH)]
Zone = Annotated[str, Field(min_length=1, max_length=64)]
Notes = Annotated[str, Field(max_length=NOTES_LENGTH)]
Version = Annotated[int, Field(ge=0)]
Typed = Annotated[str, Field(max_length=200)]
WORDS = "Each word of it begins a word of the name, the e-mail address or the phone number."
BEGINNING = "The name begins so."


class ContactOut(Told):
    """A person. ``timezone`` null is the firm's; ``version`` is the number of the last change."""

    contact_id: Key
    name: str
    email: str
    phone: str
    timezone: str | None
    account: Named | None
    notes: str
    external_ref: str | None
    created_at: Moment
    version: Version


class ContactPage(Told):
    """Some contacts by number; ``next`` is the address of the ones after them."""

    contacts: list[ContactOut]
    next: str | None


class ContactIn(Given):
    """A new contact. ``timezone`` is a name such as ``Europe/Berlin``; without one it is the firm's."""

    name: Name
    email: Email = ""
    phone: Phone = ""
    account_id: Key | None = None
    timezone: Zone | None = None
    notes: Notes = ""


class ContactEdit(Change):
    """What is left out stays. ``account_id`` and ``timezone`` are taken away by null."""

    name: Name = ""
    email: Email = ""
    phone: Phone = ""
    account_id: Key | None = None
    timezone: Zone | None = None
    notes: Notes = ""


class ContactQuery(Given):
    """``q`` finds beginnings of names, e-mail addresses and phone numbers, as the desk's search does."""

    q: Annotated[Typed, Field(description=WORDS)] = ""
    account_id: Key | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Key | None = None


class AccountOut(Told):
    """A client organisation; ``contacts`` says how many it has."""

    account_id: Key
    name: str
    notes: str
    contacts: Annotated[int, Field(ge=0)]
    created_at: Moment
    version: Version


class AccountPage(Told):
    """Some accounts by number; ``next`` is the address of the ones after them."""

    accounts: list[AccountOut]
    next: str | None


class AccountIn(Given):
    """A new account."""

    name: Name
    notes: Notes = ""


class AccountEdit(Change):
    """What is left out stays."""

    name: Name = ""
    notes: Notes = ""


class AccountQuery(Given):
    """``q`` finds names that begin so."""

    q: Annotated[Typed, Field(description=BEGINNING)] = ""
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Key | None = None
