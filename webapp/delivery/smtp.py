"""Handing mail to a server, and telling its refusals apart: later, never, or nobody there."""

import base64
import contextlib
import smtplib
import socket
import ssl
import time
from email.message import EmailMessage
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from webapp.delivery import conversation

TIMEOUT = 20.0  # seconds, for each step of the conversation
LONGEST = 200.0  # seconds for one mail, whatever happens: less than a claim lasts
PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
# The server ends the conversation (RFC 5321, 4.2.3), or wants another sign-in (RFC 4954, 6).
NOT_THIS_MAIL = {421, 454, 530, 534, 535, 538}
TOO_LARGE = 552
NO_ANSWER = "The mail server did not answer in time."
UNSURE = "The mail server got the whole mail and did not say whether it keeps it."


class Later(Exception):
    """The server does not take this mail now (4xx)."""


class Never(Exception):
    """The server will not take this mail (5xx), or it cannot be sent at all."""


class Unreachable(Exception):
    """No server, no conversation, or no sign-in: nothing can be sent for the moment."""


class Connection:
    """One conversation with the server that the URL names, opened with the first mail.

    ``smtp://`` is plain, ``smtps://`` encrypted from the start, ``smtp+starttls://`` from the greeting on and
    never without; ``user:password@`` signs in. Certificates are checked.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        self._scheme, self._host = parts.scheme, parts.hostname or "localhost"
        self._port = parts.port or PORTS[parts.scheme]
        self._sign_in: tuple[str, str] | None = None
        if parts.username:
            self._sign_in = unquote(parts.username), unquote(parts.password or "")
        self._timeout = timeout
        self._server: conversation.Bounded | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()

    def send(self, message: EmailMessage) -> None:
        """Hand over one mail to its one recipient; the server has taken it when this returns.

        A conversation that the server has ended since the last mail is begun anew, once, unless the mail
        had gone out already.

        Raises:
            Later, Never, Unreachable: with the server's own words.
        """
        deadline = time.monotonic() + LONGEST
        reused = self._server is not None
        try:
            self._send(message, deadline)
        except Unreachable as refusal:
            if not reused or str(refusal) == UNSURE:
                raise
            self._send(message, deadline)

    def _send(self, message: EmailMessage, deadline: float) -> None:
        server = self._ready(deadline)
        try:
            # whom it goes to is said here, so that nothing in a header can add anybody
            sender, recipient = (message[name].addresses[0].addr_spec for name in ("From", "To"))
            server.send_message(message, sender, [recipient])
        except Exception as error:
            refusal = self._unsaid(_refusal(error, server))
            if isinstance(refusal, Unreachable):
                self._hang_up()
            raise refusal from error

    def _ready(self, deadline: float) -> conversation.Bounded:
        """The open conversation, or a new one; whatever goes wrong in opening it is no mail's fault."""
        if self._server is not None:
            self._server.begin(deadline)
            return self._server
        try:
            self._server = conversation.opened(
                self._scheme,
                self._host,
                self._port,
                sign_in=self._sign_in,
                timeout=self._timeout,
                deadline=deadline,
            )
        except (OSError, ValueError) as error:  # the errors of smtplib are OSErrors too
            raise self._unsaid(Unreachable(_obstacle(error))) from error
        return self._server

    def _unsaid(self, refusal: Exception) -> Exception:
        """The refusal without the password, should the server have repeated it."""
        if not self._sign_in or not isinstance(refusal, Later | Never | Unreachable):
            return refusal
        user, password = self._sign_in
        sentence = str(refusal)
        for secret in (f"\0{user}\0{password}", password):
            for shape in (base64.b64encode(secret.encode()).decode(), secret):
                sentence = sentence.replace(shape, "…") if len(secret) > 3 else sentence
        return type(refusal)(sentence)

    def _hang_up(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()


def _refusal(error: Exception, server: conversation.Bounded) -> Exception:
    """The refusal behind an error of an open conversation; errors of our own go on as they are."""
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            return _answer(*next(iter(refused.values())))
        case smtplib.SMTPNotSupportedError() if "SMTPUTF8" in str(error):
            return Never("The mail server takes only addresses in ASCII.")
        case smtplib.SMTPSenderRefused(smtp_code=code) if code >= 500 and code != TOO_LARGE:
            return Unreachable(_obstacle(error))  # MAIL_FROM is refused, whatever the mail
        case smtplib.SMTPDataError() | smtplib.SMTPSenderRefused():
            return _answer(error.smtp_code, error.smtp_error)
        case OSError():
            return Unreachable(UNSURE if server.handed else _obstacle(error))
        case ValueError():
            return Never(f"This mail cannot be written down for sending: {error}")
        case _:
            return error


def _answer(code: int, words: bytes | str) -> Exception:
    sentence = _words(code, words)
    if code in NOT_THIS_MAIL:
        return Unreachable(sentence)
    return Never(sentence) if 500 <= code < 600 else Later(sentence)


def _obstacle(error: Exception) -> str:
    """Why there is nobody to hand mail to, as a sentence."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"The mail server’s certificate is not trusted: {error.verify_message}"
        case smtplib.SMTPResponseException():
            return _words(error.smtp_code, error.smtp_error)
        case UnicodeError():
            return "The mail server’s address, user name or password holds characters that cannot be sent."
        case socket.gaierror():
            return f"The mail server’s name is not known: {error.strerror}"
        case _ if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            return NO_ANSWER
        case OSError():
            return f"The mail server cannot be reached: {error.strerror or error}"
        case _:
            return f"SMTP_URL cannot be used: {type(error).__name__}"


def _words(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return f"The mail server said: {code} {' '.join(text.split())}"
