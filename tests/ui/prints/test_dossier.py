"""The dossier of an appointment: every entry of its chain, and what it does not tell."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, draft, make_contact
from tests.ui.prints.conftest import table, text
from webapp.lifecycle import appointments, booking, details
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.appointments import NewSlot
from webapp.models import Appointment
from webapp.ui.prints import views
from webapp.vocabulary import CancelledBy, NoShowParty, Status

pytestmark = pytest.mark.one_engine(
    "sqlite"
)  # what is counted and replayed is tested on both, below the pages


MADE = "Made by moving the booking before"


def test_the_dossier_tells_every_entry_of_the_whole_chain_but_not_what_notes_say(
    desk: FlaskClient, session: Session, world: World
) -> None:
    first = at_status(session, Status.CONFIRMED, world, start=world.now + DAY)
    first.notes = "a secret of the firm"
    session.commit()
    slot = NewSlot(start_time=world.now + 2 * DAY, end_time=world.now + 2 * DAY + timedelta(minutes=45))
    appointments.reschedule(
        session, first, actor=world.acting(), slot=slot, reason="Ada is away", now=world.now
    )
    session.commit()
    second = session.get_one(Appointment, first.appointment_id).rescheduled_to
    for reference in (first.appointment_id, second.appointment_id):
        told = text(desk.get(f"/appointments/{reference}/dossier.pdf"))
        for words in (
            "First booking",
            "Second booking",
            "Moved to another time",
            "Reason: Ada is away",
            MADE,
        ):
            assert words in told
        assert "All 3 entries" in told
        assert "secret" not in told
        rows = table(desk.get(f"/appointments/{reference}/dossier.csv"))
        assert [row["Entry"] for row in rows] == ["1", "2", "3"]


def test_a_record_too_long_for_a_pdf_is_refused_and_its_page_is_not(
    desk: FlaskClient, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/appointments/{at_status(session, Status.NO_SHOW, world).appointment_id}/dossier"
    monkeypatch.setattr(views, "PDF_ROWS", 1)
    answer = desk.get(f"{path}.pdf")
    assert answer.status_code == 422
    assert "This record has 2 entries, too many for one PDF file. Print the page" in answer.text
    assert desk.get(path).status_code == 200


def test_the_dossier_tells_who_did_not_show_before_and_after_a_correction_and_that_it_is_complete(
    desk: FlaskClient, session: Session, world: World
) -> None:
    made = at_status(session, Status.NO_SHOW, world, party=NoShowParty.STAFF)
    for to, party in ((Status.NO_SHOW, NoShowParty.CLIENT), (Status.COMPLETED, None)):
        manager = world.acting(world.manager)
        appointments.correct(
            session, made, actor=manager, to=to, party=party, reason="The wrong line", now=world.now
        )
        session.commit()
    told = text(desk.get(f"/appointments/{made.appointment_id}/dossier.pdf"))
    for words in (
        "No-show: staff didn’t show, was Confirmed",
        "No-show: client didn’t show, was No-show: staff didn’t show",
        "Completed, was No-show: client didn’t show",
        "Reason: The wrong line",
        "Daniel Osei staff",
        "All 4 entries in the record of this appointment, complete as of Tue 13 Jan 2026, 10:00.",
        "End of the record: 4 entries.",
        "Times are those of the clock in Europe/London",
        f"Reference {made.appointment_id}",
    ):
        assert words in told, words
    rows = table(desk.get(f"/appointments/{made.appointment_id}/dossier.csv"))
    assert [row["Who didn’t show"] for row in rows] == ["", "Staff didn’t show", "Client didn’t show", ""]
    assert rows[3]["Who didn’t show before"] == "Client didn’t show"
    assert {row["Acting as"] for row in rows} == {"staff"}


def test_the_dossier_says_on_whose_side_it_was_called_off_and_does_not_say_that_all_agreed(
    desk: FlaskClient, session: Session, world: World
) -> None:
    made = at_status(session, Status.AWAITING_CONFIRMATION, world)
    appointments.confirm(session, made, actor=world.acting(), now=world.now)
    session.commit()
    appointments.cancel(
        session,
        made,
        actor=world.acting(),
        reason="Ada is ill",
        cancelled_by=CancelledBy.CLIENT,
        now=world.now,
    )
    session.commit()
    rows = table(desk.get(f"/appointments/{made.appointment_id}/dossier.csv"))
    assert [row["What"] for row in rows] == ["Proposed", "Confirmed", "Cancelled"]
    assert rows[2]["Details"] == "Reason: Ada is ill; On the client’s side"


def test_a_change_of_client_is_told_without_the_other_ones_name(
    desk: FlaskClient, session: Session, world: World
) -> None:
    made = at_status(session, Status.CONFIRMED, world)
    other = make_contact(session, world.firm, "Grace Hopper")
    session.commit()
    details.edit(
        session,
        made,
        actor=world.acting(),
        location="Room 9",
        notes="",
        contact_id=other.contact_id,
        now=world.now,
        expected_version=made.version,
    )
    session.commit()
    told = desk.get(f"/appointments/{made.appointment_id}/dossier").text
    assert "Client changed" in told
    assert ", then Room 9" in told
    assert "Ada Byron" not in told


def test_the_dossier_names_no_former_client_as_the_one_who_did_something(
    desk: FlaskClient, session: Session, world: World
) -> None:
    made = booking.request(
        session,
        actor=world.client,
        draft=draft(world, reason="It hurts"),
        now=world.now - DAY,
    )
    session.commit()
    path = f"/appointments/{made.appointment_id}/dossier"
    for ending in ("", ".csv"):
        assert "Reason: It hurts" in desk.get(f"{path}{ending}").text
        assert "the client at the time" not in desk.get(f"{path}{ending}").text
    other = make_contact(session, world.firm, "Grace Hopper")
    session.commit()
    details.edit(
        session,
        made,
        actor=world.acting(),
        location=made.location,
        notes="",
        contact_id=other.contact_id,
        now=world.now - DAY / 2,
        expected_version=made.version,
    )
    appointments.approve(session, made, actor=world.acting(), now=world.now - DAY / 3)
    session.commit()
    grace = Actor.of_client(world.firm.firm_id, "Grace Hopper")
    slot = NewSlot(start_time=made.start_time + DAY, end_time=made.end_time + DAY)
    appointments.reschedule(session, made, actor=grace, slot=slot, reason="A later train", now=world.now)
    session.commit()
    second = session.get_one(Appointment, made.appointment_id).rescheduled_to
    for reference in (made.appointment_id, second.appointment_id):
        path = f"/appointments/{reference}/dossier"
        for told in (desk.get(path).text, text(desk.get(f"{path}.pdf")), desk.get(f"{path}.csv").text):
            assert "Ada" not in told
            assert "hurts" not in told
            assert "the client at the time" in told
            assert "Reason left out" in told
            assert "A later train" in told
        rows = table(desk.get(f"{path}.csv"))
        told_by = [row["By"] for row in rows]
        assert told_by[:2] == ["the client at the time", "Lena Fischer"]
        assert told_by[-1] == "Grace Hopper"
        assert "Booked by the client at the time" in text(desk.get(f"{path}.pdf"))
