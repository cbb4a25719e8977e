"""Lines for logs: whoever reads a log must not be able to open what a personal link or a token opens."""

import logging
import re

SECRET_PATHS = re.compile(r"(/(?:i|c|invitation|feeds)/)[^/?#\s\"'\[\]<>]+")
API_TOKENS = re.compile(r"(daybook_)[\w-]{20,}")


def without_tokens(text: str) -> str:
    """The text with every token left out, those of the API and of addresses: ``GET /i/… HTTP/1.1``."""
    return API_TOKENS.sub(r"\1…", SECRET_PATHS.sub(r"\1…", text))


class HideTokens(logging.Filter):
    """Keeps tokens out of everything that a logger says."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_tokens(record.getMessage()), None
        return True
