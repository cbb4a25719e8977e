"""Who hears of a step by mail: what its dialog says, and the choice to leave the mail out."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World, at_status
from tests.ui.conftest import MovableClock
from webapp.config import Settings
from webapp.delivery import events
from webapp.models import Appointment, MailMessage, MailSwitch, StaffUser
from webapp.vocabulary import MailTemplate, Status

pytestmark = pytest.mark.one_engine("sqlite")  # what is written where is tests/delivery

REASON = "The room is flooded"
STEPS = {
    "decline": (Status.REQUESTED, MailTemplate.DECLINED, {"reason": REASON}),
    "cancellation": (Status.CONFIRMED, MailTemplate.CANCELLED, {"reason": REASON, "cancelled_by": "staff"}),
    "rescheduling": (Status.CONFIRMED, MailTemplate.MOVED, {"reason": REASON, "start": "2026-01-20T09:00Z"}),
}
each_step = pytest.mark.parametrize("step", list(STEPS))


@pytest.fixture
def front(signed_in: Callable[[StaffUser], FlaskClient], world: World) -> FlaskClient:
    return signed_in(world.staff)


def at(session: Session, world: World, step: str) -> Appointment:
    made = at_status(session, STEPS[step][0], world)
    session.commit()
    return made


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def facts(world: World, step: str, **more: str) -> dict[str, str]:
    found = {**STEPS[step][2], "form_token": "one", **more}
    if step == "rescheduling":
        found["staff_user_id"] = str(world.staff.staff_user_id)
    return found


def written(session: Session, settings: Settings, clock: MovableClock) -> list[MailMessage]:
    """What the worker makes of it: the mails, the oldest first."""
    session.rollback()
    events.handle(lambda: Session(session.get_bind()), settings=settings, now=clock.now, worker="w")
    return session.query(MailMessage).order_by(MailMessage.mail_message_id).all()


@each_step
def test_the_dialog_says_who_reads_what(
    session: Session, world: World, front: FlaskClient, step: str
) -> None:
    made = at(session, world, step)
    page = front.get(f"/appointments/{made.appointment_id}/{step}").text
    told = "the new time, without this reason" if step == "rescheduling" else "this reason"
    assert f"Ada Byron gets an e-mail with {told}." in text_of(page)
    assert re.search(r'<input[^>]* checked[^>]* name="send_mail"', page)


@each_step
def test_without_an_address_there_is_nothing_to_leave_out(
    session: Session, world: World, front: FlaskClient, step: str
) -> None:
    world.contact.email = ""
    made = at(session, world, step)
    page = front.get(f"/appointments/{made.appointment_id}/{step}").text
    assert "Ada Byron has no e-mail address here and hears nothing." in text_of(page)
    assert "send_mail" not in page


@each_step
def test_a_kind_that_is_switched_off_is_said_to_be(
    session: Session, world: World, front: FlaskClient, step: str
) -> None:
    session.add(MailSwitch(firm_id=world.firm.firm_id, template=STEPS[step][1]))
    made = at(session, world, step)
    page = front.get(f"/appointments/{made.appointment_id}/{step}").text
    assert "The firm sends no e-mail of this kind." in text_of(page)


@each_step
@pytest.mark.parametrize("ticked", [True, False])
def test_the_tick_decides(
    session: Session,
    world: World,
    front: FlaskClient,
    settings: Settings,
    moved_clock: MovableClock,
    step: str,
    ticked: bool,
) -> None:
    made = at(session, world, step)
    sent = facts(world, step, asked="1", **({"send_mail": "y"} if ticked else {}))
    answer = front.post(f"/appointments/{made.appointment_id}/{step}", data=sent)
    assert answer.status_code == 303
    mails = written(session, settings, moved_clock)
    assert (mails[-1].template is STEPS[step][1]) is ticked
    assert (REASON in mails[-1].text_body) is (ticked and step != "rescheduling")
    timeline = text_of(front.get(answer.location).text)
    assert ("No e-mail sent" in timeline) is not ticked
