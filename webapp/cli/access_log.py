"""The site's access log, without the tokens of personal links: who reads it must not be able to open them."""

from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger

from webapp.lifecycle.log_lines import without_tokens


class AccessLog(Logger):
    """Gunicorn's own lines; request line, path and referrer without tokens."""

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> dict[str, Any]:
        """What a line is made of."""
        found: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        return {
            key: without_tokens(value) if isinstance(value, str) else value for key, value in found.items()
        }
