"""The outbox: mail to be read, found, downloaded and sent again, by managers."""

from collections.abc import Callable
from dataclasses import replace
from email.parser import BytesParser
from email.policy import default

import icalendar
import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import NOW, World, draft
from tests.support.html import Page
from tests.ui.conftest import MovableClock, fresh
from webapp.config import Settings
from webapp.delivery import events
from webapp.lifecycle import booking, links
from webapp.models import MailMessage, PersonalLink, StaffUser
from webapp.queries import mail as queries
from webapp.vocabulary import MailState, MailTemplate

NOTICE = "No mail server is set, so mail is kept here."
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def manager(signed_in: Callable[[StaffUser], FlaskClient], world: World) -> FlaskClient:
    return signed_in(world.manager)


@pytest.fixture
def kept(session: Session, world: World, settings: Settings) -> MailMessage:
    """The confirmation of a booking, with a personal link and a calendar entry."""
    world.contact.name = f"Ada {SCRIPT}"
    booking.book(session, actor=world.acting(), draft=draft(world), now=NOW)
    session.commit()
    events.handle(lambda: Session(session.get_bind()), settings=settings, now=NOW, worker="w")
    found: MailMessage = session.query(MailMessage).one()
    session.commit()
    return found


def address(mail: MailMessage, end: str = "") -> str:
    return f"/outbox/{mail.mail_message_id}{end}"


def copies(session: Session, mail: MailMessage, count: int) -> None:
    """More mail of the firm, alternately failed and kept, to people with a number."""
    for number in range(count):
        session.add(
            MailMessage(
                firm_id=mail.firm_id,
                template=MailTemplate.REMINDER,
                dedup_key=f"test:{number}",
                recipient_name=f"Bob {number}",
                recipient=f"bob{number}@client.example",
                subject=f"Reminder {number}",
                text_body="",
                html_body="",
                state=MailState.FAILED if number % 2 else MailState.KEPT,
                due_at=NOW,
                created_at=NOW,
            )
        )
    session.commit()


def test_the_list_says_that_no_server_is_set(manager: FlaskClient, kept: MailMessage) -> None:
    page = manager.get("/outbox").text
    assert NOTICE in page
    assert kept.subject in page
    assert "Kept here" in page
    assert SCRIPT not in page


def test_an_empty_outbox_says_what_will_be_in_it(manager: FlaskClient) -> None:
    assert "No mail yet" in manager.get("/outbox").text


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("end", ["", "/1", "/1/html", "/1.eml", "/1.ics"])
def test_it_is_closed_to_staff(desk: FlaskClient, end: str) -> None:
    assert desk.get(f"/outbox{end}").status_code == 403


@pytest.fixture
def token(session: Session, kept: MailMessage, settings: Settings) -> str:
    """What opens the client's link, which the kept mail only names."""
    found = links.token_of(session.query(PersonalLink).one(), secret=settings.secret_key)
    session.commit()
    assert found not in kept.text_body + kept.html_body
    return found


def test_a_mail_is_read_as_text(manager: FlaskClient, kept: MailMessage, token: str) -> None:
    page = manager.get(address(kept)).text
    assert f"http://127.0.0.1:8000/c/{token}" in page
    assert "Your appointment with Marlow is confirmed." in page
    assert SCRIPT not in page
    assert Page(page).headings


def test_the_html_part_is_shut_in(manager: FlaskClient, kept: MailMessage, token: str) -> None:
    answer = manager.get(address(kept, "/html"))
    assert f"/c/{token}" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    assert "script-src" not in policy
    assert SCRIPT not in answer.text


def test_a_mail_is_taken_away_as_a_file(manager: FlaskClient, kept: MailMessage, token: str) -> None:
    answer = manager.get(address(kept, ".eml"))
    assert answer.mimetype == "message/rfc822"
    assert "attachment" in answer.headers["Content-Disposition"]
    message = BytesParser(policy=default).parsebytes(answer.data)
    assert message["Subject"] == kept.subject
    assert f"/c/{token}" in message.get_body(("plain",)).get_content()


def test_a_calendar_entry_is_taken_away_as_a_file(
    manager: FlaskClient, kept: MailMessage, token: str
) -> None:
    answer = manager.get(address(kept, ".ics"))
    assert answer.mimetype == "text/calendar"
    (event,) = icalendar.Calendar.from_ical(answer.data).walk("VEVENT")
    assert f"/c/{token}" in event["DESCRIPTION"]


def test_a_mail_without_calendar_has_no_such_file(
    manager: FlaskClient, session: Session, kept: MailMessage
) -> None:
    copies(session, kept, 1)
    assert manager.get(f"/outbox/{kept.mail_message_id + 1}.ics").status_code == 404


