"""Where webhooks may go: some 200 hostile addresses lead to not one connection, counted at the socket.

A real receiver listens on the loopback, on every address of it, so that whatever slipped through would be
heard; and each connection that is begun anywhere in the process is counted too.
"""

import socket
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from tests.support.receiver import Receiver, receiver
from webapp.delivery.webhooks.sending import Line
from webapp.lifecycle import destinations
from webapp.lifecycle.destinations import Destination
from webapp.lifecycle.errors import Invalid

HOSTS = Path(__file__).with_name("hostile_hosts.txt").read_text(encoding="utf-8")
LITERALS, NAMES, RESOLVED = (part.split("\n", 1)[1].split() for part in HOSTS.removeprefix("#").split("\n#"))
INSIDE = (ip_network("10.20.0.0/16"), ip_network("127.0.0.2/32"))

SHAPES = [
    "https://user:secret@{here}/",
    "https://user@{here}/",
    "https://@{here}/",
    "https://crm.example.com@{here}/",
    "https://crm.example.com:443@{here}/",
    "https://{here}@crm.example.com/",
    "https://crm.example.com\\@{here}/",
    "https://{here}\\.example.com/",
    "https:\\\\{here}\\",
    "https://{here}#@crm.example.com/",
    "https://crm.example.com#@{here}/",
    "https://crm.example.com/#x",
    "https://crm.example.com /",
    " https://{here}/",
    "https://{here}/ ",
    "ht\ttps://{here}/",
    "https://{here}\r\nhost: x/",
    "https://{here}/\r\nx: y",
    "https://crm.example.com\t.localhost/",
    "https://[::1]@{here}/",
    "https://[::1]x:443/",
    "https:/{here}/",
    "https:{here}",
    "https:///{here}/",
    "https://",
    "https:///",
    "https://:443/",
    "//{here}/",
    "{here}",
    "",
    "http://crm.example.com/",
    "HTTP://{here}/",
    "http://{here}/",
    "hTTp://{here}/",
    "ftp://{here}/",
    "file:///etc/passwd",
    "gopher://{here}/_x",
    "dict://{here}/d",
    "javascript:fetch('{here}')",
    "data:text/plain,{here}",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "ws://{here}/",
    "https://crm.example.com:0/",
    "https://crm.example.com:/",
    "https://crm.example.com:22/",
    "https://crm.example.com:25/",
    "https://crm.example.com:6000/",
    "https://crm.example.com:65536/",
    "https://crm.example.com:99999999999/",
    "https://crm.example.com:-1/",
    "https://crm.example.com:+443/",
    "https://crm.example.com:0443/",
    "https://crm.example.com:\uff14\uff14\uff13/",
    "https://crm.example.com:443:80/",
    "https://crm.example.com:80@{here}/",
    "https://crm.example.com:{here}/",
    "https://" + "a" * 64 + ".example.com/",
    "https://" + "a." * 130 + "example.com/",
    "https://crm.example.com/" + "x" * 2000,
    "https://crm.example.com/\x00",
    "https://crm.example.com/ü",
]


def urls(port: int) -> list[str]:
    here = f"127.0.0.1:{port}"
    hosts = [f"https://{host}:{port}/hooks" for host in LITERALS + NAMES]
    plain = [f"http://{host}:{port}/hooks" for host in LITERALS[:20] + NAMES[:4]]
    return hosts + plain + [shape.replace("{here}", here) for shape in SHAPES]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address that this process tries to connect to."""
    found: list[Any] = []
    for name in ("connect", "connect_ex", "sendto"):
        real = getattr(socket.socket, name)

        def counted(self: socket.socket, *address: Any, real: Any = real) -> Any:
            found.append(address)
            return real(self, *address)

        monkeypatch.setattr(socket.socket, name, counted)
    return found


@pytest.fixture
def trap() -> Iterator[Receiver]:
    """Listens on every address of this machine."""
    with receiver(host="0.0.0.0") as running:  # noqa: S104 - what slips through is to be heard
        yield running


def stands_for(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let every name stand for these addresses, the next time for the next; returns who was asked for."""
    left, asked = list(answers), []
    real = socket.getaddrinfo

    def resolve(host: str, port: int, **more: Any) -> Any:
        if more.get("flags", 0) & socket.AI_NUMERICHOST:
            return real(host, port, **more)
        asked.append(host)
        now = left.pop(0) if len(left) > 1 else left[0]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in now
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def test_no_hostile_url_leads_to_a_connection(
    monkeypatch: pytest.MonkeyPatch, trap: Receiver, begun: list[Any]
) -> None:
    """Each is refused when it is entered, and, had it been stored, when it is sent to."""
    asked = stands_for(monkeypatch, ["127.0.0.1"])
    hostile = urls(trap.port)
    assert len(set(hostile)) >= 120
    for url in hostile:
        with pytest.raises(Invalid) as refusal:
            destinations.check(url, networks=())
        assert refusal.value.field == "url"
        assert refusal.value.sentence.endswith(".")
        answer = Line(url, (), timeout=2).post(b"{}", {})
        assert (answer.good, answer.status) == (False, None), url
    assert begun == []
    assert trap.connections == 0
    assert asked == []  # none came as far as the name servers


