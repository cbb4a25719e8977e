"""Handing mail to a server, and telling its refusals apart: later, never, or nobody there."""

import smtplib
import ssl
from email.message import EmailMessage
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

TIMEOUT = 10  # seconds, for each step of the conversation
PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
# The server ends the conversation (RFC 5321, 4.2.3), or wants another sign-in (RFC 4954, 6).
NOT_THIS_MAIL = {421, 454, 530, 534, 535, 538}


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
        self._url = urlsplit(url)
        self._timeout = timeout
        self._server: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()

    def send(self, message: EmailMessage) -> None:
        """Hand over one mail; the server has taken it when this returns.

        A conversation that the server has ended since the last mail is begun anew, once.

        Raises:
            Later, Never, Unreachable: with the server's own words.
        """
        reused = self._server is not None
        try:
            self._send(message)
        except Unreachable:
            if not reused:
                raise
            self._send(message)

    def _send(self, message: EmailMessage) -> None:
        try:
            if self._server is None:
                self._server = _connect(self._url, self._timeout)
            self._server.send_message(message)
        except Exception as error:
            refusal = _refusal(error)
            if isinstance(refusal, Unreachable):
                self._hang_up()
            raise refusal from error

    def _hang_up(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            try:
                server.quit()
            except (OSError, smtplib.SMTPException):
                server.close()


def _connect(url: SplitResult, timeout: float) -> smtplib.SMTP:
    host, port = url.hostname or "localhost", url.port or PORTS[url.scheme]
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if url.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, port, timeout=timeout, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=timeout)
    try:
        if url.scheme == "smtp+starttls":
            server.starttls(context=context)
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
    except BaseException:
        server.close()
        raise
    return server


def _refusal(error: Exception) -> Exception:
    """The refusal behind an error of the conversation; errors of our own go on as they are."""
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            return _answer(*next(iter(refused.values())))
        case smtplib.SMTPNotSupportedError() if "SMTPUTF8" in str(error):
            return Never("The mail server takes only addresses in ASCII.")
        case smtplib.SMTPConnectError() | smtplib.SMTPHeloError():
            return Unreachable(_words(error.smtp_code, error.smtp_error))
        case smtplib.SMTPResponseException():
            return _answer(error.smtp_code, error.smtp_error)
        case TimeoutError():
            return Unreachable(f"The mail server did not answer within {TIMEOUT} seconds.")
        case OSError():  # the errors of smtplib are OSErrors too
            return Unreachable(f"The mail server cannot be reached: {error.strerror or error}")
        case ValueError() | UnicodeError():
            return Never(f"This mail cannot be written down for sending: {error}")
        case _:
            return error


def _answer(code: int, words: bytes | str) -> Exception:
    sentence = _words(code, words)
    if code in NOT_THIS_MAIL:
        return Unreachable(sentence)
    return Later(sentence) if 400 <= code < 500 else Never(sentence)


def _words(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return f"The mail server said: {code} {' '.join(text.split())}"
