"""A form that arrives twice has one effect and gets its first answer; a token counts for one address."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World, at_status
from tests.ui.pages import parse
from tests.ui.test_settings import SAME
from webapp.models import Appointment, AuditEvent, StaffUser, Submission
from webapp.vocabulary import Status

pytestmark = pytest.mark.one_engine("sqlite")  # submissions are tested on both

LONG = "x" * 100  # as long as a token may be


@pytest.fixture
def olga(world: World, signed_in: Callable[[StaffUser], FlaskClient]) -> FlaskClient:
    """The owner's browser."""
    return signed_in(world.owner)


def notes(session: Session) -> list[str]:
    """The kinds of changes in the audit log."""
    session.rollback()
    return list(session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.audit_event_id)))


def forms(world: World) -> dict[str, dict[str, Any]]:
    """Addresses of editing forms, and a change that each sends."""
    contact, account, kind = world.contact, world.account, world.kind
    return {
        f"/contacts/{contact.contact_id}/edit": {"name": "Ada King", "seen": "0"},
        f"/accounts/{account.account_id}/edit": {"name": "Byron & Co", "seen": "0"},
        f"/settings/types/{kind.appointment_type_id}": {
            "name": "Yearly review",
            "duration": "60",
            "seen": "0",
        },
        f"/team/{world.staff.staff_user_id}": {"name": "Lena Weiss", "role": "staff", "seen": "0"},
        "/settings": SAME | {"slot_step": "30"},
    }


def test_each_editing_form_sent_twice_is_one_change_and_no_conflict_with_itself(
    olga: FlaskClient, session: Session, world: World
) -> None:
    for address, fields in forms(world).items():
        before = len(notes(session))
        first = olga.post(address, data=fields | {"form_token": LONG})
        again = olga.post(address, data=fields | {"form_token": LONG})
        assert (first.status_code, again.status_code) == (303, 303), address
        assert first.location == again.location
        assert len(notes(session)) == before + 1, address


def test_the_details_sent_twice_are_one_change_and_no_conflict_with_itself(
    olga: FlaskClient, session: Session, world: World
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    sent = {
        "version": "1",
        "location": "Room 9",
        "notes": "",
        "contact_id": str(world.contact.contact_id),
        "form_token": "one-form",
    }
    address = f"/appointments/{appointment.appointment_id}/details"
    answers = [olga.post(address, data=sent) for _time in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    session.rollback()
    assert session.get_one(Appointment, appointment.appointment_id, populate_existing=True).version == 2
    assert notes(session) == ["edited"]


def test_the_token_of_one_address_is_another_form_at_the_next(
    olga: FlaskClient, session: Session, world: World
) -> None:
    token = {"form_token": "one-token"}
    assert olga.post(f"/team/{world.staff.staff_user_id}/link", data=token).status_code == 200
    assert olga.post(f"/team/{world.staff2.staff_user_id}/link", data=token).status_code == 200
    nora = {"name": "Nora Quist", "email": "nora@marlow.example", "role": "staff"}
    assert "/invitation/" in olga.post("/team/new", data=nora | token).text
    assert notes(session) == ["make_link", "make_link", "invite"]


def test_what_is_kept_of_a_token_fits_its_column(olga: FlaskClient, session: Session, world: World) -> None:
    olga.post("/settings", data=SAME | {"slot_step": "30", "form_token": LONG * 3})
    session.rollback()
    kept = session.scalars(sa.select(Submission.token)).all()
    assert kept
    assert all(len(token) == 64 for token in kept)


def test_a_form_that_was_refused_can_be_sent_again(olga: FlaskClient, session: Session, world: World) -> None:
    address = f"/accounts/{world.account.account_id}/edit"
    assert olga.post(address, data={"name": "", "form_token": "one"}).status_code == 422
    assert olga.post(address, data={"name": "Byron & Co", "form_token": "one"}).status_code == 303
    assert parse(olga.get(f"/accounts/{world.account.account_id}")).one("h1").text == "Byron & Co"