@pytest.mark.parametrize("address", RESOLVED)
def test_no_name_that_stands_for_such_an_address_leads_to_a_connection(
    monkeypatch: pytest.MonkeyPatch, trap: Receiver, begun: list[Any], address: str
) -> None:
    stands_for(monkeypatch, [address], ["8.8.8.8", address])
    url = f"https://crm.example.com:{trap.port}/"
    with pytest.raises(Invalid):
        destinations.check(url, networks=())
    for _ in range(2):  # the second time a public address stands first, and all of them are refused
        answer = Line(url, (), timeout=2).post(b"{}", {})
        assert address in str(answer.error)
    assert (begun, trap.connections) == ([], 0)


def test_a_name_that_changes_between_check_and_connection_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, trap: Receiver, begun: list[Any]
) -> None:
    asked = stands_for(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])
    line = Line(f"http://crm.example.com:{trap.port}/", INSIDE, timeout=2)
    assert line.post(b"{}", {}).good
    assert begun == [(("127.0.0.2", trap.port),)]
    assert asked == ["crm.example.com"]
    line.hang_up()
    assert "127.0.0.1" in str(line.post(b"{}", {}).error)  # asked anew, and refused
    assert len(begun) == 1


def test_a_redirect_to_the_inside_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, trap: Receiver, begun: list[Any]
) -> None:
    trap.always(status=307, headers={"location": f"http://127.0.0.1:{trap.port}/"})
    line = Line(f"http://127.0.0.2:{trap.port}/", INSIDE, timeout=2)
    assert line.post(b"{}", {}).status == 307
    line.hang_up()
    assert (len(begun), trap.connections) == (1, 1)


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://crm.example.com", Destination("https", "crm.example.com", 443, "/", True)),
        ("HTTPS://CRM.example.COM/A?b=%2F", Destination("https", "crm.example.com", 443, "/A?b=%2F", True)),
        ("https://crm.example.com?x", Destination("https", "crm.example.com", 443, "/?x", True)),
        (
            "https://xn--mnchen-3ya.example.com:8443/",
            Destination("https", "xn--mnchen-3ya.example.com", 8443, "/", True),
        ),
        ("https://a_b.example.com/@x", Destination("https", "a_b.example.com", 443, "/@x", True)),
        ("https://8.8.8.8/", Destination("https", "8.8.8.8", 443, "/", False)),
        ("https://[2606:4700:0::1111]/", Destination("https", "2606:4700::1111", 443, "/", False)),
    ],
)
def test_what_is_public_is_taken_apart(url: str, taken: Destination) -> None:
    assert destinations.parse(url, networks=()) == taken


@pytest.mark.parametrize(
    "url",
    [
        "http://10.20.1.2/",
        "https://10.20.255.255:8443/",
        "http://127.0.0.2:9000/",
        "http://crm.internal/",
        "http://localhost/",
    ],
)
def test_a_named_network_may_be_reached(url: str) -> None:
    destinations.parse(url, networks=INSIDE)


@pytest.mark.parametrize(
    "url",
    [
        "http://8.8.8.8/",
        "https://10.21.0.1/",
        "https://127.0.0.1/",
        "https://169.254.169.254/",
        "http://metadata.google.internal/",
    ],
)
def test_a_named_network_opens_nothing_else(url: str) -> None:
    with pytest.raises(Invalid):
        destinations.parse(url, networks=INSIDE)


def test_credentials_of_a_machine_are_out_of_reach_whatever_is_named() -> None:
    everything = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    for url in ("http://169.254.169.254/", "http://[fd00:ec2::254]/", "http://metadata/"):
        with pytest.raises(Invalid, match="credentials"):
            destinations.parse(url, networks=everything)


def test_by_http_a_name_must_stand_for_a_named_network(monkeypatch: pytest.MonkeyPatch) -> None:
    stands_for(monkeypatch, ["8.8.8.8"])
    with pytest.raises(Invalid, match="Use https"):
        destinations.check("http://crm.example.com/", networks=INSIDE)
    destinations.check("https://crm.example.com/", networks=INSIDE)


def test_a_name_that_is_not_known_yet_may_be_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_asked: Any, **_more: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    destinations.check("https://crm.example.com/", networks=())