def test_without_a_server_nothing_is_sent_again(
    manager: FlaskClient, session: Session, kept: MailMessage
) -> None:
    answer = manager.post(address(kept, "/resend"))
    assert answer.status_code == 422
    assert "No mail server is set" in answer.text
    fresh(session, kept)
    assert kept.state is MailState.KEPT


class TestWithAServer:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, smtp_url="smtp://mail.example")

    def test_the_notice_is_gone(self, manager: FlaskClient, kept: MailMessage) -> None:
        assert NOTICE not in manager.get("/outbox").text
        assert NOTICE not in manager.get(address(kept)).text

    def test_a_failed_mail_shows_why_and_goes_out_again(
        self, manager: FlaskClient, session: Session, kept: MailMessage
    ) -> None:
        kept.state, kept.last_error, kept.attempts = MailState.FAILED, "550 No such mailbox", 3
        session.commit()
        page = manager.get(address(kept)).text
        assert "550 No such mailbox" in page
        assert "Send again" in page
        answer = manager.post(address(kept, "/resend"))
        assert (answer.status_code, answer.location) == (303, address(kept))
        fresh(session, kept)
        assert (kept.state, kept.attempts, kept.last_error) == (MailState.WAITING, 0, None)

    def test_all_that_failed_goes_out_again_but_not_what_came_too_late(
        self, manager: FlaskClient, session: Session, kept: MailMessage
    ) -> None:
        assert "all that failed" not in manager.get("/outbox").text
        copies(session, kept, 4)  # two of them have failed, about no meeting
        session.query(MailMessage).filter_by(state=MailState.FAILED).update({"attempts": 12})
        kept.state = MailState.FAILED  # never tried
        session.commit()
        assert "Send again all that failed" in manager.get("/outbox?state=failed").text
        answer = manager.post("/outbox/resend")
        assert (answer.status_code, answer.location) == (303, "/outbox?state=failed")
        assert "2 mails go out again with the next delivery." in manager.get(answer.location).text
        session.rollback()
        states = session.query(MailMessage.state).order_by(MailMessage.mail_message_id).all()
        assert [state for (state,) in states] == [
            MailState.FAILED,
            MailState.KEPT,
            MailState.WAITING,
            MailState.KEPT,
            MailState.WAITING,
        ]

    def test_mail_about_a_meeting_that_is_over_does_not_go_out_with_the_rest(
        self,
        signed_in: Callable[[StaffUser], FlaskClient],
        session: Session,
        world: World,
        kept: MailMessage,
        moved_clock: MovableClock,
    ) -> None:
        kept.state, kept.attempts = MailState.FAILED, 12
        session.commit()
        for hours, state in ((26, MailState.FAILED), (-26, MailState.WAITING)):
            moved_clock.pass_(hours=hours)
            assert signed_in(world.manager).post("/outbox/resend").status_code == 303
            fresh(session, kept)
            assert kept.state is state

    def test_what_waits_is_not_offered_again(self, manager: FlaskClient, kept: MailMessage) -> None:
        assert "/resend" not in manager.get(address(kept)).text
        assert manager.post(address(kept, "/resend")).status_code == 422

    def test_staff_cannot_send_again(self, desk: FlaskClient, kept: MailMessage) -> None:
        assert desk.post(address(kept, "/resend")).status_code == 403
        assert desk.post("/outbox/resend").status_code == 403


def test_mail_is_found_by_recipient_state_and_kind(
    manager: FlaskClient, session: Session, kept: MailMessage
) -> None:
    copies(session, kept, 4)
    assert manager.get("/outbox?q=BOB1@").text.count("/outbox/") == 1
    failed = manager.get("/outbox?state=failed").text
    assert "Reminder 1" in failed
    assert "Reminder 2" not in failed
    assert kept.subject not in manager.get("/outbox?template=reminder").text
    assert "No mail matches" in manager.get("/outbox?q=%25").text
    assert manager.get("/outbox?state=nonsense&template=x&before=y").status_code == 200


def test_the_list_turns_by_key_both_ways(session: Session, kept: MailMessage) -> None:
    copies(session, kept, 9)
    firm_id, wanted = kept.firm_id, queries.Wanted()

    def page(**key: int | None) -> queries.Page[queries.MailRow]:
        return queries.outbox(session, firm_id=firm_id, wanted=wanted, limit=4, **key)

    first = page()
    assert first.before is None
    second = page(after=first.after)
    third = page(after=second.after)
    assert [len(one.rows) for one in (first, second, third)] == [4, 4, 2]
    assert third.after is None
    numbers = [row.mail_message_id for one in (first, second, third) for row in one.rows]
    assert numbers == sorted(numbers, reverse=True)
    assert page(before=third.before).rows == second.rows
    back = page(before=second.before)
    assert (back.rows, back.before) == (first.rows, None)
