"""Contacts and accounts: what is kept, what is refused, what is written down."""

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import World, make_world
from webapp.lifecycle import clients
from webapp.lifecycle.clients import AccountFacts, ContactFacts
from webapp.lifecycle.errors import Forbidden, Invalid, Missing
from webapp.models import AuditEvent, Contact, ContactTerm


def add(session: Session, world: World, **facts: object) -> Contact:
    return clients.create_contact(
        session, actor=world.acting(), facts=ContactFacts(**{"name": "Zoë Ø’Neil", **facts}), now=world.now
    )


def terms(session: Session, contact: Contact) -> set[str]:
    return set(
        session.scalars(sa.select(ContactTerm.term).where(ContactTerm.contact_id == contact.contact_id))
    )


def audit(session: Session, subject: str, subject_id: int) -> list[AuditEvent]:
    return list(
        session.scalars(
            sa.select(AuditEvent)
            .where(AuditEvent.subject == subject, AuditEvent.subject_id == subject_id)
            .order_by(AuditEvent.audit_event_id)
        )
    )


def test_a_new_contact_gets_its_terms_its_sort_name_and_one_audit_row(session: Session, world: World) -> None:
    contact = add(session, world, email="Zoe.ONeil@Firm.Example", phone="020 7946 0132")
    assert contact.sort_name == "zoe o’neil"
    assert contact.email == "Zoe.ONeil@firm.example"
    assert {"zoe", "oneil", "neil", "zoe.oneil@firm.example", "zoeoneil", "02079460132", "0132"} <= terms(
        session, contact
    )
    (row,) = audit(session, "contact", contact.contact_id)
    assert (row.action, row.changed_by_id, row.changes["phone"]) == (
        "created",
        world.staff.staff_user_id,
        [None, "020 7946 0132"],
    )


def test_an_edit_replaces_terms_and_says_what_was_there_before(session: Session, world: World) -> None:
    contact = add(session, world, phone="020 7946 0132")
    facts = ContactFacts(name="Zoë Weber", phone="+49 30 901820")
    assert clients.edit_contact(session, contact, actor=world.acting(), facts=facts, now=world.now)
    found = terms(session, contact)
    assert {"weber", "4930901820", "1820"} <= found
    assert not found & {"oneil", "0132"}
    assert contact.sort_name == "zoe weber"
    assert audit(session, "contact", contact.contact_id)[-1].changes == {
        "name": ["Zoë Ø’Neil", "Zoë Weber"],
        "phone": ["020 7946 0132", "+49 30 901820"],
    }


def test_an_edit_that_changes_nothing_writes_nothing(session: Session, world: World) -> None:
    contact = add(session, world)
    facts = ContactFacts(name="  Zoë   Ø’Neil ")
    assert not clients.edit_contact(session, contact, actor=world.acting(), facts=facts, now=world.now)
    assert len(audit(session, "contact", contact.contact_id)) == 1


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " \u200b.!"}, "name"),
        ({"name": "x" * 161}, "name"),
        ({"name": "A\x00da"}, "name"),
        ({"email": "ada"}, "email"),
        ({"email": "ada@nowhere"}, "email"),
        ({"email": "a" * 250 + "@b.com"}, "email"),
        ({"phone": "ring me"}, "phone"),
        ({"phone": "12"}, "phone"),
        ({"phone": "1" * 41}, "phone"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"notes": "x" * 4001}, "notes"),
        ({"account_id": 999_999}, "account_id"),
        ({"account_id": 2**70}, "account_id"),
    ],
)
def test_it_refuses_what_cannot_be_kept(
    session: Session, world: World, facts: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        add(session, world, **facts)
    assert refused.value.field == field


def test_another_firms_account_is_not_on_the_list(session: Session, world: World) -> None:
    other = make_world(session, "other")
    with pytest.raises(Invalid):
        add(session, world, account_id=other.account.account_id)


def test_another_firms_client_is_missing(session: Session, world: World) -> None:
    other = make_world(session, "other")
    with pytest.raises(Missing):
        clients.get_contact(session, world.firm.firm_id, other.contact.contact_id)
    with pytest.raises(Missing):
        clients.get_account(session, world.firm.firm_id, other.account.account_id)
    with pytest.raises(Missing):
        clients.get_contact(session, world.firm.firm_id, 2**80)


def test_a_viewer_adds_and_edits_nobody(session: Session, world: World) -> None:
    viewer = world.acting(world.viewer)
    facts, account = ContactFacts(name="Zoë"), AccountFacts(name="Byron & Co")
    for attempt in (
        lambda: clients.create_contact(session, actor=viewer, facts=facts, now=world.now),
        lambda: clients.edit_contact(session, world.contact, actor=viewer, facts=facts, now=world.now),
        lambda: clients.create_account(session, actor=viewer, facts=account, now=world.now),
        lambda: clients.edit_account(session, world.account, actor=viewer, facts=account, now=world.now),
    ):
        with pytest.raises(Forbidden):
            attempt()


def test_an_account_is_added_and_renamed_with_its_sort_name_and_audit_rows(
    session: Session, world: World
) -> None:
    account = clients.create_account(
        session, actor=world.acting(), facts=AccountFacts(name="Ärzte Süd"), now=world.now
    )
    assert account.sort_name == "arzte sud"
    facts = AccountFacts(name="Praxis Süd", notes="Two doctors")
    assert clients.edit_account(session, account, actor=world.acting(), facts=facts, now=world.now)
    assert account.sort_name == "praxis sud"
    rows = audit(session, "account", account.account_id)
    assert [row.action for row in rows] == ["created", "edited"]
    assert rows[1].changes == {"name": ["Ärzte Süd", "Praxis Süd"], "notes": ["", "Two doctors"]}
    with pytest.raises(Invalid):
        clients.create_account(session, actor=world.acting(), facts=AccountFacts(name=" "), now=world.now)
