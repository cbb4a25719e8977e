"""Editing what is not lifecycle: logged and versioned, never a status."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.factories import World, at_status, make_contact
from tests.lifecycle import rows
from webapp.lifecycle import appointments, details
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Forbidden, Invalid, Stale
from webapp.models import Appointment
from webapp.vocabulary import CancelledBy, Status

# Rules of the service, the same over any engine; test_transition_table.py takes every step on both.
pytestmark = pytest.mark.one_engine("sqlite")


@pytest.fixture
def confirmed(session: Session, world: World) -> Appointment:
    return at_status(session, Status.CONFIRMED, world)


def edit(
    session: Session, world: World, appointment: Appointment, *, actor: Actor | None = None, **values: Any
) -> bool:
    facts = {"location": "", "notes": "", "contact_id": appointment.contact_id} | values
    facts.setdefault("expected_version", appointment.version)
    return details.edit(session, appointment, actor=actor or world.acting(), now=world.now, **facts)


def test_a_change_is_logged_with_what_was_there_before(
    session: Session, world: World, confirmed: Appointment
) -> None:
    history = rows.history(session, confirmed)
    assert edit(session, world, confirmed, location=" Room  3 ", notes="Bring the file")
    (logged,) = rows.audit(session)
    assert logged["changes"] == {"location": ["", "Room 3"], "notes": ["", "Bring the file"]}
    assert (logged["subject"], logged["subject_id"]) == ("appointment", confirmed.appointment_id)
    assert (logged["actor_label"], logged["changed_at"]) == ("Lena Fischer", world.now)
    assert (confirmed.version, confirmed.location, confirmed.status) == (2, "Room 3", Status.CONFIRMED)
    assert rows.history(session, confirmed) == history
    assert len(rows.outbox(session, confirmed)) == 1


def test_no_change_writes_nothing(session: Session, world: World, confirmed: Appointment) -> None:
    before = rows.everything(session)
    assert not edit(session, world, confirmed)
    assert rows.everything(session) == before


def test_another_contact_brings_its_account(session: Session, world: World, confirmed: Appointment) -> None:
    alone = make_contact(session, world.firm, "Charles Babbage")
    edit(session, world, confirmed, contact_id=alone.contact_id)
    assert (confirmed.contact_id, confirmed.account_id) == (alone.contact_id, None)
    assert rows.audit(session)[-1]["changes"] == {"contact": ["Ada Byron", "Charles Babbage"]}


def test_without_a_contact_the_account_is_met(session: Session, world: World, confirmed: Appointment) -> None:
    edit(session, world, confirmed, contact_id=None)
    assert (confirmed.contact_id, confirmed.account_id) == (None, world.account.account_id)


def test_somebody_must_be_met(session: Session, world: World, confirmed: Appointment) -> None:
    alone = make_contact(session, world.firm, "Charles Babbage")
    edit(session, world, confirmed, contact_id=alone.contact_id)
    with pytest.raises(Invalid) as refusal:
        edit(session, world, confirmed, contact_id=None)
    assert refusal.value.field == "contact_id"


def test_an_unknown_contact_is_refused(session: Session, world: World, confirmed: Appointment) -> None:
    before = rows.everything(session)
    with pytest.raises(Invalid) as refusal:
        edit(session, world, confirmed, contact_id=987_654)
    assert refusal.value.field == "contact_id"
    assert rows.everything(session) == before


def test_a_viewer_and_a_client_change_nothing(session: Session, world: World, confirmed: Appointment) -> None:
    for actor in (world.acting(world.viewer), world.client):
        with pytest.raises(Forbidden):
            edit(session, world, confirmed, actor=actor, notes="Mine")


def test_an_old_page_is_told_who_changed_the_details(
    session: Session, world: World, confirmed: Appointment
) -> None:
    edit(session, world, confirmed, actor=world.acting(world.manager), notes="Bring the file")
    with pytest.raises(Stale) as refusal:
        edit(session, world, confirmed, notes="Bring nothing", expected_version=1)
    assert refusal.value.sentence == (
        "Daniel Osei changed the details (notes), Tue 13 Jan, 10:00. Look again, then repeat your change."
    )
    assert confirmed.notes == "Bring the file"


def test_a_step_taken_from_a_page_older_than_an_edit_is_refused(
    session: Session, world: World, confirmed: Appointment
) -> None:
    edit(session, world, confirmed, notes="Bring the file")
    with pytest.raises(Stale):
        appointments.cancel(
            session,
            confirmed,
            actor=world.acting(),
            reason="Ada is ill",
            cancelled_by=CancelledBy.CLIENT,
            now=world.now,
            expected_version=1,
        )
    assert (confirmed.status, len(rows.history(session, confirmed))) == (Status.CONFIRMED, 1)


@pytest.mark.parametrize("status", list(Status))
def test_notes_are_kept_on_every_status_without_touching_it(
    session: Session, world: World, status: Status
) -> None:
    appointment = at_status(session, status, world)
    stamps, version = rows.stamps(session, appointment), appointment.version
    edit(session, world, appointment, notes="Filed")
    assert (appointment.status, appointment.version) == (status, version + 1)
    assert rows.stamps(session, appointment) == stamps
