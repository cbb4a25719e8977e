"""When a person is not erased, what is refused afterwards, and who wins at once."""

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.factories import DAY, NOW, World, at_status, draft
from tests.lifecycle.erasure.conftest import MARK, NAME, erase, plan_for, tables_with_mark
from tests.lifecycle.threads import at_once
from tests.support.engines import SECRET_KEY
from webapp.lifecycle import booking, clients, details, erasure, transaction
from webapp.lifecycle.clients import ContactFacts
from webapp.lifecycle.errors import DomainError, Forbidden, Invalid
from webapp.models import Appointment, AuditEvent, Contact
from webapp.vocabulary import Status


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": "Somebody Else"}, "Type the name"),
        ({"why": " "}, "on what grounds"),
        ({"why": f"wish of {NAME}"}, "leave the person"),
    ],
)
def test_it_is_refused_without_name_and_grounds(
    session: Session, world: World, person: Contact, given: dict[str, str], sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence):
        erase(session, world, person, **given)


def test_it_is_refused_to_staff_and_a_second_time(session: Session, world: World, person: Contact) -> None:
    with pytest.raises(Forbidden):
        erasure.erase(
            session,
            actor=world.acting(),
            contact_id=person.contact_id,
            name=NAME,
            why="x",
            secret=SECRET_KEY,
            now=NOW,
        )
    erase(session, world, person)
    with pytest.raises(Invalid, match="erased already"):
        erase(session, world, person)


def test_it_is_refused_while_a_meeting_is_not_over(session: Session, world: World, person: Contact) -> None:
    booking.book(
        session, actor=world.acting(), draft=plan_for(draft(world, start=NOW + 9 * DAY), person), now=NOW
    )
    session.commit()
    with pytest.raises(Invalid, match="1 appointment of this person is not over"):
        erase(session, world, person)


def test_an_erased_person_is_neither_booked_nor_edited(
    session: Session, world: World, person: Contact
) -> None:
    erase(session, world, person)
    plan = plan_for(draft(world, start=NOW + 9 * DAY), person)
    with pytest.raises(Invalid, match="Choose a contact"):
        booking.book(session, actor=world.acting(), draft=plan, now=NOW)
    with pytest.raises(Invalid, match="was erased"):
        clients.edit_contact(session, person, actor=world.acting(), facts=ContactFacts(name="New"), now=NOW)


def _logged(session: Session, world: World, subject: str) -> int:
    """An edit in the log, by Lena; its number."""
    row = AuditEvent(
        firm_id=world.firm.firm_id,
        subject=subject,
        subject_id=1,
        action="edit",
        changes={"name": ["before", "after"]},
        changed_by_id=world.staff.staff_user_id,
        actor_label=world.staff.name,
        changed_at=NOW,
    )
    session.add(row)
    session.commit()
    return row.audit_event_id


def test_the_log_takes_no_other_change(session: Session, world: World, person: Contact) -> None:
    """What may be emptied takes nothing besides; the erasure's own row and other subjects not even that."""
    erase(session, world, person)
    edit, types = _logged(session, world, "contact"), _logged(session, world, "type")
    empty = "changes = '{}'"
    besides = (
        "audit_event_id = audit_event_id + 99", "firm_id = firm_id + 1", "subject = 'poll'", "subject_id = 2",
        "action = 'other'", "changed_by_id = NULL", "actor_label = 'Other'", "changed_at = '2020-01-01'",
    )  # fmt: skip
    refused = [("changes = '{\"a\": 1}'", f"audit_event_id = {edit}")]
    refused += [(f"{empty}, {change}", f"audit_event_id = {edit}") for change in besides]
    refused += [(empty, "action = 'erased'"), (empty, f"audit_event_id = {types}")]
    for change, which in refused:
        with pytest.raises(DBAPIError, match="append_only"):
            session.execute(sa.text(f"UPDATE audit_event SET {change} WHERE {which}"))
        session.rollback()
    session.execute(sa.text(f"UPDATE audit_event SET {empty} WHERE audit_event_id = {edit}"))


def test_before_any_erasure_the_log_takes_no_change_at_all(session: Session, person: Contact) -> None:
    with pytest.raises(DBAPIError, match="append_only"):
        session.execute(sa.text("UPDATE audit_event SET changes = '{}'"))


def test_of_an_erasure_and_a_booking_or_a_step_one_wins(
    session: Session, engine: Engine, world: World, person: Contact
) -> None:
    plan = plan_for(draft(world, start=NOW + 9 * DAY), person)
    done = at_status(session, Status.COMPLETED, world)
    session.execute(
        sa.update(Appointment)
        .where(Appointment.appointment_id == done.appointment_id)
        .values(contact_id=person.contact_id)
    )
    session.commit()
    manager, lena = world.acting(world.manager), world.acting()

    def erasing(own: Session) -> None:
        def work() -> object:
            return erasure.erase(
                own,
                actor=manager,
                contact_id=person.contact_id,
                name=NAME,
                why="asked",
                secret=SECRET_KEY,
                now=NOW,
            )

        transaction.run(own, work)

    def booked(own: Session) -> None:
        transaction.run(own, lambda: booking.book(own, actor=lena, draft=plan, now=NOW))

    def corrected(own: Session) -> None:
        def work() -> None:
            found = own.get_one(Appointment, done.appointment_id)
            details.edit(
                own,
                found,
                actor=lena,
                location="",
                notes=f"late {MARK}",
                contact_id=person.contact_id,
                now=NOW,
                expected_version=2,
            )

        transaction.run(own, work)

    results = at_once(engine, [erasing, booked, corrected])
    session.rollback()
    assert all(one is None or isinstance(one, DomainError) for one in results), results
    assert (results[0] is None) == (results[1] is not None)
    if results[0] is None:
        assert tables_with_mark(session) == set()
