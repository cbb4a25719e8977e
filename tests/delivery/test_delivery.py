"""Sending: at least once, in order, whatever the mail server does."""

from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.delivery.conftest import Post
from tests.factories import DAY, NOW, World, draft
from tests.support.smtp import DROP, HANG, MailServer, closed_port
from webapp.delivery import conversation, mail, outbox, smtp
from webapp.lifecycle import appointments, booking
from webapp.lifecycle.errors import Forbidden, Invalid, Missing
from webapp.models import Appointment, AuditEvent, MailMessage
from webapp.vocabulary import CancelledBy, MailState


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.fixture
def booked(session: Session, world: World, wired: Post) -> Appointment:
    """One confirmation that waits to be sent."""
    made = booking.book(session, actor=world.acting(), draft=draft(world), now=NOW)
    session.commit()
    wired.handle(NOW)
    assert [one.state for one in wired.mails()] == [MailState.WAITING]
    return made


def book_more(session: Session, world: World, post: Post, count: int) -> None:
    for day in range(2, 2 + count):
        booking.book(session, actor=world.acting(), draft=draft(world, start=NOW + day * DAY), now=NOW)
    session.commit()
    post.handle(NOW)


def only(post: Post) -> MailMessage:
    (found,) = post.mails()
    return found


@pytest.mark.usefixtures("booked")
def test_a_mail_reaches_the_server_whole(wired: Post, server: MailServer) -> None:
    assert wired.deliver(NOW) == 1
    (message,) = server.messages
    row = only(wired)
    assert row.state is MailState.SENT
    assert row.sent_at is not None
    assert row.leased_by is None
    assert message["Message-ID"] == f"<mail-{row.mail_message_id}.{int(NOW.timestamp())}@desk.example.com>"
    assert message["To"] == "Ada Byron <ada@client.example>"
    assert message["From"] == "Marlow via Daybook <desk@desk.example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Reply-To"] is None
    assert message["Subject"] == row.subject
    kinds = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "text/calendar", "application/ics"]
    assert message.get_body(("plain",)).get_content().replace("\r\n", "\n") == wired.read(row).text  # type: ignore[union-attr]


@pytest.mark.usefixtures("booked")
def test_what_is_sent_is_not_sent_again(wired: Post, server: MailServer) -> None:
    assert wired.deliver(NOW) == 1
    assert wired.deliver(NOW + DAY) == 0
    assert len(server.taken) == 1


@pytest.mark.usefixtures("booked")
def test_without_a_server_what_waits_is_kept(wired: Post) -> None:
    assert wired.with_server("").deliver(NOW) == 1
    assert only(wired).state is MailState.KEPT


@pytest.mark.usefixtures("booked")
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END"])
def test_a_refusal_for_now_is_tried_again_later(wired: Post, server: MailServer, verb: str) -> None:
    server.once[verb] = ["451 Greylisted, come back"]
    assert wired.deliver(NOW) == 0
    row = only(wired)
    assert row.state is MailState.WAITING
    assert row.attempts == 1
    assert row.last_error == "The mail server said: 451 Greylisted, come back"
    assert NOW + minutes(1) <= row.due_at <= NOW + minutes(1.5)
    assert wired.deliver(NOW + minutes(0.5)) == 0
    assert wired.deliver(NOW + minutes(2)) == 1
    assert only(wired).last_error is None


@pytest.mark.usefixtures("booked")
@pytest.mark.parametrize("verb", ["RCPT", "END"])
def test_a_refusal_for_good_ends_it_with_the_servers_words(
    wired: Post, server: MailServer, verb: str
) -> None:
    server.replies[verb] = "550 No such mailbox"
    assert wired.deliver(NOW) == 0
    row = only(wired)
    assert row.state is MailState.FAILED
    assert row.last_error == "The mail server said: 550 No such mailbox"
    assert wired.deliver(NOW + DAY) == 0


@pytest.mark.usefixtures("booked")
def test_one_that_is_refused_does_not_hold_up_the_others(
    wired: Post, server: MailServer, session: Session, world: World
) -> None:
    book_more(session, world, wired, 2)
    server.once["RCPT"] = ["550 No such mailbox", "451 Later"]
    assert wired.deliver(NOW) == 1
    assert [row.state for row in wired.mails()] == [MailState.FAILED, MailState.WAITING, MailState.SENT]


