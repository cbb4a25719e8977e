"""Lines for logs, as text or as JSON: whoever reads one must learn nobody's name and open nobody's link.

A record carries its facts in ``extra={"facts": …}``; an error is told by its kind and its place, because
messages may quote what people typed.
"""

import json
import logging
import os
import re
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

SECRET_PATHS = re.compile(r"(/(?:i|c|invitation|feeds)/)[^/?#\s\"'\[\]<>]+")
API_TOKENS = re.compile(r"(daybook_)[\w-]{20,}")
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request that this thread answers; each line that is written meanwhile names it."""


def without_tokens(text: str) -> str:
    """The text with every token left out, those of the API and of addresses: ``GET /i/… HTTP/1.1``."""
    return API_TOKENS.sub(r"\1…", SECRET_PATHS.sub(r"\1…", text))


class HideTokens(logging.Filter):
    """Keeps tokens out of everything that a logger says."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_tokens(record.getMessage()), None
        return True


class OneLine(logging.Formatter):
    """A record as one line of text, at its time in UTC."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, with ``error=`` and ``at=`` where something was raised."""
        told = _error(record)
        if (name := REQUEST_ID.get()) and "request_id" not in facts(record):
            told["request_id"] = name
        line = f"{self.formatTime(record)} {record.levelname} {record.name} {record.getMessage()}"
        return " ".join(without_tokens(line + "".join(f" {key}={told[key]}" for key in told)).split())


class JsonLine(logging.Formatter):
    """A record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time (UTC), level, logger and message; then the request, the record's facts, and the error."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_tokens(" ".join(record.getMessage().split())),
        }
        if name := REQUEST_ID.get():
            line["request_id"] = name
        return json.dumps(line | facts(record) | _error(record), ensure_ascii=False, default=str)


def facts(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says beside its message."""
    found: dict[str, Any] = getattr(record, "facts", {})
    return found


def formatter(*, as_json: bool) -> logging.Formatter:
    """The one of the two that the installation wants."""
    return JsonLine() if as_json else OneLine()


def to_stderr(*, as_json: bool) -> None:
    """Send what this process says to standard error, one line each; replaces every other way."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(as_json=as_json))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in ("daybook", "webapp"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).setLevel(logging.INFO)


def _error(record: logging.LogRecord) -> dict[str, str]:
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return {}
    step, place = error.__traceback__, ""
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if f"{os.sep}webapp{os.sep}" in file:
            place = f"{file.rsplit(f'{os.sep}webapp{os.sep}', 1)[-1]}:{step.tb_lineno}"
        step = step.tb_next
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return {"error": type(error).__name__} | ({"sqlstate": state} if state else {}) | {"at": place or "?"}
