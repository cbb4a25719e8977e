"""A conversation with a mail server that cannot last: its steps, its answers and the whole have bounds."""

import io
import smtplib
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

LAST_WAIT = 120.0  # seconds: servers look a mail over before they take it (RFC 5321, 4.5.3.2.6, says more)
SHORTEST_WAIT = 1.0
LONGEST_ANSWER = 64 * 1024  # bytes


class _Listening(io.RawIOBase):
    """What the server says, byte for byte, until its time is up or it has said too much."""

    def __init__(self, raw: socket.SocketIO, bounds: "Bounded") -> None:
        self._raw, self._bounds = raw, bounds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        self._bounds.check()
        count = self._raw.readinto(buffer)
        self._bounds.allowance -= count or 0
        if self._bounds.allowance < 0:
            raise ConnectionAbortedError("it said more than an answer can hold")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class Bounded(smtplib.SMTP):
    """SMTP until ``deadline``, an instant of the monotonic clock.

    ``handed`` is set once a whole mail has gone out: from then on only the server knows whether it has it.
    """

    def __init__(self, *args: Any, deadline: float, **named: Any) -> None:
        self.deadline = deadline
        self.allowance = LONGEST_ANSWER
        self.handed = False
        self._invited = False
        super().__init__(*args, **named)

    def begin(self, deadline: float) -> None:
        """Another mail, with a deadline of its own."""
        self.deadline, self.handed = deadline, False

    def check(self) -> None:
        """Raises TimeoutError once the deadline has passed."""
        if time.monotonic() > self.deadline:
            raise TimeoutError("timed out")

    def send(self, s: "ReadableBuffer | str") -> None:
        """Like the library's; a mail's content, which follows the server's 354, is told apart."""
        self.check()
        super().send(s)
        if self._invited and self.sock is not None:
            self.handed, self._invited = True, False
            self.sock.settimeout(max(SHORTEST_WAIT, min(LAST_WAIT, self.deadline - time.monotonic())))

    def getreply(self) -> tuple[int, bytes]:
        """Like the library's, within the bounds."""
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_Listening(self.sock.makefile("rb", buffering=0), self))
        self.allowance = LONGEST_ANSWER
        code, words = super().getreply()
        self._invited = code == 354
        if self.sock is not None:
            self.sock.settimeout(self.timeout)
        return code, words


class BoundedSecure(Bounded, smtplib.SMTP_SSL):
    """The same, encrypted from the start."""


def opened(
    scheme: str, host: str, port: int, *, sign_in: tuple[str, str] | None, timeout: float, deadline: float
) -> Bounded:
    """A conversation, encrypted as ``scheme`` says and signed in. Certificates and their names are checked.

    Trusted are the system's authorities, and those that OpenSSL's SSL_CERT_FILE and SSL_CERT_DIR name.

    Raises:
        OSError, smtplib.SMTPException, ValueError: whatever stood in the way.
    """
    context = ssl.create_default_context()
    server: Bounded
    if scheme == "smtps":
        server = BoundedSecure(host, port, timeout=timeout, context=context, deadline=deadline)
    else:
        server = Bounded(host, port, timeout=timeout, deadline=deadline)
    try:
        if scheme == "smtp+starttls":
            server.starttls(context=context)
        if sign_in:
            server.login(*sign_in)
    except BaseException:
        server.close()
        raise
    return server
