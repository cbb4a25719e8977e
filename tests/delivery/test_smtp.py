"""The conversation with a mail server: encrypted and checked, bounded, and telling no secrets."""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from tests.support.smtp import CERTIFICATES, DRIP, DROP, FLOOD, HANG, MailServer, closed_port, mail_server
from webapp.config import ConfigError, Settings
from webapp.delivery import conversation, leases, smtp
from webapp.delivery.smtp import Connection, Later, Never, Unreachable

PASSWORD = "correct horse: b@ttery/staple"
QUOTED = "correct%20horse%3A%20b%40ttery%2Fstaple"
Trust = Callable[[], None]


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Trust:
    """Adds the tests' own authority to those that are trusted, as whoever runs Daybook would."""
    return lambda: monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "authority.pem"))


@pytest.fixture(params=["smtps", "smtp+starttls"])
def secure(request: pytest.FixtureRequest) -> Iterator[MailServer]:
    with mail_server(request.param) as running:
        yield running


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds become tenths, so that a test need not wait."""
    monkeypatch.setattr(conversation, "LAST_WAIT", 0.6)
    monkeypatch.setattr(conversation, "SHORTEST_WAIT", 0.1)
    monkeypatch.setattr(smtp, "LONGEST", 0.8)


def letter(to: str = "ada@client.example", text: str = "Hello\n") -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "desk@x.example", to, "Review"
    message.set_content(text)
    return message


def sending(url: str, timeout: float = 0.3) -> None:
    with Connection(url, timeout=timeout) as server:
        server.send(letter())


def problem(url: str) -> str:
    with pytest.raises(Unreachable) as refused:
        sending(url)
    return str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["smtp://", "http://desk:secret@x.example", "smtp://desk:secret@x.example:port", "smtp://secret@[x:25"],
)
def test_a_setting_that_no_mail_could_go_by_stops_the_start(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as found:
        Settings.from_env({"SMTP_URL": url, "DAYBOOK_INSTANCE": str(tmp_path)})
    assert "SMTP_URL must look like" in str(found.value)
    assert "secret" not in str(found.value)


def test_whatever_happens_one_mail_takes_less_than_its_claim_lasts() -> None:
    assert conversation.LAST_WAIT < smtp.LONGEST
    assert leases.LEASE.total_seconds() - 60 > smtp.LONGEST + smtp.TIMEOUT


class TestEncrypted:
    def test_mail_goes_out_by_a_trusted_certificate(self, secure: MailServer, trust: Trust) -> None:
        trust()
        sending(secure.url, timeout=5)
        assert secure.encrypted == 1
        assert [message["Subject"] for message in secure.messages] == ["Review"]

    def test_an_unknown_authority_is_not_trusted(self, secure: MailServer) -> None:
        assert problem(secure.url).startswith("The mail server’s certificate is not trusted: ")
        assert secure.taken == []
        assert not [verb for verb in secure.verbs if verb.startswith(("MAIL", "AUTH"))]

    def test_the_certificate_must_be_the_hosts(self, secure: MailServer, trust: Trust) -> None:
        trust()
        said = problem(secure.url.replace("127.0.0.1", "localhost"))
        assert said.startswith("The mail server’s certificate is not trusted: ")
        assert "localhost" in said
        assert secure.taken == []

    def test_a_sign_in_is_never_said_in_the_clear(self, secure: MailServer, trust: Trust) -> None:
        trust()
        secure.users["desk"] = PASSWORD
        sending(secure.url.replace("://", f"://desk:{QUOTED}@"), timeout=5)
        auth = next(number for number, verb in enumerate(secure.verbs) if verb.startswith("AUTH"))
        assert secure.secure == "smtps" or "STARTTLS" in secure.verbs[:auth]
        assert len(secure.taken) == 1

    def test_a_server_that_does_not_encrypt_gets_nothing(self, server: MailServer) -> None:
        problem(server.url.replace("smtp:", "smtps:"))
        problem(server.url.replace("smtp:", "smtp+starttls:"))
        assert not [verb for verb in server.verbs if verb.startswith(("MAIL", "AUTH"))]

    def test_starttls_that_is_refused_gets_nothing(self, trust: Trust) -> None:
        with mail_server("smtp+starttls") as refusing:
            refusing.replies["STARTTLS"] = "454 Not now"
            assert problem(refusing.url) == "The mail server said: 454 Not now"
            assert not [verb for verb in refusing.verbs if verb.startswith("MAIL")]


class TestSecrets:
    @pytest.mark.parametrize(
        "said", [f"535 {PASSWORD} is wrong", "535 AGRlc2sAY29ycmVjdCBob3JzZTogYkB0dGVyeS9zdGFwbGU="]
    )
    def test_what_the_server_repeats_of_a_password_is_left_out(
        self, server: MailServer, said: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        server.users["desk"], server.replies["AUTH"] = "other", said
        told = problem(server.url.replace("://", f"://desk:{QUOTED}@"))
        assert told.startswith("The mail server said: 535 …")
        assert PASSWORD not in told + caplog.text

    def test_a_password_that_cannot_be_sent_fails_no_mail(self, server: MailServer) -> None:
        server.users["desk"] = "x"
        told = problem(server.url.replace("://", "://desk:p%C3%A4ss@"))
        assert "characters that cannot be sent" in told
        assert "pä" not in told

    def test_nothing_of_the_address_is_shown(self) -> None:
        told = problem(f"smtp://desk:{QUOTED}@127.0.0.1:{closed_port()}")
        assert told == "The mail server cannot be reached: Connection refused"


@pytest.mark.usefixtures("hasty")
class TestBounded:
    @pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "END"])
    @pytest.mark.parametrize("how", [HANG, DRIP])
    def test_a_server_that_dawdles_is_left(self, server: MailServer, verb: str, how: str) -> None:
        server.replies[verb] = how
        begun = time.monotonic()
        told = problem(server.url)
        assert time.monotonic() - begun < 4
        assert told == (smtp.UNSURE if verb == "END" else smtp.NO_ANSWER)

    @pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "END"])
    def test_a_server_that_talks_without_end_is_left(self, server: MailServer, verb: str) -> None:
        server.replies[verb] = FLOOD
        begun = time.monotonic()
        problem(server.url)
        assert time.monotonic() - begun < 4

    def test_a_huge_greeting_is_no_mails_fault(self, server: MailServer) -> None:
        server.replies["CONNECT"] = "220 " + "x" * 20_000
        problem(server.url)

    def test_many_steps_just_in_time_end_with_the_deadline(
        self, server: MailServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(smtp, "LONGEST", 0.0)
        assert problem(server.url) == smtp.NO_ANSWER
        assert server.taken == []

    def test_a_slow_yes_to_the_whole_mail_is_waited_for(
        self, server: MailServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usual = MailServer.reply

        def late(told: MailServer, verb: str, answer: str) -> str:
            if verb == "END":
                server.closing.wait(0.4)
            return usual(told, verb, answer)

        monkeypatch.setattr(MailServer, "reply", late)
        sending(server.url, timeout=0.2)
        assert len(server.taken) == 1


class TestRefusals:
    def test_a_conversation_lost_after_the_whole_mail_is_not_begun_anew(self, server: MailServer) -> None:
        server.once["END"] = ["250 Taken", DROP]
        with Connection(server.url) as talk:
            talk.send(letter())
            with pytest.raises(Unreachable) as refused:
                talk.send(letter())
        assert str(refused.value) == smtp.UNSURE
        assert len(server.taken) == 2, "the second was taken, and went out once"

    def test_a_conversation_lost_in_the_middle_of_a_mail_is_begun_anew(self, server: MailServer) -> None:
        server.once["DATA"] = ["354 Go on", DROP]
        with Connection(server.url) as talk:
            for _ in range(2):
                talk.send(letter(text="x" * 2000 + "\n"))
        assert len(server.taken) == 2
        assert server.conversations == 2

    @pytest.mark.parametrize("code", [500, 501, 550, 553, 554])
    def test_a_refused_sender_fails_no_mail(self, server: MailServer, code: int) -> None:
        server.replies["MAIL"] = f"{code} Not from here"
        assert problem(server.url) == f"The mail server said: {code} Not from here"

    @pytest.mark.parametrize(
        ("verb", "said", "kind"),
        [
            ("MAIL", "452 Too busy", Later),
            ("MAIL", "552 Too large", Never),
            ("RCPT", "450 Mailbox busy", Later),
            ("RCPT", "551 Moved away", Never),
            ("DATA", "554 No", Never),
            ("END", "451 Later", Later),
            ("END", "554 Looks like spam", Never),
            ("END", "nonsense", Later),
        ],
    )
    def test_each_answer_has_its_meaning(
        self, server: MailServer, verb: str, said: str, kind: type[Exception]
    ) -> None:
        server.replies[verb] = said
        with Connection(server.url) as talk, pytest.raises(kind):
            talk.send(letter())

    def test_after_a_refusal_the_next_mail_goes_by_the_same_conversation(self, server: MailServer) -> None:
        server.once["RCPT"] = ["550 No such mailbox"]
        with Connection(server.url) as talk:
            with pytest.raises(Never):
                talk.send(letter("gone@client.example"))
            talk.send(letter())
        assert server.conversations == 1
        assert [message["To"] for message in server.messages] == ["ada@client.example"]

    def test_a_name_that_is_not_known_is_said_to_be(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "create_connection", unknown)
        assert problem("smtp://nowhere.example") == (
            "The mail server’s name is not known: Name or service not known"
        )
