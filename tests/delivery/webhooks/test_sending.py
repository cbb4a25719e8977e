"""One try: what is sent, what counts as an answer, and that nothing lasts longer or says more than it may."""

import socket
import time
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest

from tests.support.receiver import (
    CERTIFICATES,
    DRIP_BODY,
    DRIP_HEAD,
    DROP,
    HANG,
    NONSENSE,
    Receiver,
    Reply,
    Taken,
)
from tests.support.smtp import closed_port
from webapp.delivery.webhooks import sending
from webapp.delivery.webhooks.sending import Answer, Line

Listening = Callable[..., Receiver]
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
HEADERS = {"webhook-id": "evt_1", "webhook-timestamp": "1614265330", "webhook-signature": "v1,x"}


def post(url: str, *, timeout: float = 5.0) -> Answer:
    line = Line(url, LOOPBACK, timeout=timeout)
    answer = line.post(b'{"type":"ping"}', HEADERS)
    line.hang_up()
    return answer


def test_it_posts_the_body_with_its_headers(listening: Listening) -> None:
    there = listening()
    answer = post(f"{there.url}?to=crm&x=%2F")
    assert (answer.status, answer.good, answer.body) == (200, True, "{}")
    assert "content-length: 2" in answer.headers.lower()
    (taken,) = there.taken
    assert (taken.path, taken.body) == ("/hooks?to=crm&x=%2F", b'{"type":"ping"}')
    assert taken.headers == HEADERS | {
        "host": f"127.0.0.1:{there.port}",
        "content-type": "application/json",
        "user-agent": "Daybook-Webhooks/1",
        "content-length": "15",
        "accept-encoding": "identity",
    }


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_a_success(listening: Listening, status: int) -> None:
    there = listening()
    there.always(status=status, body=b"")
    assert post(there.url).good


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(listening: Listening, status: int) -> None:
    there, elsewhere = listening(), listening()
    there.always(status=status, headers={"location": elsewhere.url})
    answer = post(there.url)
    assert (answer.status, answer.error) == (
        status,
        f"It answered with {status}. Redirects are not followed.",
    )
    assert elsewhere.connections == 0
    assert len(there.taken) == 1


@pytest.mark.parametrize("status", [300, 304, 305, 400, 404, 410, 429, 500, 503])
def test_everything_else_is_a_failure(listening: Listening, status: int) -> None:
    there = listening()
    there.always(status=status, body=b"", headers={"retry-after": "120"})
    answer = post(there.url)
    assert (answer.status, answer.error, answer.retry_after) == (status, f"It answered with {status}.", "120")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-length": "500", "connection": "close"}, b"abc"),
        ({"content-length": "500", "connection": "close"}, b""),
        ({"transfer-encoding": "chunked", "content-length": "", "connection": "close"}, b"5\r\nab"),
        ({"transfer-encoding": "chunked", "content-length": "", "connection": "close"}, b"zz\r\nab\r\n"),
    ],
)
def test_an_answer_that_breaks_off_is_a_failure_whatever_its_status(
    listening: Listening, headers: dict[str, str], body: bytes
) -> None:
    there = listening()
    there.always(headers=headers, body=body)
    assert post(there.url).error == "Its answer broke off."


@pytest.mark.parametrize("how", [HANG, DRIP_HEAD, DRIP_BODY])
def test_a_slow_answer_is_cut_off_as_a_whole(listening: Listening, how: str) -> None:
    there = listening()
    there.always(how=how)
    begun = time.monotonic()
    answer = post(there.url, timeout=0.4)
    assert time.monotonic() - begun < 3
    assert (answer.status, answer.error) == (None, "There was no whole answer in time.")
    assert answer.took >= 400


def test_a_slow_handshake_is_cut_off_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answer = post(f"https://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.3)
    assert answer.error == "There was no whole answer in time."


def test_a_slow_name_server_is_cut_off_too(monkeypatch: pytest.MonkeyPatch, listening: Listening) -> None:
    there = listening()

    def never(*_asked: Any, **_more: Any) -> list[Any]:
        there.closing.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    begun = time.monotonic()
    assert post("https://slow.example.com/", timeout=0.3).error == "There was no whole answer in time."
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        (DROP, "It closed the connection without an answer."),
        (NONSENSE, "Its answer cannot be read as HTTP"),
    ],
)
def test_no_answer_at_all_is_a_failure(listening: Listening, how: str, sentence: str) -> None:
    there = listening()
    there.always(how=how)
    assert sentence in str(post(there.url).error)


def test_nobody_there_is_a_failure() -> None:
    assert "It cannot be reached" in str(post(f"http://127.0.0.1:{closed_port()}/").error)


def test_a_long_answer_is_read_and_kept_in_part(listening: Listening) -> None:
    there = listening()
    there.always(body=b"x" * 1_000_000, headers={"x-long": "y" * 5000})
    line = Line(there.url, LOOPBACK, timeout=5)
    answer = line.post(b"{}", HEADERS)
    assert answer.good
    assert len(answer.body) == len(answer.headers) == sending.KEPT
    assert line.post(b"{}", HEADERS).good
    assert there.connections == 2  # what was not read to its end carries nothing more
    line.hang_up()


def test_a_compressed_answer_is_not_unpacked(listening: Listening) -> None:
    there = listening()
    there.always(headers={"content-encoding": "gzip"}, body=b"not gzip at all\x00\xff")
    answer = post(there.url)
    assert (answer.good, answer.body) == (True, "not gzip at all\N{REPLACEMENT CHARACTER}")


def test_a_line_stays_open_and_is_opened_again_when_it_was_closed(listening: Listening) -> None:
    there = listening()
    line = Line(there.url, LOOPBACK, timeout=5)
    assert all(line.post(b"{}", HEADERS).good for _ in range(3))
    assert there.connections == 1
    count = iter(range(100))

    def closes_each_second(_taken: Taken) -> Reply:
        return Reply(how=DROP) if next(count) % 2 else Reply()

    there.answer = closes_each_second
    assert line.post(b"{}", HEADERS).good
    assert line.post(b"{}", HEADERS).good  # dropped once, and sent again on another connection
    assert there.connections == 2
    line.hang_up()


def test_the_certificate_must_fit_and_be_trusted(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = listening(secure=True)
    assert "certificate is not trusted" in str(post(there.url).error)
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "authority.pem"))
    assert post(there.url).good
    real = socket.getaddrinfo

    def here(host: str, port: int, **more: Any) -> Any:
        return real("127.0.0.1", port, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    named = post(there.url.replace("127.0.0.1", "crm.example.com"))
    assert "Hostname mismatch" in str(named.error)
    assert len(there.taken) == 1


def test_proxies_of_the_environment_are_not_used(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, proxy = listening(), listening()
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    assert post(there.url).good
    assert (there.connections, proxy.connections) == (1, 0)
