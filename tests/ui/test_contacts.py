"""Contacts: the list, the search, one contact's page, adding and editing."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, NOW, World, at_status, make_world
from tests.support.signed_in import sign_in
from tests.support.statements import captured
from webapp.extensions import db
from webapp.lifecycle import clients
from webapp.lifecycle.clients import ContactFacts
from webapp.models import Appointment, AuditEvent, Contact, ContactTerm
from webapp.vocabulary import NoShowParty, Status

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


def add(session: Session, world: World, name: str, **facts: str) -> Contact:
    made = clients.create_contact(
        session, actor=world.acting(), facts=ContactFacts(name=name, **facts), now=NOW
    )
    session.commit()
    return made


def fresh(session: Session) -> Session:
    """The session, seeing what the application has committed meanwhile."""
    session.commit()
    return session


def contacts_in(session: Session) -> int:
    return fresh(session).scalar(sa.select(sa.func.count()).select_from(Contact)) or 0


def typed(**fields: str) -> dict[str, str]:
    return {"name": "Grace Hopper", "email": "", "phone": "", "timezone": "", "notes": "", **fields}


def test_the_list_goes_from_a_to_z_page_by_page(desk: FlaskClient, session: Session, world: World) -> None:
    for number in range(60):
        add(session, world, f"Person {number:02d}")
    first = desk.get("/contacts")
    assert first.status_code == 200
    assert first.text.count('scope="row"') == 50
    assert "Ada Byron to Person 48" in first.text
    last = session.scalar(sa.select(Contact.contact_id).where(Contact.name == "Person 48"))
    second = desk.get(f"/contacts?after={last}")
    assert "Person 49 to Person 59" in second.text
    beginning = session.scalar(sa.select(Contact.contact_id).where(Contact.name == "Person 49"))
    assert "Ada Byron to Person 48" in desk.get(f"/contacts?before={beginning}").text


def test_nonsense_in_the_address_is_the_beginning(desk: FlaskClient) -> None:
    for query in ("after=abc", "after=-1", "before=%00", "after=²"):
        assert "Ada Byron" in desk.get(f"/contacts?{query}").text
    assert desk.get(f"/contacts?after={'9' * 18}").status_code == 404


def test_a_search_shows_who_matches_and_keeps_what_was_typed(
    desk: FlaskClient, session: Session, world: World
) -> None:
    add(session, world, "Zoë Ø’Neil", phone="020 7946 0132")
    page = desk.get("/contacts?q=oneil+0132")
    assert "Zoë Ø’Neil" in page.text
    assert "Ada Byron" not in page.text
    assert 'value="oneil 0132"' in page.text
    nobody = desk.get("/contacts?q=<b>x")
    assert nobody.status_code == 200
    assert "No contact matches “&lt;b&gt;x”" in nobody.text


def test_a_script_gets_the_list_alone(desk: FlaskClient) -> None:
    part = desk.get("/contacts?q=nobody", headers={"HX-Request": "true"})
    assert part.text.lstrip().startswith('<section id="contacts"')
    options = desk.get("/contacts/options?contact_q=zzz", headers={"HX-Request": "true"})
    assert 'id="contact_id-options"' in options.text


def test_other_firms_contacts_are_not_there(desk: FlaskClient, session: Session, world: World) -> None:
    other = make_world(session, "other")
    theirs = add(session, other, "Hidden Person")
    for path in ("", "/edit"):
        assert desk.get(f"/contacts/{theirs.contact_id}{path}").status_code == 404
    assert desk.post(f"/contacts/{theirs.contact_id}/edit", data=typed()).status_code == 404
    assert "Hidden" not in desk.get("/contacts?q=hidden").text
    assert "Hidden" not in desk.get(f"/contacts/options?contact_id={theirs.contact_id}").text
    assert desk.get(f"/contacts/{10**30}").status_code == 404


def test_a_new_contact_is_kept_and_found(desk: FlaskClient, session: Session, world: World) -> None:
    fields = typed(
        email="grace@navy.example",
        phone="020 7946 0199",
        account_id=str(world.account.account_id),
        timezone="America/New_York",
        notes="Prefers mornings",
    )
    answer = desk.post("/contacts/new", data=fields)
    assert answer.status_code == 303
    contact = fresh(session).scalars(sa.select(Contact).where(Contact.name == "Grace Hopper")).one()
    assert answer.location == f"/contacts/{contact.contact_id}"
    assert (contact.account_id, contact.timezone) == (world.account.account_id, "America/New_York")
    page = desk.get(answer.location)
    assert "Added Grace Hopper." in page.text
    assert "Prefers mornings" in page.text
    assert "Grace Hopper" in desk.get("/contacts?q=0199").text


def test_a_double_submit_adds_one(desk: FlaskClient, session: Session) -> None:
    fields = typed(form_token="a-token-of-one-form")
    first, second = (desk.post("/contacts/new", data=fields) for _ in range(2))
    assert first.location == second.location
    assert contacts_in(session) == 2
    assert session.scalar(sa.select(sa.func.count()).select_from(AuditEvent)) == 1


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Enter the contact’s name."),
        ("name", "x" * 200, "Keep this to 160 characters"),
        ("email", "grace@", "Enter an e-mail address such as"),
        ("phone", "call me", "Enter a phone number of digits"),
        ("timezone", "Mars/Olympus", "Choose a time zone from the list."),
        ("account_id", "99999", "Choose an account from the list."),
        ("account_id", "'; --", "Choose an account from the list."),
        ("account_id", "9" * 40, "Choose an account from the list."),
        ("notes", "a\x00b", "characters that cannot be kept"),
    ],
)
def test_what_cannot_be_kept_comes_back_with_a_sentence(
    desk: FlaskClient, session: Session, field: str, value: str, sentence: str
) -> None:
    answer = desk.post("/contacts/new", data=typed(notes="Keep me") | {field: value})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "<title>Error: " in answer.text
    assert f'href="#{field}"' in answer.text
    if field != "name":
        assert 'value="Grace Hopper"' in answer.text
    if field != "notes":
        assert "Keep me" in answer.text
    assert contacts_in(session) == 1


def test_find_shows_accounts_without_saving_anything(
    desk: FlaskClient, session: Session, world: World
) -> None:
    answer = desk.post("/contacts/new", data=typed(step="find", account_q="byr"))
    assert answer.status_code == 200
    assert f'value="{world.account.account_id}"' in answer.text
    assert 'value="Grace Hopper"' in answer.text
    assert contacts_in(session) == 1


def test_an_edit_changes_what_is_found(desk: FlaskClient, session: Session, world: World) -> None:
    contact = add(session, world, "Old Name", phone="020 7946 0132")
    answer = desk.post(f"/contacts/{contact.contact_id}/edit", data=typed(name="New Name"))
    assert answer.status_code == 303
    assert "No contact matches" in desk.get("/contacts?q=old").text
    assert "New Name" in desk.get("/contacts?q=new").text
    mine = sa.select(ContactTerm.term).where(ContactTerm.contact_id == contact.contact_id)
    terms = fresh(session).scalars(mine)
    assert set(terms) == {"new", "name"}


def test_a_viewer_reads_and_changes_nothing(client: FlaskClient, world: World) -> None:
    desk = sign_in(client, world.viewer)
    page = desk.get(f"/contacts/{world.contact.contact_id}")
    assert page.status_code == 200
    assert "/edit" not in page.text
    assert "Book an appointment" not in page.text
    for path in ("/contacts/new", f"/contacts/{world.contact.contact_id}/edit"):
        assert desk.get(path).status_code == 403
        assert desk.post(path, data=typed()).status_code == 403


def test_a_visitor_is_sent_to_sign_in(client: FlaskClient) -> None:
    assert client.get("/contacts").status_code == 303


def test_a_contacts_page_counts_outcomes_this_year_and_ever(
    desk: FlaskClient, session: Session, world: World
) -> None:
    at_status(session, Status.COMPLETED, world)
    at_status(session, Status.COMPLETED, world, start=NOW - 400 * DAY)
    at_status(session, Status.NO_SHOW, world, start=NOW - 2 * DAY, party=NoShowParty.BOTH)
    at_status(session, Status.CANCELLED, world)
    at_status(session, Status.CONFIRMED, world, start=NOW + 2 * DAY)
    page = " ".join(desk.get(f"/contacts/{world.contact.contact_id}").text.split())

    def count(label: str, year: int, ever: int) -> bool:
        row = page.split(f">{label}</th>")[1].split("</tr>")[0]
        return [int(cell.split("</td>")[0]) for cell in row.split('">')[1:]] == [year, ever]

    assert count("Completed", 1, 2)
    assert count("No-show by both", 1, 1)
    assert count("No-show by staff", 0, 0)
    assert count("Cancelled by the client", 1, 1)
    upcoming, earlier = page.split('id="earlier-h"')
    assert upcoming.count('data-status="confirmed"') == 1
    assert earlier.count('data-label="Status"') == 4


def many(session: Session, world: World, count: int) -> None:
    session.execute(
        sa.insert(Appointment),
        [
            {
                "firm_id": world.firm.firm_id,
                "appointment_type_id": world.kind.appointment_type_id,
                "staff_user_id": world.staff.staff_user_id,
                "contact_id": world.contact.contact_id,
                "account_id": world.account.account_id,
                "booked_by": "Import",
                "start_time": NOW - (n + 1) * DAY / 4,
                "end_time": NOW - (n + 1) * DAY / 4 + LENGTH,
                "status": Status.COMPLETED,
                "completed_at": NOW,
                "created_at": NOW,
            }
            for n in range(count)
        ],
    )
    session.commit()


@pytest.mark.parametrize("path", ["/contacts/{contact}", "/accounts/{account}", "/contacts", "/accounts"])
def test_pages_ask_the_database_as_often_for_1000_appointments_as_for_10(
    app: Flask, desk: FlaskClient, session: Session, world: World, path: str
) -> None:
    where = path.format(contact=world.contact.contact_id, account=world.account.account_id)
    asked: list[int] = []
    for count in (10, 990):
        many(session, world, count)
        desk.get(where)
        with app.app_context():
            engine = db.engine
        with captured(engine) as sent:
            assert desk.get(where).status_code == 200
        asked.append(len(sent))
        world = replace(world, staff=world.staff2)  # whose time is free for the next lot
    assert asked[0] == asked[1]
    assert asked[0] <= 8


def test_earlier_appointments_are_paged(desk: FlaskClient, session: Session, world: World) -> None:
    many(session, world, 45)
    seen: list[str] = []
    where = f"/contacts/{world.contact.contact_id}"
    for _ in range(3):
        page = desk.get(where).text
        seen += [part.split('"')[0] for part in page.split('href="/appointments/')[1:] if part[0].isdigit()]
        following = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
        where = following if 'rel="next"' in page else where
    assert len(seen) == len(set(seen)) == 45
