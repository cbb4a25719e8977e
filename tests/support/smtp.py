"""A mail server on this machine that a test can make refuse, dawdle, hang or vanish."""

import base64
import contextlib
import socket
import socketserver
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from threading import Event, Lock, Thread

HANG = "hang"
DROP = "drop"
DRIP = "drip"
FLOOD = "flood"
CERTIFICATES = Path(__file__).parent / "certificates"


@dataclass
class MailServer:
    """What it was told to do, and what it took.

    ``replies`` maps a verb (``CONNECT``, ``MAIL``, ``RCPT``, ``DATA``, ``END`` for the dot) to an answer like
    ``451 Later``, to HANG (no answer at all), DROP (the connection ends), DRIP (a byte now and then, without
    end) or FLOOD (lines without end); ``once`` is used up first. ``secure`` is ``smtps`` for encryption from
    the start, ``smtp+starttls`` for an offer of it. Each mail takes ``pause`` seconds longer than it must.
    """

    port: int = 0
    secure: str = ""
    replies: dict[str, str] = field(default_factory=dict)
    once: dict[str, list[str]] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    taken: list[bytes] = field(default_factory=list)
    pause: float = 0.0
    conversations: int = 0
    encrypted: int = 0
    verbs: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)
    closing: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"{self.secure or 'smtp'}://127.0.0.1:{self.port}"

    @property
    def messages(self) -> list[EmailMessage]:
        """What it took, parsed, in order."""
        return [BytesParser(policy=default).parsebytes(raw) for raw in self.taken]  # type: ignore[misc]

    def reply(self, verb: str, usual: str) -> str:
        with self.lock:
            queued = self.once.get(verb)
            return queued.pop(0) if queued else self.replies.get(verb, usual)


class _Conversation(socketserver.StreamRequestHandler):
    told: MailServer

    def handle(self) -> None:
        with self.told.lock:
            self.told.conversations += 1
        with contextlib.suppress(OSError):
            if self.told.secure == "smtps":
                self._encrypt()
            if self._say("CONNECT", "220 tests.example ready"):
                self._listen()

    def _encrypt(self) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERTIFICATES / "server.pem")
        self.connection = context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        self.told.encrypted += 1

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        self.connection.close()

    def _listen(self) -> None:
        while line := self.rfile.readline():
            words = line.decode("utf-8", "replace").strip()
            verb = words.split(" ", 1)[0].upper()
            self.told.verbs.append(words)
            if verb == "QUIT":
                self._say(verb, "221 Bye")
                return
            if not self._step(verb, words):
                return

    def _step(self, verb: str, words: str) -> bool:
        if verb == "EHLO":
            offers = "250-AUTH PLAIN\r\n" if self.told.users else ""
            if self.told.secure == "smtp+starttls" and not self.told.encrypted:
                offers += "250-STARTTLS\r\n"
            return self._say(verb, f"250-tests.example\r\n{offers}250 SMTPUTF8")
        if verb == "STARTTLS":
            begins = self._say(verb, "220 Go on")
            if begins and self.last[:1] == "2":
                self._encrypt()
            return begins
        if verb == "AUTH":
            return self._say(verb, "235 Welcome" if self._knows(words) else "535 Who are you")
        if verb == "DATA":
            return self._take()
        return self._say(verb, "250 Fine")

    def _knows(self, words: str) -> bool:
        _, user, password = base64.b64decode(words.rsplit(maxsplit=1)[-1]).decode().split("\x00")
        return self.told.users.get(user) == password

    def _take(self) -> bool:
        self.told.closing.wait(self.told.pause)
        if not self._say("DATA", "354 Go on"):
            return False
        if self.last[:1] != "3":
            return True
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line[1:] if line.startswith(b"..") else line)
        answer = self.told.reply("END", "250 Taken")
        if answer[:1] in {"2", HANG[:1], DROP[:1]}:
            with self.told.lock:
                self.told.taken.append(b"".join(lines))
        return self._answer(answer)

    def _say(self, verb: str, usual: str) -> bool:
        return self._answer(self.told.reply(verb, usual))

    def _answer(self, text: str) -> bool:
        self.last = text
        if text == HANG:
            self.told.closing.wait(30)
        if text in {DRIP, FLOOD}:
            self._go_on(text)
        if text in {HANG, DROP, DRIP, FLOOD}:
            return False
        self.wfile.write(f"{text}\r\n".encode())
        return text[:3] != "421"

    def _go_on(self, how: str) -> None:
        pause, piece = (0.02, b"2") if how == DRIP else (0, b"220-" + b"x" * 70 + b"\r\n")
        while not self.told.closing.wait(pause):
            self.wfile.write(piece)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextlib.contextmanager
def mail_server(secure: str = "") -> Iterator[MailServer]:
    """A mail server on a free port of the loopback; ``secure`` as for :class:`MailServer`."""
    told = MailServer(secure=secure)
    handler = type("Conversation", (_Conversation,), {"told": told})
    with _Server(("127.0.0.1", 0), handler) as server:
        told.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield told
        told.closing.set()
        server.shutdown()
        thread.join()


def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
