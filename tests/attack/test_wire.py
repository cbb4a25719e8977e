"""Requests that are too large, broken or half, byte by byte to ``daybook serve``: it refuses, and lives."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest

from tests.support.engines import ROOT, SECRET_KEY

pytestmark = pytest.mark.one_engine("sqlite")  # nothing here comes as far as the database

PATIENCE = 30  # seconds
HOST = "127.0.0.1"
MB = 1024 * 1024
CLOSED = 0
"""The server hung up without an answer, which is an answer to what is no HTTP."""
MANY_CHUNKS = b"".join(b"10000\r\n" + b"a" * 65536 + b"\r\n" for _ in range(160)) + b"0\r\n\r\n"
REFUSED = {400, 404, 405, 411, 413, 414, 415, 422, 431, 501, 505}


@dataclass
class Served:
    """The real server, in a process of its own."""

    port: int
    process: "subprocess.Popen[bytes]"

    def send(self, *parts: bytes, end: bool = False, seconds: float = PATIENCE) -> tuple[int, bytes]:
        """Write the parts as they are and read the answer: its status (0 for none) and all of it.

        ``end`` closes our half of the connection first: nothing more will come.
        """
        with socket.create_connection((HOST, self.port), timeout=seconds) as line:
            try:
                for part in parts:
                    line.sendall(part)
                if end:
                    line.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it answered, and hung up, before it had read all
            found = _read(line)
        status = found[9:12]
        return (int(status) if found.startswith(b"HTTP/1.") and status.isdigit() else CLOSED), found

    def lives(self) -> bool:
        """Whether an honest visitor is answered."""
        return self.send(_get("/healthz"))[0] == 200 and self.process.poll() is None


def _read(line: socket.socket) -> bytes:
    found = b""
    try:
        while part := line.recv(65536):
            found += part
    except OSError:
        return found
    return found


def _get(target: str, *headers: str) -> bytes:
    lines = [f"GET {target} HTTP/1.1", f"Host: {HOST}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _post(target: str, body: bytes, *headers: str, kind: str = "application/x-www-form-urlencoded") -> bytes:
    said = any(header.lower().startswith(("content-length", "transfer")) for header in headers)
    lines = [
        f"POST {target} HTTP/1.1",
        f"Host: {HOST}",
        "Connection: close",
        f"Content-Type: {kind}",
        *headers,
        *(() if said else (f"Content-Length: {len(body)}",)),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        number: int = free.getsockname()[1]
        return number


@pytest.fixture(scope="module")
def served(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder, port = tmp_path_factory.mktemp("wire"), _free_port()
    database = folder / "daybook.sqlite3"
    database.write_bytes(sqlite_template.read_bytes())
    environment = {
        "DATABASE_URL": f"sqlite:///{database}",
        "DAYBOOK_INSTANCE": str(folder / "instance"),
        "SECRET_KEY": SECRET_KEY,
        "PORT": str(port),
        "PATH": os.defpath,
    }
    command = [sys.executable, "-m", "webapp.cli", "serve"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            served = Served(port, process)
            _wait(served)
            yield served
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _wait(served: Served) -> None:
    give_up = monotonic() + PATIENCE
    while monotonic() < give_up:
        try:
            if served.lives():
                return
        except ConnectionRefusedError:
            assert served.process.poll() is None, "the server has ended"
    pytest.fail("nobody listens")


JSON = "application/json"
FORM = "/sign-in"
API = "/api/v1/appointments"
HOOK = "/hooks/attendance/marlow"
CHUNKED = "Transfer-Encoding: chunked"

CASES: dict[str, tuple[bytes, set[int]]] = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)), {400, CLOSED}),
    "a line of nothing": (b"\r\n\r\n\r\n", {400, CLOSED}),
    "no version": (b"GET /\r\n\r\n", {400}),
    "HTTP/9.9": (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", {400, 505}),
    "a method of blanks": (b"   / HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    "a method with NUL": (b"G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    "TRACE": (_get("/sign-in").replace(b"GET", b"TRACE"), {405, 501}),
    "CONNECT": (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", REFUSED),
    "an unknown method": (_get("/sign-in").replace(b"GET", b"BREW"), {405, 501}),
    "an address of 8 kB": (_get("/" + "a" * 8000), {400, 404, 414}),
    "an address of 1 MB": (_get("/" + "a" * MB), {400, 414}),
    "a query of 1 MB": (_get("/sign-in?next=" + "a" * MB), {400, 414}),
    "NUL in the address": (b"GET /a\x00b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {400, 404}),
    "bad UTF-8 in the address": (_get("/%ff%fe/%c0%af"), {400, 404}),
    "raw bytes in the address": (_get("/\xff\xfe"), {400, 404}),
    "escapes out of the root": (_get("/static/../../../../etc/passwd"), {400, 404}),
    "escaped escapes": (_get("/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd"), {400, 404}),
    "what a checkout has": (_get("/.git/config"), {404}),
    "a folder": (_get("/static/"), {404}),
    "a folder of files": (_get("/static/css/"), {404}),
    "backslashes": (_get("/static/..\\..\\app.py"), {400, 404}),
    "an absolute address elsewhere": (_get("http://evil.example/sign-in"), {200, 400, 404}),
    "a header of 64 kB": (_get("/sign-in", "X-Long: " + "a" * 65536), {400, 431}),
    "ten thousand headers": (_get("/sign-in", *(f"X-{n}: 1" for n in range(10_000))), {400, 431}),
    "a header without a colon": (_get("/sign-in", "nonsense"), {400}),
    "a header with NUL": (_get("/sign-in", "X-Null: a\x00b"), {400}),
    "a header folded": (_get("/sign-in", "X-Fold: a", " b"), {400}),
    "a header name with a blank": (_get("/sign-in", "X Y : a"), {400}),
    "a cookie of 60 kB": (_get("/sign-in", "Cookie: daybook=" + "a" * 60_000), {400, 431}),
    "a broken cookie": (_get("/sign-in", 'Cookie: daybook="\xff\\; =;;; daybook-form=.x.y'), {200}),
    "two lengths": (_post(FORM, b"a=1", "Content-Length: 3", "Content-Length: 4"), {400}),
    "a length below zero": (_post(FORM, b"a=1", "Content-Length: -1"), {400}),
    "a length of words": (_post(FORM, b"a=1", "Content-Length: three"), {400}),
    "a length with a plus": (_post(FORM, b"a=1", "Content-Length: +3"), {400}),
    "a length without an end": (_post(FORM, b"a=1", "Content-Length: " + "9" * 400), {400, 413}),
    "length and chunks": (_post(FORM, b"0\r\n\r\n", "Content-Length: 5", CHUNKED), {400}),
    "chunks of no number": (_post(FORM, b"zz\r\nabc\r\n0\r\n\r\n", CHUNKED), {400}),
    "a chunk below zero": (_post(FORM, b"-3\r\nabc\r\n0\r\n\r\n", CHUNKED), {400}),
    "a chunk longer than said": (_post(FORM, b"2\r\nabcdef\r\n0\r\n\r\n", CHUNKED), {400}),
    "chunks by an unknown way": (_post(FORM, b"abc", "Transfer-Encoding: gzip, mystery"), {400, 501}),
    "chunked twice": (_post(FORM, b"0\r\n\r\n", CHUNKED, CHUNKED), {400}),
    "chunked, misspelled": (_post(FORM, b"0\r\n\r\n", "Transfer-Encoding: xchunked"), {400, 501}),
    "10 MB by length": (_post(FORM, b"a=" + b"b" * (10 * MB)), {413}),
    "10 MB said and not sent": (_post(FORM, b"", f"Content-Length: {10 * MB}"), {413}),
    # Forms are read up to the first megabyte, and what that says is refused.
    "10 MB by chunks": (_post(FORM, MANY_CHUNKS, CHUNKED), {413, 422}),
    "10 MB by chunks to the API": (_post(API, MANY_CHUNKS, CHUNKED, kind=JSON), {401, 413}),
    "10 MB by chunks to the callback": (_post(HOOK, MANY_CHUNKS, CHUNKED, kind=JSON), {401, 404, 413}),
    "10 MB to the API": (_post(API, b'{"a":"' + b"b" * (10 * MB) + b'"}', kind=JSON), {401, 413}),
    "10 MB to the callback": (_post(HOOK, b'{"a":"' + b"b" * (10 * MB) + b'"}', kind=JSON), {413, 401, 404}),
    "a hundred thousand fields": (
        _post(FORM, b"&".join(b"f%d=1" % n for n in range(100_000))),
        {200, 400, 413, 422},
    ),
    "one field a hundred thousand times": (_post(FORM, b"email=a&" * 100_000), {200, 400, 413, 422}),
    "a form of escapes": (_post(FORM, b"%" * 500_000), {200, 400, 413, 422}),
    "bad UTF-8 in a form": (_post(FORM, b"email=\xff\xfe&password=\xc0\xaf"), {200, 400, 422}),
    "NUL in a form": (_post(FORM, b"email=a%00b&password=%00"), {200, 400, 422}),
    "a multipart without its border": (_post(FORM, b"abc", kind="multipart/form-data"), {200, 400, 422}),
    "a multipart of ten thousand parts": (
        _post(
            FORM,
            b"".join(
                b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % n for n in range(10_000)
            )
            + b"--x--\r\n",
            kind="multipart/form-data; boundary=x",
        ),
        {413},
    ),
    "a file that nobody asked for": (
        _post(
            FORM,
            b'--x\r\nContent-Disposition: form-data; name="email"; filename="../../x.py"\r\n\r\n'
            + b"a" * 900_000
            + b"\r\n--x--\r\n",
            kind="multipart/form-data; boundary=x",
        ),
        {200, 400, 413, 422},
    ),
    "deep JSON": (_post(HOOK, b"[" * 30_000, kind=JSON), {400, 401, 404, 413, 422}),
    "deep JSON to the API": (_post(API, b'{"a":' * 40_000, kind=JSON), {400, 401, 413, 422}),
    "a bearer of 6 kB": (_get(API, "Authorization: Bearer " + "a" * 6000), {401}),
    "a bearer of odd bytes": (_get(API, "Authorization: Bearer \xff\xfe\x7f"), {400, 401}),
    "an odd scheme": (_get(API, "Authorization: Basic ////"), {400, 401}),
    "a host of odd bytes": (_get("/sign-in").replace(HOST.encode(), b"a<script>\xff"), {200, 400}),
    "two hosts": (_get("/sign-in", "Host: evil.example"), {200, 400}),
    "no host": (b"GET /sign-in HTTP/1.1\r\nConnection: close\r\n\r\n", {200, 400}),
    "a range beyond all": (
        _get("/static/app.js", "Range: bytes=0-0,1-1,2-99999999999999999999"),
        {200, 206, 416},
    ),
    "a date of nonsense": (_get("/static/app.js", "If-Modified-Since: \xff, 99 Foo 99999"), {200, 304}),
    "an expectation": (_post(FORM, b"a=1", "Expect: 100-continue"), {100, 200, 400, 417, 422}),
    "an upgrade": (_get("/sign-in", "Upgrade: websocket", "Connection: Upgrade"), {200, 400}),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_broken_or_too_much_is_refused_and_the_server_lives(served: Served, name: str) -> None:
    sent, expected = CASES[name]
    status, answer = served.send(sent)
    assert status in expected, answer[:300]
    assert b"Traceback" not in answer
    assert b"evil.example" not in answer.partition(b"\r\n\r\n")[0]
    assert served.lives()


def test_what_ends_in_the_middle_is_given_up(served: Served) -> None:
    for whole in (
        _post(FORM, b"email=a&password=b"),
        _post(FORM, b"5\r\nabcde\r\n0\r\n\r\n", CHUNKED),
        _get("/"),
    ):
        for share in (0.2, 0.5, 0.9, 0.99):
            status, _answer = served.send(whole[: int(len(whole) * share)], end=True)
            assert status in {*REFUSED, CLOSED, 200}, (whole, share)
    assert served.lives()


def test_a_second_request_hidden_in_the_body_of_the_first_is_not_answered(served: Served) -> None:
    hidden = _get("/healthz")
    for headers in (
        (f"Content-Length: {len(hidden) + 5}", CHUNKED),
        ("Content-Length: 5", CHUNKED),
        ("Content-Length: 5", "Transfer-Encoding : chunked"),
        ("Content-Length: 5", "Transfer-Encoding:\x0bchunked"),
    ):
        request = _post(FORM, b"0\r\n\r\n" + hidden, *headers).replace(b": close", b": keep-alive")
        _status, answer = served.send(request)
        assert answer.count(b"HTTP/1.1 ") <= 1, headers
        assert b'"ok"' not in answer, headers
