"""Sending one webhook and hearing the answer: 2xx or not, no redirects, so much of the answer and no more."""

import contextlib
import http.client
import logging
import socket
import ssl
import time
from dataclasses import dataclass

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, IncompleteRead, ProtocolError

from webapp.delivery.webhooks.connection import Checked, connection_to
from webapp.lifecycle import destinations
from webapp.lifecycle.destinations import Destination, Networks
from webapp.lifecycle.errors import Invalid

TIMEOUT = 15.0  # seconds for one try, from resolving the name to the end of the answer
READ = 64 * 1024  # bytes of an answer that are read; then the connection is closed
REDIRECTS = {301, 302, 303, 307, 308}
KEPT = 2048  # characters of an answer's headers, and of its body, that are kept
ERROR_LENGTH = 300
USER_AGENT = "Daybook-Webhooks/1"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try. ``error`` is None for a success; ``took`` is in milliseconds."""

    sent: dict[str, str]
    took: int
    status: int | None = None
    headers: str = ""
    body: str = ""
    retry_after: str = ""
    error: str | None = None

    @property
    def good(self) -> bool:
        return self.error is None


class Line:
    """A line to one endpoint; it stays open between two webhooks that follow each other.

    Args:
        timeout: in seconds, for one try.
    """

    def __init__(self, url: str, networks: Networks, *, timeout: float = TIMEOUT) -> None:
        self.url = url
        self._networks, self._timeout = tuple(networks), timeout
        self._connection: Checked | None = None

    def post(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Send a webhook. Whatever goes wrong is in the answer; nothing is raised."""
        sent = {"content-type": "application/json", "user-agent": USER_AGENT, **headers}
        begun = time.monotonic()
        status, shown, text, retry_after = None, "", "", ""
        error: str | None
        try:
            destination = destinations.parse(self.url, networks=self._networks)
            status, shown, retry_after, text = self._exchange(destination, body, sent)
            error = _judged(status)
        except Exception as problem:
            self.hang_up()
            error = _told(problem)
        took = int((time.monotonic() - begun) * 1000)
        return Answer(sent, took, status, shown, text, retry_after, error)

    def _exchange(
        self, destination: Destination, body: bytes, sent: dict[str, str]
    ) -> tuple[int, str, str, str]:
        reused = self._connection is not None and self._connection.sock is not None
        if self._connection is None:
            self._connection = connection_to(destination, self._networks)
        connection = self._connection
        connection.begin(self._timeout)
        try:
            try:
                response = _asked(connection, destination, body, sent)
            except (ConnectionError, http.client.RemoteDisconnected):
                if not reused or connection.overdue:
                    raise
                connection.close()  # it was closed since the last webhook: once more, from the start
                response = _asked(connection, destination, body, sent)
            answer = _read(response)
        except Exception as problem:
            if connection.overdue:
                raise TimeoutError("timed out") from problem
            raise
        finally:
            connection.end()
        if connection.overdue:
            raise TimeoutError("timed out")
        if len(answer) > READ:
            self.hang_up()
        told = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        retry_after = response.headers.get("retry-after", "")
        return response.status, _kept(told), retry_after, _kept(answer[: 4 * KEPT].decode("utf-8", "replace"))

    def hang_up(self) -> None:
        """Close the connection, if one is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.hang_up()


def _asked(
    connection: Checked, destination: Destination, body: bytes, sent: dict[str, str]
) -> BaseHTTPResponse:
    connection.request(
        "POST", destination.target, body=body, headers=sent, preload_content=False, decode_content=False
    )
    return connection.getresponse()


def _read(response: BaseHTTPResponse) -> bytes:
    """The answer as it comes, not unpacked; one byte too many tells of a longer one.

    Raises:
        HTTPError: it broke off. That is no success whatever its status: whoever dies while answering may not
            have kept the event, and one who did knows its id when it comes again.
    """
    answer = response.read(READ + 1, decode_content=False)
    if len(answer) <= READ and response.length_remaining:
        raise IncompleteRead(len(answer), response.length_remaining)
    return answer


def _kept(text: str) -> str:
    return text.replace("\x00", "")[:KEPT]


def _judged(status: int) -> str | None:
    """Why an answer is no success; None if it is one."""
    if 200 <= status < 300:
        return None
    if status in REDIRECTS:
        return f"It answered with {status}. Redirects are not followed."
    return f"It answered with {status}."


def _told(problem: Exception) -> str:
    """What stood in the way, as a sentence."""
    match problem:
        case Invalid():
            sentence = problem.sentence
        case TimeoutError():
            sentence = "There was no whole answer in time."
        case ssl.SSLCertVerificationError():
            sentence = f"Its certificate is not trusted: {problem.verify_message}"
        case ssl.SSLError():
            sentence = f"It could not be spoken to by https: {problem.reason or problem}"
        case socket.gaierror():
            sentence = f"Its name is not known: {problem.strerror}"
        case http.client.RemoteDisconnected() | ConnectionResetError() | BrokenPipeError():
            sentence = "It closed the connection without an answer."
        case OSError():
            sentence = f"It cannot be reached: {problem.strerror or problem}"
        case IncompleteRead() | ProtocolError():
            sentence = "Its answer broke off."
        case http.client.HTTPException() | HTTPError():
            sentence = f"Its answer cannot be read as HTTP ({type(problem).__name__})."
        case _:
            log.exception("a webhook could not be sent")
            sentence = f"It could not be sent: {type(problem).__name__}"
    return _kept(sentence)[:ERROR_LENGTH]
