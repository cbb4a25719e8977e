"""Contacts and accounts."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from webapp.api.shapes import Given, Key, Moment, Named, Told
from webapp.lifecycle.clients import EMAIL_LENGTH, NAME_LENGTH, NOTES_LENGTH, PHONE_LENGTH

Name = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)]
Email = Annotated[str, Field(max_length=EMAIL_LENGTH)]
Phone = Annotated[str, Field(max_length=PHONE_LENGTH)]
Zone = Annotated[str, Field(min_length=1, max_length=64)]
Notes = Annotated[str, Field(max_length=NOTES_LENGTH)]
Version = Annotated[int, Field(ge=0)]
Typed = Annotated[str, Field(max_length=200)]


def _without_defaults(schema: dict[str, Any]) -> None:
    """What is left out of a change stays as it is: nothing is put in its place."""
    for each in schema["properties"].values():
        each.pop("default", None)


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


class ContactEdit(Given):
    """What is left out stays. ``account_id`` and ``timezone`` are taken away by null."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    name: Name = ""
    email: Email = ""
    phone: Phone = ""
    account_id: Key | None = None
    timezone: Zone | None = None
    notes: Notes = ""


class ContactQuery(Given):
    """``q`` finds beginnings of names, e-mail addresses and phone numbers, as the desk's search does."""

    q: Typed = ""
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


class AccountEdit(Given):
    """What is left out stays."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    name: Name = ""
    notes: Notes = ""


class AccountQuery(Given):
    """``q`` finds names that begin so."""

    q: Typed = ""
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Key | None = None
