"""The link as staff hand it out, show it and revoke it."""

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World, at_status, make_contact
from tests.ui.client_page.conftest import Made, link_to, rule, statements, successor
from tests.ui.conftest import fresh
from webapp.lifecycle import appointments, client_requests
from webapp.lifecycle.appointments import NewSlot
from webapp.models import (
    Appointment,
    AuditEvent,
    PersonalLink,
    StaffUser,
)
from webapp.vocabulary import Status

pytestmark = pytest.mark.one_engine(
    "sqlite"
)  # what it does is tested on both in tests/lifecycle/test_limits.py


def audit(session: Session) -> list[tuple[str, int, str]]:
    session.rollback()
    found = session.scalars(sa.select(AuditEvent).where(AuditEvent.subject == client_requests.SUBJECT))
    return [(row.action, row.subject_id, row.actor_label) for row in found]


def test_staff_make_show_and_revoke_the_link(
    desk: FlaskClient, client: FlaskClient, session: Session, world: World
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    number = appointment.appointment_id
    here = f"/appointments/{number}"
    page = desk.get(here).text
    assert "Make link" in page
    assert "Revoke" not in page
    assert session.scalar(sa.select(sa.func.count()).select_from(PersonalLink)) == 0
    shown = desk.post(f"{here}/client-link")
    token = shown.text.split("/c/", 1)[1].split('"', 1)[0]
    assert client.get(f"/c/{token}").status_code == 200
    assert desk.post(f"{here}/client-link", headers={"HX-Request": "true"}).text.count(token) == 1
    assert token not in desk.get(here).text
    assert "Show link" in desk.get(here).text
    assert desk.post(f"{here}/client-link/end").status_code == 303
    assert client.get(f"/c/{token}").status_code == 404
    assert "Make link" in desk.get(here).text
    assert audit(session) == [(step, number, "Lena Fischer") for step in ("shown", "shown", "revoked")]


def link_row(browser: FlaskClient, appointment: Appointment) -> str:
    """What the page of an appointment says of its client's link; empty where it says nothing."""
    page = browser.get(f"/appointments/{appointment.appointment_id}").text
    found = re.search(r">Client link</dt>(.*?)</dd>", page, re.S)
    return " ".join(re.sub("<[^>]*>", " ", found.group(1)).split()) if found else ""


def test_the_page_says_until_when_the_link_works_or_that_it_was_revoked(
    desk: FlaskClient, session: Session, world: World
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    here = f"/appointments/{appointment.appointment_id}/client-link"
    assert link_row(desk, appointment) == "No link yet Make link"
    desk.post(here)
    assert link_row(desk, appointment) == "Works until Fri 13 Feb, 10:45 Show link Revoke"
    desk.post(f"{here}/end")
    assert link_row(desk, appointment) == "Revoked 10:00 Make link"
    desk.post(here)
    assert link_row(desk, appointment) == "Works until Fri 13 Feb, 10:45 Show link Revoke"


def test_a_link_of_another_contact_is_not_this_clients(
    desk: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    appointment = booked[0]
    fresh(session, appointment)
    appointment.contact_id = make_contact(session, world.firm, "Bea Lund").contact_id
    session.commit()
    assert link_row(desk, appointment) == "No link yet Make link"


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.NO_SHOW, Status.CANCELLED, Status.RESCHEDULED])
def test_no_link_is_made_to_what_is_over(
    desk: FlaskClient, session: Session, world: World, status: Status
) -> None:
    appointment = at_status(session, status, world)
    assert link_row(desk, appointment) == ""
    answer = desk.post(f"/appointments/{appointment.appointment_id}/client-link")
    assert answer.status_code == 422
    assert session.scalar(sa.select(sa.func.count()).select_from(PersonalLink)) == 0


def test_a_link_to_what_is_over_can_still_be_revoked(
    desk: FlaskClient, client: FlaskClient, session: Session, world: World
) -> None:
    appointment = at_status(session, Status.CANCELLED, world)
    token = link_to(session, world, appointment)
    assert link_row(desk, appointment) == "Works until Fri 13 Feb, 10:45 Revoke"
    assert desk.post(f"/appointments/{appointment.appointment_id}/client-link/end").status_code == 303
    assert client.get(f"/c/{token}").status_code == 404
    assert link_row(desk, appointment) == ""


def test_revoking_closes_the_links_of_the_whole_chain(
    desk: FlaskClient, client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    appointment, token = booked
    slot = NewSlot(start_time=world.at("2026-01-20 10:00"), end_time=world.at("2026-01-20 10:45"))
    fresh(session, appointment)
    appointments.reschedule(session, appointment, actor=world.acting(), slot=slot, reason="", now=world.now)
    session.commit()
    new = successor(session, appointment)
    assert "Show link" in desk.get(f"/appointments/{new.appointment_id}").text
    desk.post(f"/appointments/{new.appointment_id}/client-link/end")
    assert client.get(f"/c/{token}").status_code == 404


def test_who_may_not_act_sees_no_link(
    signed_in: Callable[[StaffUser], FlaskClient], session: Session, world: World
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    viewer = signed_in(world.viewer)
    here = f"/appointments/{appointment.appointment_id}"
    assert "Client link" not in viewer.get(here).text
    assert viewer.post(f"{here}/client-link").status_code == 403


def test_a_firm_that_wants_no_links_makes_none(desk: FlaskClient, session: Session, world: World) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    rule(session, world, client_links=False)
    here = f"/appointments/{appointment.appointment_id}"
    assert "Client link" not in desk.get(here).text
    assert desk.post(f"{here}/client-link").status_code == 422


def test_the_appointment_page_stays_within_its_statements(
    app: Flask, desk: FlaskClient, booked: Made
) -> None:
    desk.get(f"/appointments/{booked[0].appointment_id}")
    with statements(app) as seen:
        desk.get(f"/appointments/{booked[0].appointment_id}")
    assert len(seen) <= 6, seen
