"""Accounts: listed, found, read, added and changed."""

from dataclasses import asdict, replace

from webapp.api import cursors
from webapp.api.operations import VERSION, Answer, Call, operation
from webapp.api.shapes.clients import AccountEdit, AccountIn, AccountOut, AccountPage, AccountQuery
from webapp.lifecycle import clients as lifecycle
from webapp.lifecycle.clients import AccountFacts
from webapp.queries import changes, client_records
from webapp.queries.client_records import AccountRecord
from webapp.vocabulary import Scope

TAG = "Contacts and accounts"
ONE = "/accounts/<int:account_id>"


@operation(
    "GET",
    "/accounts",
    scope=Scope.CLIENTS_READ,
    answer=AccountPage,
    query=AccountQuery,
    tag=TAG,
    summary="List or find accounts",
)
def list_accounts(call: Call, query: AccountQuery) -> Answer:
    """By number: what is added meanwhile comes last. Follow ``next`` until it is null."""
    found, following = client_records.accounts(
        call.session, firm_id=call.firm_id, q=query.q.strip(), after=query.cursor or 0, size=query.limit
    )
    onward = cursors.address("/accounts", query, following)
    return Answer(AccountPage(accounts=[_told(each) for each in found], next=onward))


@operation("GET", ONE, scope=Scope.CLIENTS_READ, answer=AccountOut, tag=TAG, summary="Read an account")
def show_account(call: Call, account_id: int) -> Answer:
    """Its version is the ETag."""
    return _answer(call, account_id)


@operation(
    "POST",
    "/accounts",
    scope=Scope.CLIENTS_WRITE,
    answer=AccountOut,
    body=AccountIn,
    status=201,
    tag=TAG,
    summary="Add an account",
)
def create_account(call: Call, body: AccountIn) -> Answer:
    """Two accounts may have the same name: nothing is merged."""
    facts = AccountFacts(**body.model_dump())
    made = lifecycle.create_account(call.session, actor=call.actor, facts=facts, now=call.now)
    address = f"{VERSION}/accounts/{made.account_id}"
    return _answer(call, made.account_id, status=201, location=address)


@operation(
    "PATCH",
    ONE,
    scope=Scope.CLIENTS_WRITE,
    answer=AccountOut,
    body=AccountEdit,
    versioned=True,
    refusals=(409,),
    tag=TAG,
    summary="Change an account",
)
def edit_account(call: Call, account_id: int, body: AccountEdit) -> Answer:
    """Name and notes; its contacts and appointments stay."""
    # The number first: a change that comes between is then refused, not overwritten.
    seen = changes.of_account(call.session, firm_id=call.firm_id, account_id=account_id)
    found = lifecycle.get_account(call.session, call.firm_id, account_id)
    lifecycle.edit_account(
        call.session,
        found,
        actor=call.actor,
        facts=replace(
            AccountFacts(name=found.name, notes=found.notes), **body.model_dump(exclude_unset=True)
        ),
        now=call.now,
        seen=seen if call.expected_version is None else call.expected_version,
    )
    return _answer(call, account_id)


def _answer(call: Call, account_id: int, *, status: int = 200, location: str = "") -> Answer:
    record = client_records.account(call.session, firm_id=call.firm_id, account_id=account_id)
    return Answer(_told(record), status, record.version, location)


def _told(record: AccountRecord) -> AccountOut:
    return AccountOut(**asdict(record))
