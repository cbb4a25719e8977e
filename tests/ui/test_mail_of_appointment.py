"""The mail about one appointment: whoever acts on it sees what became of it and sends it again."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, NOW, World, draft, make_world
from tests.support.html import Page
from tests.support.signed_in import sign_in
from tests.support.statements import captured
from tests.ui.conftest import fresh
from webapp.config import Settings
from webapp.delivery import events
from webapp.extensions import db
from webapp.lifecycle import appointments, booking
from webapp.lifecycle.appointments import NewSlot
from webapp.models import Appointment, AuditEvent, MailMessage, StaffUser
from webapp.vocabulary import MailState

REFUSED = "550 No such mailbox"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, smtp_url="smtp://mail.example")


@pytest.fixture
def moved(session: Session, world: World) -> Appointment:
    """A meeting that was moved by a day."""
    first = booking.book(session, actor=world.acting(), draft=draft(world), now=NOW)
    start = first.start_time + DAY
    slot = NewSlot(start_time=start, end_time=start + LENGTH)
    made = appointments.reschedule(session, first, actor=world.acting(), slot=slot, reason="", now=NOW)
    session.commit()
    return made


@pytest.fixture
def mails(session: Session, moved: Appointment, settings: Settings) -> list[MailMessage]:
    """The booking's mail, which was refused, and the move's, which waits."""
    events.handle(lambda: Session(session.get_bind()), settings=settings, now=NOW, worker="w")
    found = session.query(MailMessage).order_by(MailMessage.mail_message_id).all()
    found[0].state, found[0].last_error, found[0].attempts = MailState.FAILED, REFUSED, 1
    session.commit()
    return found


def address(appointment: Appointment, mail: MailMessage | None = None) -> str:
    return f"/appointments/{appointment.appointment_id}/mail" + (
        f"/{mail.mail_message_id}/resend" if mail else ""
    )


def test_the_appointment_leads_to_its_mail_and_back(
    desk: FlaskClient, moved: Appointment, mails: list[MailMessage]
) -> None:
    assert f'href="{address(moved)}"' in desk.get(f"/appointments/{moved.appointment_id}").text
    text = desk.get(address(moved)).text
    assert f'href="/appointments/{moved.appointment_id}"' in text
    assert Page(text).headings
    for mail in mails:
        assert mail.subject in text
    assert REFUSED in text
    assert "Waiting" in text
    assert text.count(">Send again<") == 1
    assert "/outbox/" not in text


def test_staff_send_again_what_failed_on_either_booking_of_the_chain(
    desk: FlaskClient, session: Session, moved: Appointment, mails: list[MailMessage]
) -> None:
    answer = desk.post(address(moved, mails[0]))
    assert (answer.status_code, answer.location) == (303, address(moved))
    fresh(session, mails[0])
    assert (mails[0].state, mails[0].last_error) == (MailState.WAITING, None)
    noted = session.query(AuditEvent).filter_by(subject="mail").one()
    assert (noted.action, noted.subject_id) == ("resend", mails[0].mail_message_id)


def test_what_waits_is_not_sent_again(
    desk: FlaskClient, moved: Appointment, mails: list[MailMessage]
) -> None:
    answer = desk.post(address(moved, mails[1]))
    assert answer.status_code == 422
    assert "waits to be sent already" in answer.text


def test_a_viewer_reads_and_does_not_send(
    signed_in: Callable[[StaffUser], FlaskClient],
    session: Session,
    world: World,
    moved: Appointment,
    mails: list[MailMessage],
) -> None:
    viewer = signed_in(world.viewer)
    page = viewer.get(address(moved))
    assert page.status_code == 200
    assert "Send again" not in page.text
    assert viewer.post(address(moved, mails[0])).status_code == 403
    fresh(session, mails[0])
    assert mails[0].state is MailState.FAILED


def test_another_firms_mail_and_another_appointments_are_not_there(
    app: Flask,
    desk: FlaskClient,
    session: Session,
    world: World,
    moved: Appointment,
    mails: list[MailMessage],
) -> None:
    other = make_world(session, slug="other")
    apart = booking.book(session, actor=world.acting(), draft=draft(world, start=NOW + 5 * DAY), now=NOW)
    session.commit()
    assert desk.post(address(apart, mails[0])).status_code == 404
    assert "No e-mail yet" in desk.get(address(apart)).text
    visitor = sign_in(app.test_client(), other.owner)
    assert visitor.get(address(moved)).status_code == 404
    assert visitor.post(address(moved, mails[0])).status_code == 404
    fresh(session, mails[0])
    assert mails[0].state is MailState.FAILED


def test_it_takes_the_same_few_statements_however_much_mail_there_is(
    app: Flask, desk: FlaskClient, session: Session, moved: Appointment, mails: list[MailMessage]
) -> None:
    def count() -> int:
        with app.app_context():
            engine = db.engine
        with captured(engine) as statements:
            assert desk.get(address(moved)).status_code == 200
        return len(statements)

    count()
    before = count()
    table = MailMessage.__table__
    one = dict(session.execute(sa.select(table).order_by(table.c.mail_message_id).limit(1)).mappings().one())
    del one["mail_message_id"]
    session.execute(sa.insert(table), [one | {"dedup_key": f"more:{number}"} for number in range(20)])
    session.commit()
    assert count() == before
    assert desk.get(address(moved)).text.count(mails[0].subject) == 2 * 21
