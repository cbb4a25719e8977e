"""Contacts: listed, found, read, added and changed."""

from dataclasses import replace

from webapp.api import cursors
from webapp.api.operations import VERSION, Answer, Call, operation
from webapp.api.shapes import Named
from webapp.api.shapes.clients import ContactEdit, ContactIn, ContactOut, ContactPage, ContactQuery
from webapp.lifecycle import clients as lifecycle
from webapp.lifecycle.clients import ContactFacts
from webapp.queries import changes, client_records
from webapp.queries.client_records import ContactRecord
from webapp.vocabulary import Scope

TAG = "Contacts and accounts"
ONE = "/contacts/<int:contact_id>"


@operation(
    "GET",
    "/contacts",
    scope=Scope.CLIENTS_READ,
    answer=ContactPage,
    query=ContactQuery,
    tag=TAG,
    summary="List or find contacts",
)
def list_contacts(call: Call, query: ContactQuery) -> Answer:
    """By number: what is added meanwhile comes last. Follow ``next`` until it is null."""
    found, following = client_records.contacts(
        call.session,
        firm_id=call.firm_id,
        q=query.q.strip(),
        account_id=query.account_id,
        after=query.cursor or 0,
        size=query.limit,
    )
    onward = cursors.address("/contacts", query, following)
    return Answer(ContactPage(contacts=[_told(each) for each in found], next=onward))


@operation("GET", ONE, scope=Scope.CLIENTS_READ, answer=ContactOut, tag=TAG, summary="Read a contact")
def show_contact(call: Call, contact_id: int) -> Answer:
    """Its version is the ETag."""
    return _answer(call, contact_id)


@operation(
    "POST",
    "/contacts",
    scope=Scope.CLIENTS_WRITE,
    answer=ContactOut,
    body=ContactIn,
    status=201,
    tag=TAG,
    summary="Add a contact",
)
def create_contact(call: Call, body: ContactIn) -> Answer:
    """Two contacts may have the same name or address: nothing is merged."""
    facts = ContactFacts(**body.model_dump())
    made = lifecycle.create_contact(call.session, actor=call.actor, facts=facts, now=call.now)
    address = f"{VERSION}/contacts/{made.contact_id}"
    return _answer(call, made.contact_id, status=201, location=address)


@operation(
    "PATCH",
    ONE,
    scope=Scope.CLIENTS_WRITE,
    answer=ContactOut,
    body=ContactEdit,
    versioned=True,
    refusals=(409,),
    tag=TAG,
    summary="Change a contact",
)
def edit_contact(call: Call, contact_id: int, body: ContactEdit) -> Answer:
    """Bookings keep the account that they were made with."""
    # The number first: a change that comes between is then refused, not overwritten.
    seen = changes.of_contact(call.session, firm_id=call.firm_id, contact_id=contact_id)
    found = lifecycle.get_contact(call.session, call.firm_id, contact_id)
    known = ContactFacts(
        name=found.name,
        email=found.email,
        phone=found.phone,
        account_id=found.account_id,
        timezone=found.timezone,
        notes=found.notes,
    )
    lifecycle.edit_contact(
        call.session,
        found,
        actor=call.actor,
        facts=replace(known, **body.model_dump(exclude_unset=True)),
        now=call.now,
        seen=seen if call.expected_version is None else call.expected_version,
    )
    return _answer(call, contact_id)


def _answer(call: Call, contact_id: int, *, status: int = 200, location: str = "") -> Answer:
    record = client_records.contact(call.session, firm_id=call.firm_id, contact_id=contact_id)
    return Answer(_told(record), status, record.version, location)


def _told(record: ContactRecord) -> ContactOut:
    account = record.account_id
    return ContactOut(
        contact_id=record.contact_id,
        name=record.name,
        email=record.email,
        phone=record.phone,
        timezone=record.timezone,
        account=None if account is None else Named(id=account, name=record.account_name or ""),
        notes=record.notes,
        external_ref=record.external_ref,
        created_at=record.created_at,
        version=record.version,
    )
