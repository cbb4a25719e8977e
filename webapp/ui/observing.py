"""What is known of each request when it has ended: a line in the log, and figures for ``/metrics``.

A route is named by its rule, never by the address that was asked for.
"""

import logging
import re
import secrets
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, g, request

from webapp.lifecycle.log_lines import REQUEST_ID
from webapp.ui.figures_kept import Figures

NAMED = re.compile(r"[0-9A-Fa-f-]{8,64}", re.ASCII)
"""A request id from outside: a UUID or hexadecimal digits, so that it cannot say who somebody is."""
LIMITS = re.compile(r"\(max=\d+\)")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

log = logging.getLogger("daybook.request")


@dataclass(slots=True)
class Seen:
    """A request while it is answered. ``statements`` counts what it asked of the database."""

    request_id: str
    begun: float = field(default_factory=time.perf_counter)
    statements: int = 0


SEEN: ContextVar[Seen | None] = ContextVar("seen", default=None)


def install(app: Flask, figures: Figures) -> None:
    """Observe every request. To be called before anything else that looks at one."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if NAMED.fullmatch(given) else secrets.token_hex(16)
        REQUEST_ID.set(g.request_id)
        SEEN.set(Seen(g.request_id))

    @app.teardown_request
    def leave(_error: BaseException | None) -> None:
        REQUEST_ID.set(None)

    @app.after_request
    def answer(response: Response) -> Response:
        seen = SEEN.get()
        if seen is not None:
            response.headers["X-Request-ID"] = seen.request_id
            told = _told(response)
            response.call_on_close(lambda: _end(seen, told, figures))
        return response


def count_statement(*_event: Any) -> None:
    """One more statement was sent to the database, perhaps by a request."""
    if (seen := SEEN.get()) is not None:
        seen.statements += 1


def route() -> str:
    """The rule of the request's route, without its limits, or ``none``."""
    return LIMITS.sub("", request.url_rule.rule) if request.url_rule is not None else "none"


def _told(response: Response) -> dict[str, Any]:
    me = g.get("me")
    return {
        "method": request.method if request.method in METHODS else "other",
        "route": route(),
        "status": response.status_code,
        "firm": getattr(me, "firm_id", None),
        "staff": getattr(me, "staff_user_id", None),
    }


def _end(seen: Seen, told: dict[str, Any], figures: Figures) -> None:
    seconds = time.perf_counter() - seen.begun
    figures.request(told["method"], told["route"], told["status"], seconds, seen.statements)
    told |= {"ms": round(seconds * 1000, 1), "sql": seen.statements, "request_id": seen.request_id}
    log.info(" ".join(f"{key}={value}" for key, value in told.items()), extra={"facts": told})
    SEEN.set(None)
