"""A connection that goes to exactly the address that was checked, and is over when its time is up.

The name is resolved once for each connection; every address it stands for is checked, and the socket is
opened to one of them by its number. Nothing asks for the name again, so that a name that changes its answer
changes nothing. Proxies of the environment are not looked at.
"""

import contextlib
import socket
import ssl
import threading
import time
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection

from webapp.lifecycle.destinations import Destination, Networks, check_address, resolved

CONNECT_WITHIN = 5.0  # seconds for one address, where there are others


class Checked(HTTPConnection):
    """By http, within a deadline for the whole exchange: resolving, connecting, sending, the answer."""

    def __init__(self, destination: Destination, networks: Networks, **more: Any) -> None:
        super().__init__(destination.host, destination.port, **more)
        self.destination, self.networks = destination, networks
        self.overdue = False
        self._deadline = 0.0
        self._timer: threading.Timer | None = None
        self._line: socket.socket | None = None  # another handle on the open socket, to end it by
        self._lock = threading.Lock()

    def begin(self, seconds: float) -> None:
        """The next exchange has this long."""
        self.overdue = False
        self._deadline = time.monotonic() + seconds
        self.timeout = seconds
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """The exchange is over; the connection stays open for another."""
        if self._timer is not None:
            self._timer.cancel()

    def hang_up(self) -> None:
        """Close for good."""
        self.end()
        self.close()
        self._hold(None)

    def _cut(self) -> None:
        """However slowly the other side goes on: whoever reads or writes is woken."""
        with self._lock:
            self.overdue = True
            if self._line is not None:
                with contextlib.suppress(OSError):
                    self._line.shutdown(socket.SHUT_RDWR)

    def _hold(self, opened: socket.socket | None) -> None:
        with self._lock:
            before, self._line = self._line, opened.dup() if opened is not None else None
            if before is not None:
                before.close()

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0 or self.overdue:
            raise TimeoutError("timed out")
        return left

    def _new_conn(self) -> socket.socket:
        """Resolve, check, connect.

        Raises:
            Invalid: one of the addresses is refused; no connection was opened.
            OSError: the name is not known, or none of its addresses answers.
        """
        places = resolved(self.destination, self._left())
        for _, place in places:
            check_address(str(place[0]), networks=self.networks, scheme=self.destination.scheme)
        failure: OSError = OSError("it stands for no address")
        for family, place in places:
            try:
                return self._opened(family, place, among=len(places))
            except OSError as error:
                failure = error
        raise failure

    def _opened(self, family: int, place: tuple[Any, ...], *, among: int) -> socket.socket:
        left = self._left()
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.settimeout(left if among == 1 else min(left, CONNECT_WITHIN))
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.connect(place)
            opened.settimeout(self._left())
            self._hold(opened)
        except BaseException:
            opened.close()
            raise
        return opened


class CheckedSecure(Checked, HTTPSConnection):
    """By https: the certificate must fit the name, by the system's authorities or those of SSL_CERT_FILE."""

    def __init__(self, destination: Destination, networks: Networks) -> None:
        super().__init__(destination, networks, ssl_context=ssl.create_default_context())


def connection_to(destination: Destination, networks: Networks) -> Checked:
    """A connection that is not open yet."""
    kind = CheckedSecure if destination.scheme == "https" else Checked
    return kind(destination, networks)