@pytest.mark.usefixtures("booked")
def test_an_address_that_is_none_fails_alone(
    wired: Post, server: MailServer, session: Session, world: World
) -> None:
    with wired.session() as other:
        other.execute(sa.update(MailMessage).values(recipient="nobody"))
        other.commit()
    book_more(session, world, wired, 1)
    assert wired.deliver(NOW) == 1
    assert [row.state for row in wired.mails()] == [MailState.FAILED, MailState.SENT]
    assert wired.mails()[0].last_error == "'nobody' is not an address that mail can be sent to."


@pytest.mark.usefixtures("booked")
def test_nobody_listening_puts_off_one_mail_and_leaves_the_rest(
    wired: Post, session: Session, world: World
) -> None:
    book_more(session, world, wired, 2)
    down = wired.with_server(f"smtp://127.0.0.1:{closed_port()}")
    assert down.deliver(NOW) == 0
    rows = wired.mails()
    assert [row.attempts for row in rows] == [1, 0, 0]
    assert (rows[0].last_error or "").startswith("The mail server cannot be reached: ")
    assert wired.deliver(NOW + minutes(2)) == 3


@pytest.mark.usefixtures("booked")
@pytest.mark.parametrize("verb", ["CONNECT", "MAIL", "END"])
def test_a_server_that_says_nothing_is_left_after_the_timeout(
    wired: Post, server: MailServer, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = smtp.Connection.__init__
    monkeypatch.setattr(smtp.Connection, "__init__", lambda self, url: patient(self, url, timeout=0.2))
    monkeypatch.setattr(conversation, "LAST_WAIT", 0.2)
    server.replies[verb] = HANG
    assert wired.deliver(NOW) == 0
    row = only(wired)
    assert row.state is MailState.WAITING
    assert row.last_error


@pytest.mark.usefixtures("booked")
@pytest.mark.parametrize("verb", ["CONNECT", "MAIL", "END"])
def test_a_connection_that_breaks_is_tried_again_later(wired: Post, server: MailServer, verb: str) -> None:
    server.once[verb] = [DROP]
    assert wired.deliver(NOW) == 0
    assert only(wired).state is MailState.WAITING
    assert wired.deliver(NOW + minutes(2)) == 1
    ids = {message["Message-ID"] for message in server.messages}
    assert len(ids) == 1


@pytest.mark.usefixtures("booked")
def test_a_conversation_that_the_server_ended_is_begun_anew(
    wired: Post, server: MailServer, session: Session, world: World
) -> None:
    book_more(session, world, wired, 1)
    server.once["MAIL"] = ["250 Fine", "421 Enough for one conversation"]
    assert wired.deliver(NOW) == 2
    assert server.conversations == 2


@pytest.mark.usefixtures("booked")
def test_a_server_that_does_not_let_us_in_fails_no_mail(wired: Post, server: MailServer) -> None:
    server.users["desk"] = "right"
    wrong = wired.with_server(f"smtp://desk:wrong@127.0.0.1:{server.port}")
    assert wrong.deliver(NOW) == 0
    assert only(wired).state is MailState.WAITING
    assert only(wired).last_error == "The mail server said: 535 Who are you"
    right = wired.with_server(f"smtp://desk:right@127.0.0.1:{server.port}")
    assert right.deliver(NOW + minutes(2)) == 1


@pytest.mark.usefixtures("booked")
def test_without_encryption_starttls_sends_nothing(wired: Post, server: MailServer) -> None:
    plain = wired.with_server(f"smtp+starttls://127.0.0.1:{server.port}")
    assert plain.deliver(NOW) == 0
    assert server.taken == []
    assert only(wired).state is MailState.WAITING


@pytest.mark.usefixtures("booked")
def test_refused_for_days_it_has_failed(wired: Post, server: MailServer) -> None:
    server.replies["RCPT"] = "451 Later"
    moment, waits = NOW, list[timedelta]()
    while only(wired).state is MailState.WAITING:
        assert wired.deliver(moment) == 0
        waits.append(only(wired).due_at - moment)
        moment = max(only(wired).due_at, moment) + timedelta(seconds=1)
    assert only(wired).state is MailState.FAILED
    assert only(wired).attempts == len(waits) > mail.MOST_TRIES
    assert waits[1] > waits[0]
    assert max(waits) <= timedelta(hours=6, seconds=1)
    assert mail.KEEP_TRYING < moment - NOW < mail.KEEP_TRYING + timedelta(hours=7)


@pytest.mark.usefixtures("booked")
def test_a_worker_that_dies_before_the_mark_sends_the_same_message_again(
    wired: Post, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(mail, "_mark", die)
    with pytest.raises(Killed):
        wired.deliver(NOW, worker="dead")
    monkeypatch.undo()
    assert wired.deliver(NOW + minutes(1), worker="alive") == 0
    assert wired.deliver(NOW + minutes(6), worker="alive") == 1
    first, second = server.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert only(wired).state is MailState.SENT


def test_mail_about_one_appointment_goes_out_in_order(
    wired: Post, server: MailServer, session: Session, world: World, booked: Appointment
) -> None:
    appointments.cancel(
        session, booked, actor=world.acting(), reason="Ill", cancelled_by=CancelledBy.STAFF, now=NOW
    )
    session.commit()
    wired.handle(NOW)
    server.once["RCPT"] = ["451 Later"]
    assert wired.deliver(NOW) == 0, "the cancellation waits for the confirmation"
    assert wired.deliver(NOW + minutes(2)) == 2
    assert [message["Subject"].split(":")[0] for message in server.messages] == ["Confirmed", "Cancelled"]


@pytest.mark.usefixtures("booked")
def test_four_workers_send_each_mail_once(
    wired: Post, server: MailServer, session: Session, world: World
) -> None:
    book_more(session, world, wired, 11)
    start = Barrier(4)
    sent: list[int] = []

    def work(name: str) -> None:
        start.wait()
        sent.append(wired.deliver(NOW, worker=name))

    threads = [Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == 12
    ids = [message["Message-ID"] for message in server.messages]
    assert len(ids) == len(set(ids)) == 12


@pytest.mark.usefixtures("booked")
def test_nothing_is_open_in_the_database_while_the_server_is_spoken_to(
    wired: Post, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    def send(*_: object) -> None:
        with wired.session() as other:
            other.connection(execution_options={"write": True})
            other.execute(sa.update(MailMessage).values(recipient_name="Ada"))
            other.commit()
            written.append(1)

    monkeypatch.setattr(smtp.Connection, "send", send)
    assert wired.deliver(NOW) == 1
    assert written == [1]


class TestResend:
    @pytest.fixture
    def sent(self, wired: Post, booked: Appointment) -> MailMessage:
        assert wired.deliver(NOW) == 1
        return only(wired)

    def resend(self, post: Post, session: Session, world: World, number: int, now: datetime) -> str:
        actor = world.acting(world.manager)
        found = outbox.resend(session, actor=actor, mail_message_id=number, settings=post.settings, now=now)
        session.commit()
        return found

    def test_it_goes_out_again_under_the_same_id(
        self, wired: Post, server: MailServer, session: Session, world: World, sent: MailMessage
    ) -> None:
        later = NOW + minutes(5)
        assert self.resend(wired, session, world, sent.mail_message_id, later) == "ada@client.example"
        assert wired.deliver(later) == 1
        first, second = server.messages
        assert first["Message-ID"] == second["Message-ID"]
        note = session.scalars(sa.select(AuditEvent).where(AuditEvent.subject == "mail")).one()
        assert note.changes == {"state": ["sent", "waiting"]}
        assert note.actor_label == "Daniel Osei"

    def test_what_waits_is_not_queued_twice(
        self, wired: Post, session: Session, world: World, sent: MailMessage
    ) -> None:
        self.resend(wired, session, world, sent.mail_message_id, NOW)
        with pytest.raises(Invalid):
            self.resend(wired, session, world, sent.mail_message_id, NOW)

    def test_it_is_refused_without_a_server(
        self, wired: Post, session: Session, world: World, sent: MailMessage
    ) -> None:
        with pytest.raises(Invalid, match="No mail server"):
            self.resend(wired.with_server(""), session, world, sent.mail_message_id, NOW)

    def test_it_is_a_managers(self, wired: Post, session: Session, world: World, sent: MailMessage) -> None:
        with pytest.raises(Forbidden):
            outbox.resend(
                session,
                actor=world.acting(),
                mail_message_id=sent.mail_message_id,
                settings=wired.settings,
                now=NOW,
            )

    @pytest.mark.usefixtures("sent")
    def test_there_must_be_such_a_mail(self, wired: Post, session: Session, world: World) -> None:
        with pytest.raises(Missing):
            self.resend(wired, session, world, 999, NOW)
