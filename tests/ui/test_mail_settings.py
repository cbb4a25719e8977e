"""Which mail a firm sends: switched one by one, each to be looked at first."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World
from webapp.models import AuditEvent, MailSwitch, StaffUser
from webapp.vocabulary import MailTemplate

pytestmark = pytest.mark.one_engine  # two small statements, which the tests of events run on both


@pytest.fixture
def manager(signed_in: Callable[[StaffUser], FlaskClient], world: World) -> FlaskClient:
    return signed_in(world.manager)


def off(session: Session) -> set[MailTemplate]:
    session.rollback()
    return set(session.scalars(sa.select(MailSwitch.template)))


def test_every_kind_is_listed_with_when_it_is_sent(manager: FlaskClient) -> None:
    page = manager.get("/settings/mail").text
    for template in MailTemplate:
        assert f'href="/settings/mail/{template.value}"' in page
    assert "24 hours before a confirmed appointment starts." in page
    assert "4 hours before a deadline" in page


def test_no_hours_is_said_to_be_never(manager: FlaskClient, session: Session, world: World) -> None:
    world.firm.reminder_hours, world.firm.last_call_hours = 0, 1
    session.commit()
    page = manager.get("/settings/mail").text
    assert "Never, since the firm has set 0 hours for it." in page
    assert "1 hour before a deadline" in page


@pytest.mark.parametrize("template", list(MailTemplate))
def test_every_kind_can_be_looked_at(manager: FlaskClient, template: MailTemplate) -> None:
    page = manager.get(f"/settings/mail/{template.value}").text
    assert "Hello Ada Byron," in page
    assert ("London (GMT)" if template is MailTemplate.WEBHOOK_OFF else "New York (E") in page
    assert "Marlow" in page
    assert "None" not in page


@pytest.mark.parametrize("template", list(MailTemplate))
def test_every_kind_can_be_looked_at_with_its_layout(manager: FlaskClient, template: MailTemplate) -> None:
    where = f"/settings/mail/{template.value}/html"
    assert f'href="{where}"' in manager.get(where.removesuffix("/html")).text
    answer = manager.get(where)
    assert answer.status_code == 200
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "Hello <bdi>Ada Byron</bdi>," in answer.text


def test_a_kind_is_switched_off_and_on_again_with_a_note_of_each(
    manager: FlaskClient, session: Session
) -> None:
    where = "/settings/mail/reminder/switch"
    assert manager.post(where, data={"on": "0"}).location == "/settings/mail"
    assert off(session) == {MailTemplate.REMINDER}
    assert "Switch on" in manager.get("/settings/mail").text
    manager.post(where, data={"on": "1"})
    assert off(session) == set()
    notes = session.scalars(sa.select(AuditEvent).where(AuditEvent.subject == "mail_switch")).all()
    assert [note.changes for note in notes] == [{"reminder": [True, False]}, {"reminder": [False, True]}]
    assert {note.actor_label for note in notes} == {"Daniel Osei"}


def test_switching_twice_is_one_change(manager: FlaskClient, session: Session) -> None:
    for _ in range(2):
        assert manager.post("/settings/mail/poll/switch", data={"on": "0"}).status_code == 303
    assert len(session.scalars(sa.select(AuditEvent).where(AuditEvent.subject == "mail_switch")).all()) == 1


@pytest.mark.parametrize("wish", ["", "2", "on"])
def test_a_switch_is_told_where_to_go(manager: FlaskClient, session: Session, wish: str) -> None:
    assert manager.post("/settings/mail/poll/switch", data={"on": wish}).status_code == 400
    assert off(session) == set()


def test_there_is_no_other_kind(manager: FlaskClient) -> None:
    assert manager.get("/settings/mail/nonsense").status_code == 404


def test_it_is_a_managers(desk: FlaskClient, session: Session) -> None:
    assert desk.get("/settings/mail").status_code == 403
    assert desk.get("/settings/mail/poll/html").status_code == 403
    assert desk.post("/settings/mail/poll/switch", data={"on": "0"}).status_code == 403
    assert off(session) == set()
