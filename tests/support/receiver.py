"""A receiver of webhooks on this machine that a test can make refuse, redirect, dawdle, hang or vanish.

It is written against the Standard Webhooks specification, and uses nothing of the application.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import socketserver
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

HANG = "hang"  # no answer at all
DROP = "drop"  # the connection ends
DRIP_HEAD = "drip head"  # a header byte by byte, without end
DRIP_BODY = "drip body"  # a body byte by byte, without end
NONSENSE = "nonsense"  # what is not HTTP
CERTIFICATES = Path(__file__).parent / "certificates"


@dataclass(frozen=True)
class Taken:
    """A request as it came; names of headers in lower case, ``at`` by the monotonic clock."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> dict[str, Any]:
        """The body."""
        said: dict[str, Any] = json.loads(self.body)
        return said


@dataclass(frozen=True)
class Reply:
    """What to answer; ``how`` is one of the words above instead."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    how: str = ""


@dataclass
class Receiver:
    """What it was told to do, and what it took. ``answer`` decides each reply."""

    host: str = "127.0.0.1"
    port: int = 0
    secure: bool = False
    answer: Callable[[Taken], Reply] = lambda _taken: Reply()
    taken: list[Taken] = field(default_factory=list)
    connections: int = 0
    lock: Lock = field(default_factory=Lock)
    closing: Event = field(default_factory=Event)
    asked: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}/hooks"

    def always(self, **reply: Any) -> None:
        """Answer everything like this."""
        self.answer = lambda _taken: Reply(**reply)

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.taken]


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    told: Receiver

    def setup(self) -> None:
        with self.told.lock:
            self.told.connections += 1
        super().setup()

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def do_POST(self) -> None:  # the library's name for it
        length = int(self.headers.get("content-length", "0"))
        body = self.rfile.read(length)
        if len(body) < length:  # whoever was sending it died: half a request is none
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        taken = Taken(self.path, headers, body, time.monotonic())
        reply = self.told.answer(taken)
        with self.told.lock:
            self.told.taken.append(taken)
        self.told.asked.set()
        if reply.how:
            self.close_connection = True
            self._misbehave(reply)
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "content-length" not in reply.headers:
            self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def _misbehave(self, reply: Reply) -> None:
        if reply.how == HANG:
            self.told.closing.wait(60)
        elif reply.how == NONSENSE:
            self.wfile.write(b"220 this is another protocol\r\n")
        elif reply.how in {DRIP_HEAD, DRIP_BODY}:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            if reply.how == DRIP_BODY:
                self.wfile.write(b"no\r\nConnection: close\r\n\r\n")
            while not self.told.closing.wait(0.02):
                self.wfile.write(b"x")

    def log_message(self, *_words: Any) -> None:
        pass


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_facts: Any) -> None:
        """Who went away in mid-sentence is no fault of the test."""


@contextlib.contextmanager
def receiver(*, secure: bool = False, host: str = "127.0.0.1", port: int = 0) -> Iterator[Receiver]:
    """A receiver on a free port of the loopback; ``secure`` has a certificate of the tests' own authority."""
    told = Receiver(host=host, secure=secure)
    handler = type("Conversation", (_Conversation,), {"told": told})
    with _Server((host, port), handler) as server:
        if secure:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(CERTIFICATES / "server.pem")
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        told.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield told
        told.closing.set()
        server.shutdown()
        thread.join()


def is_genuine(taken: Taken, secret: str) -> bool:
    """Whether one of the signatures fits, by the specification's own words."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{taken.id}.{taken.headers['webhook-timestamp']}.".encode() + taken.body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return expected in taken.headers["webhook-signature"].split()


@dataclass
class Ledger:
    """What a receiver knows of a firm from its webhooks alone: each appointment as last heard of.

    An id that came before says nothing new; of one appointment the highest sequence counts.
    """

    secret: str
    seen: set[str] = field(default_factory=set)
    known: dict[int, dict[str, Any]] = field(default_factory=dict)
    repeated: int = 0
    out_of_order: int = 0
    gaps: int = 0

    def take(self, taken: Taken) -> None:
        """Believe a webhook."""
        assert is_genuine(taken, self.secret)
        if taken.id in self.seen:
            self.repeated += 1
            return
        self.seen.add(taken.id)
        data = taken.said["data"]
        before = self.known.get(data["appointment_id"], {"sequence": 0, "to_status": None})
        if data["sequence"] <= before["sequence"]:
            self.out_of_order += 1
            return
        self.gaps += data["sequence"] != before["sequence"] + 1 or data["from_status"] != before["to_status"]
        self.known[data["appointment_id"]] = data
