"""Where a webhook may go: to the open internet by https, and into networks that the installation names.

A URL is not mended, it is refused: whatever can be written in two ways is taken in one way only, so that no
two readers of it can disagree about the host. What a name stands for is checked when it is entered, and by
the same :func:`check_address` wherever a connection is made (``webapp.delivery.webhooks``): it may change.
"""

import re
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from webapp.lifecycle.errors import Invalid

Address = IPv4Address | IPv6Address
Networks = Iterable[IPv4Network | IPv6Network]

URL_LENGTH = 2000
FIELD = "url"
LOOK_UP = 3.0  # seconds that a name may take to resolve while somebody waits for the page
PORTS = {"https": 443, "http": 80}
# Ports from 1024 on that speak another protocol (Fetch standard, "bad port").
OTHER_PROTOCOLS = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679}
    | {6697, 10080}
)
URL = re.compile(
    r"(?P<scheme>[A-Za-z]+)://(?P<host>\[[^\]/?]*\]|[^/?:\[\]]*)(?::(?P<port>[^/?]*))?(?P<path>.*)"
)
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Ends of names that stand for nothing on the open internet (RFC 6761, 6762, 8375; ICANN for .internal).
INSIDE = frozenset(
    {"localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "arpa"}
)
METADATA_NAMES = frozenset({"metadata.google.internal", "metadata.goog", "metadata", "instance-data"})
METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, Google, Oracle, DigitalOcean and others
        "169.254.170.2",  # AWS: credentials of a task
        "169.254.170.23",  # AWS: credentials of a pod
        "169.254.0.23",  # Tencent
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "168.63.129.16",  # Azure: the host
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fd00:c1::a9fe:a9fe",
    )
)
# IANA's registries of special-purpose addresses; the first that fits gives the word for the sentence.
REFUSED = [
    (ip_network(network), word)
    for network, word in (
        ("0.0.0.0/8", "this very machine"),
        ("10.0.0.0/8", "a private network"),
        ("100.64.0.0/10", "a provider’s inner network"),
        ("127.0.0.0/8", "this very machine"),
        ("169.254.0.0/16", "the local link"),
        ("172.16.0.0/12", "a private network"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "a service of the network itself"),
        ("192.52.193.0/24", "a relay"),
        ("192.88.99.0/24", "a relay"),
        ("192.168.0.0/16", "a private network"),
        ("192.175.48.0/24", "a service of the network itself"),
        ("198.18.0.0/15", "benchmarks"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "many machines at once"),
        ("255.255.255.255/32", "every machine of a network"),
        ("240.0.0.0/4", "no use yet"),
        ("::/128", "this very machine"),
        ("::1/128", "this very machine"),
        ("::ffff:0:0/96", "an IPv4 address in another form"),
        ("::/96", "an IPv4 address in another form"),
        ("64:ff9b::/96", "a translation to IPv4"),
        ("64:ff9b:1::/48", "a translation to IPv4"),
        ("fc00::/7", "a private network"),
        ("fe80::/10", "the local link"),
        ("fec0::/10", "a private network"),
        ("ff00::/8", "many machines at once"),
        ("2001::/32", "a tunnel"),
        ("2001:2::/48", "benchmarks"),
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "a tunnel"),
        ("2620:4f:8000::/48", "a service of the network itself"),
        ("3fff::/20", "documentation"),
        ("3ffe::/16", "no use any more"),
    )
]
GLOBAL_V6 = IPv6Network("2000::/3")


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL taken apart. ``host`` is a name in lower case or an address without brackets.

    ``target`` is the path with its query; ``named`` says that the host is a name, to be resolved.
    """

    scheme: str
    host: str
    port: int
    target: str
    named: bool


def check(url: str, *, networks: Networks) -> None:
    """Refuse a URL that a webhook could not go to, also for what its name stands for now.

    Asks name servers for some seconds at most; a name that is not known yet may be entered.

    Raises:
        Invalid: at field ``url``, with a sentence that says what to change.
    """
    networks = tuple(networks)
    destination = parse(url, networks=networks)
    try:
        places = resolved(destination, LOOK_UP)
    except OSError:
        return
    for _, place in places:
        check_address(str(place[0]), networks=networks, scheme=destination.scheme)


def parse(url: str, *, networks: Networks) -> Destination:
    """Take a URL apart, if a webhook may go there as far as can be told without asking for its name.

    Raises:
        Invalid: at field ``url``, with a sentence that says what to change.
    """
    networks = tuple(networks)
    if len(url) > URL_LENGTH:
        raise _bad(f"Use an address of at most {URL_LENGTH:,} characters.")
    if not all("!" <= character <= "~" for character in url) or "\\" in url:
        raise _bad("Use only plain characters: no blanks, no backslash; write others in percent-encoding.")
    if "#" in url:
        raise _bad("Remove the part from # on; it is never sent.")
    found = URL.fullmatch(url)
    scheme = found["scheme"].lower() if found else ""
    if found is None or scheme not in PORTS or found["path"][:1] not in {"", "/", "?"}:
        raise _bad("Enter a whole address, such as https://crm.example.com/daybook.")
    authority = url.split("://", 1)[1].split("/", 1)[0].split("?", 1)[0]
    if "@" in authority:
        raise _bad("Remove the user name and password; webhooks are signed instead.")
    host, named = _host(found["host"].lower(), networks)
    if scheme == "http" and not networks:
        raise _bad("Use https: what happens to appointments does not travel unencrypted.")
    if scheme == "http" and not named and not _inside(ip_address(host), networks):
        raise _bad("Use https: only networks that this installation names may be reached by http.")
    path = found["path"]
    target = path if path.startswith("/") else f"/{path}"
    return Destination(scheme, host, _port(found["port"], scheme), target, named)


def check_address(text: str, *, networks: Networks, scheme: str) -> None:
    """Refuse an address that a name or a URL stands for, unless it is public or in a named network.

    Args:
        text: as the resolver gives it.

    Raises:
        Invalid: with the address and what it is for.
    """
    address = ip_address(text)
    if address in METADATA:
        raise _bad(f"{text} holds the credentials of a machine. Webhooks never go there.")
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise _bad(f"{text} is an address of the local link. Enter one that can be reached from anywhere.")
    if _inside(address, networks):
        return
    if scheme != "https":
        raise _bad(f"Use https: {text} is in none of the networks that may be reached by http.")
    word = _use(address)
    if word:
        raise _bad(f"{text} is an address for {word}. Enter one that can be reached from anywhere.")


def resolved(destination: Destination, seconds: float) -> list[tuple[int, tuple[Any, ...]]]:
    """What the host stands for now, as socket families and addresses.

    Asked in a thread of its own, because the system's resolver knows no deadline.

    Raises:
        OSError: the name is not known (socket.gaierror), or not resolved in time (TimeoutError).
    """
    found: list[Any] = []
    failed: list[OSError] = []
    numeric = 0 if destination.named else socket.AI_NUMERICHOST

    def ask() -> None:
        try:
            found.extend(
                socket.getaddrinfo(destination.host, destination.port, type=socket.SOCK_STREAM, flags=numeric)
            )
        except OSError as error:
            failed.append(error)
        except UnicodeError as error:
            failed.append(socket.gaierror(socket.EAI_NONAME, str(error)))

    thread = threading.Thread(target=ask, name="resolver", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError("timed out")
    if failed:
        raise failed[0]
    wanted = (socket.AF_INET, socket.AF_INET6)
    return [(family, place) for family, _, _, _, place in found if family in wanted]


def _use(address: Address) -> str:
    """What an address that is not public is for; empty for a public one."""
    for network, word in REFUSED:
        if address in network:
            return word
    if isinstance(address, IPv6Address) and address not in GLOBAL_V6:
        return "no use yet"
    return "" if address.is_global else "no public use"


def _inside(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)


def _host(text: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> tuple[str, bool]:
    """The host, and whether it is a name. An address is checked here and now."""
    if "%" in text:
        raise _bad("Write the host without percent signs.")
    if text.startswith("["):
        return _literal(_v6(text[1:-1]), networks), False
    labels = text.split(".")
    if NUMBER.fullmatch(labels[-1]):
        return _literal(_v4(text), networks), False
    if len(text) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise _bad("Write the host as a name such as crm.example.com, without a dot at its end.")
    if text in METADATA_NAMES:
        raise _bad(f"{text} holds the credentials of a machine. Webhooks never go there.")
    inside = len(labels) == 1 or labels[-1] in INSIDE
    if inside and not networks:
        raise _bad(f"{text} is a name inside a network. Enter one that can be reached from anywhere.")
    return text, True


def _v4(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)  # four decimal numbers without leading zeros, and nothing else
    except ValueError as error:
        raise _bad(
            "Write an IPv4 address as four decimal numbers with dots, without leading zeros."
        ) from error


def _v6(text: str) -> IPv6Address:
    try:
        return IPv6Address(text)
    except ValueError as error:
        raise _bad("Write an IPv6 address in brackets, without a zone.") from error


def _literal(address: Address, networks: Networks) -> str:
    check_address(str(address), networks=networks, scheme="https")
    return str(address)


def _port(text: str | None, scheme: str) -> int:
    if text is None:
        return PORTS[scheme]
    if not (text.isdigit() and len(text) <= 5 and text[0] != "0" and int(text) <= 65535):
        raise _bad("Write the port as a number from 1 to 65535.")
    port = int(text)
    if port not in PORTS.values() and (port < 1024 or port in OTHER_PROTOCOLS):
        raise _bad(f"Port {port} belongs to another protocol. Use 443, or one from 1024 on.")
    return port


def _bad(sentence: str) -> Invalid:
    return Invalid(sentence, field=FIELD)
