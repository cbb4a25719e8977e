"""Accounts: the list, one account with its people and appointments, adding and editing."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, NOW, World, at_status, make_contact, make_world
from tests.support.signed_in import sign_in
from webapp.lifecycle import clients
from webapp.lifecycle.clients import AccountFacts
from webapp.models import Account, AuditEvent
from webapp.vocabulary import Status

pytestmark = pytest.mark.one_engine  # the pages add nothing that differs; the queries are tested on both


@pytest.fixture(autouse=True)
def at_ten() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


@pytest.fixture
def desk(client: FlaskClient, world: World) -> FlaskClient:
    return sign_in(client, world.staff)


def add(session: Session, world: World, name: str) -> int:
    made = clients.create_account(session, actor=world.acting(), facts=AccountFacts(name=name), now=NOW)
    session.commit()
    return made.account_id


def names(session: Session) -> list[str]:
    session.commit()
    return list(session.scalars(sa.select(Account.name).order_by(Account.account_id)))


def test_the_list_goes_from_a_to_z_page_by_page(desk: FlaskClient, session: Session, world: World) -> None:
    ids = [add(session, world, f"Firm {number:02d}") for number in range(60)]
    assert "Byron Ltd to Firm 48" in desk.get("/accounts").text
    assert "Firm 49 to Firm 59" in desk.get(f"/accounts?after={ids[48]}").text
    assert "Byron Ltd to Firm 48" in desk.get(f"/accounts?before={ids[49]}").text


def test_a_search_finds_the_beginning_of_a_name(desk: FlaskClient, session: Session, world: World) -> None:
    add(session, world, "Ärzte Süd")
    page = desk.get("/accounts?q=arzte+su").text
    assert "Ärzte Süd" in page
    assert "Byron Ltd" not in page
    assert "No account begins with “zzz”" in desk.get("/accounts?q=zzz").text


def test_an_accounts_page_has_its_people_and_appointments(
    desk: FlaskClient, session: Session, world: World
) -> None:
    make_contact(session, world.firm, "Zelda Somebody Else")
    at_status(session, Status.COMPLETED, world)
    at_status(session, Status.CONFIRMED, world, start=NOW + 2 * DAY)
    page = " ".join(desk.get(f"/accounts/{world.account.account_id}").text.split())
    assert "Account with 1 contact" in page
    assert f'href="/contacts/{world.contact.contact_id}">Ada Byron</a>' in page
    assert "Zelda" not in page
    assert '>Completed</th><td role="cell" class="data__n" data-label="Last 12 months">1</td>' in page
    upcoming, earlier = page.split('id="earlier-h"')
    assert 'data-status="confirmed"' in upcoming
    assert 'data-status="completed"' in earlier


def test_an_account_is_added_once_and_edited(desk: FlaskClient, session: Session) -> None:
    fields = {"name": "Hopper & Co", "notes": "Pays by post", "form_token": "one-form"}
    first, second = (desk.post("/accounts/new", data=fields) for _ in range(2))
    assert first.status_code == 303
    assert first.location == second.location
    assert names(session) == ["Byron Ltd", "Hopper & Co"]
    page = desk.get(first.location).text
    assert "Added Hopper &amp; Co." in page
    assert "Pays by post" in page
    assert desk.post(f"{first.location}/edit", data={"name": "Hopper & Sons"}).status_code == 303
    assert names(session) == ["Byron Ltd", "Hopper & Sons"]
    actions = session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.audit_event_id))
    assert list(actions) == ["created", "edited"]


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"name": ""}, "name", "Enter the account’s name."),
        ({"name": "x" * 161}, "name", "Keep this to 160 characters"),
        ({"name": "Hopper", "notes": "a\x00b"}, "notes", "characters that cannot be kept"),
        ({"name": "Hopper", "notes": "x" * 4001}, "notes", "Keep this to 4,000 characters"),
    ],
)
def test_what_cannot_be_kept_comes_back_with_a_sentence(
    desk: FlaskClient, session: Session, world: World, fields: dict[str, str], field: str, sentence: str
) -> None:
    for path in ("/accounts/new", f"/accounts/{world.account.account_id}/edit"):
        answer = desk.post(path, data=fields)
        assert answer.status_code == 422
        assert sentence in answer.text
        assert f'href="#{field}"' in answer.text
    assert names(session) == ["Byron Ltd"]


def test_other_firms_accounts_are_not_there(desk: FlaskClient, session: Session) -> None:
    theirs = make_world(session, "other").account.account_id
    for path in (f"/accounts/{theirs}", f"/accounts/{theirs}/edit", f"/accounts/{10**30}"):
        assert desk.get(path).status_code == 404
    assert desk.post(f"/accounts/{theirs}/edit", data={"name": "Mine now"}).status_code == 404
    assert desk.get(f"/contacts/new?account={theirs}").status_code == 404
    assert str(theirs) not in desk.get(f"/accounts/options?account_id={theirs}").text
    assert names(session) == ["Byron Ltd", "Byron Ltd"]


def test_a_viewer_reads_and_changes_nothing(client: FlaskClient, session: Session, world: World) -> None:
    desk = sign_in(client, world.viewer)
    assert desk.get(f"/accounts/{world.account.account_id}").status_code == 200
    for path in ("/accounts/new", f"/accounts/{world.account.account_id}/edit"):
        assert desk.get(path).status_code == 403
        assert desk.post(path, data={"name": "Mine"}).status_code == 403
    assert names(session) == ["Byron Ltd"]
