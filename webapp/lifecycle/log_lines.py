"""Lines for logs: whoever reads a log must not be able to open what a personal link opens."""

import logging
import re

SECRET_PATHS = re.compile(r"(/(?:i|c|invitation)/)[^/?#\s\"'\[\]<>]+")


def without_tokens(text: str) -> str:
    """The text with the token of each personal address left out: ``GET /i/… HTTP/1.1``."""
    return SECRET_PATHS.sub(r"\1…", text)


class HideTokens(logging.Filter):
    """Keeps tokens out of everything that a logger says."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_tokens(record.getMessage()), None
        return True
