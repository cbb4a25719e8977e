"""What the server itself says, in the lines of everything else. Requests are logged by the application."""

from typing import Any

from gunicorn.glogging import Logger

from webapp.lifecycle.log_lines import HideTokens, formatter


class ServerLog(Logger):
    """Gunicorn's log of its own doings, as text."""

    as_json = False

    def setup(self, cfg: Any) -> None:
        """Gunicorn's own set-up, but for the form of the lines."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter(as_json=self.as_json))
            handler.addFilter(HideTokens())


class JsonServerLog(ServerLog):
    """The same as JSON."""

    as_json = True
