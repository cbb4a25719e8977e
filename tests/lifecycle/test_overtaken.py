"""Records without a version: of edits made from the same page the first is kept, the others hear of it."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World
from tests.lifecycle.threads import at_once
from webapp.lifecycle import audit, clients, team, transaction, types
from webapp.lifecycle.clients import AccountFacts, ContactFacts
from webapp.lifecycle.errors import Overtaken
from webapp.lifecycle.types import TypeFacts
from webapp.models import AuditEvent
from webapp.vocabulary import Role

Edit = Callable[[Session, str, int | None], Any]


def edits(world: World) -> dict[str, Edit]:
    """For each kind of record: give it a name, by a page made from change ``seen``."""
    actor, now, firm_id = world.acting(world.owner), world.now, world.firm.firm_id
    contact_id, account_id = world.contact.contact_id, world.account.account_id
    kind_id, staff_id = world.kind.appointment_type_id, world.staff.staff_user_id

    def contact(session: Session, name: str, seen: int | None) -> Any:
        found = clients.get_contact(session, firm_id, contact_id)
        return clients.edit_contact(
            session, found, actor=actor, facts=ContactFacts(name=name), now=now, seen=seen
        )

    def account(session: Session, name: str, seen: int | None) -> Any:
        found = clients.get_account(session, firm_id, account_id)
        return clients.edit_account(
            session, found, actor=actor, facts=AccountFacts(name=name), now=now, seen=seen
        )

    def kind(session: Session, name: str, seen: int | None) -> Any:
        found = types.get(session, firm_id, kind_id)
        facts = TypeFacts(name=name, duration=45)
        return types.edit(session, found, actor=actor, facts=facts, now=now, seen=seen)

    def person(session: Session, name: str, seen: int | None) -> Any:
        return team.change(
            session, staff_id, actor=actor, name=name, role=Role.STAFF, bookable=True, now=now, seen=seen
        )

    return {"contact": contact, "account": account, "appointment_type": kind, "staff_user": person}


@pytest.mark.parametrize("subject", ["contact", "account", "appointment_type", "staff_user"])
def test_of_edits_at_the_same_time_one_is_kept_and_the_others_are_told(
    engine: Engine, session: Session, world: World, subject: str
) -> None:
    edit = edits(world)[subject]

    def job(number: int) -> Callable[[Session], Any]:
        return lambda own: transaction.run(own, lambda: edit(own, f"Name {number}", 0))

    results = at_once(engine, [job(number) for number in range(6)])
    refused = [result for result in results if isinstance(result, Overtaken)]
    assert len(refused) == 5, results
    session.rollback()
    (kept,) = session.scalars(sa.select(AuditEvent).where(AuditEvent.subject == subject))
    assert {error.last for error in refused} == {kept.audit_event_id}
    assert f"Olga Marlow changed {kept.changes['name'][1]} (" in refused[0].sentence


@pytest.mark.parametrize("subject", ["contact", "account", "appointment_type", "staff_user"])
def test_an_edit_from_the_newest_page_is_kept(session: Session, world: World, subject: str) -> None:
    edit = edits(world)[subject]
    edit(session, "First", 0)
    event = session.scalars(sa.select(AuditEvent).where(AuditEvent.subject == subject)).one()
    seen = audit.last_change(
        session, firm_id=world.firm.firm_id, subject=subject, subject_id=event.subject_id
    )
    assert seen == event.audit_event_id
    with pytest.raises(Overtaken, match=r"Olga Marlow changed First \(.*name.*\), Tue 13 Jan, 10:00\."):
        edit(session, "Second", 0)
    edit(session, "Second", seen)
    edit(session, "Third", None)


def test_a_link_made_for_a_person_does_not_overtake_the_form_about_them(
    session: Session, world: World
) -> None:
    team.make_link(session, world.staff.staff_user_id, actor=world.acting(world.owner), now=world.now)
    edits(world)["staff_user"](session, "Lena Weiss", 0)
