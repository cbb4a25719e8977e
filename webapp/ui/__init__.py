"""The staff desk: one package per noun, each with its views and forms. They never import each other."""

from importlib import import_module
from typing import Any

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

from webapp.ui import context, errors, guards, headers, observing, static_files
from webapp.ui.figures_kept import Figures

NOUNS = (
    "health",
    "pages",
    "sessions",
    "invitations",
    "team",
    "settings",
    "tokens",
    "webhooks",
    "record",
    "preferences",
    "feeds",
    "board",
    "listing",
    "worklists",
    "activity",
    "bulk",
    "appointments",
    "attendance",
    "contacts",
    "accounts",
    "types",
    "mail_settings",
    "outbox",
    "booking",
    "polls",
    "invitees",
    "client_page",
    "reports",
    "prints",
)

LARGEST = 2**63 - 1  # of a BIGINT key


class RowNumber(IntegerConverter):
    """``<int:…>`` in an address: what is larger than any row's number is not there (404)."""

    def __init__(self, url_map: Map, *args: Any, **options: Any) -> None:
        super().__init__(url_map, *args, **{"max": LARGEST, **options})


def install(app: Flask) -> None:
    """Register guards, error pages, template globals and every noun's blueprint."""
    app.url_map.converters["int"] = RowNumber
    app.extensions["figures"] = Figures()
    observing.install(app, app.extensions["figures"])
    app.before_request(guards.check)
    context.install(app)
    errors.install(app)
    static_files.install(app)
    headers.install(app, tls=app.config["SETTINGS"].tls)
    for noun in NOUNS:
        app.register_blueprint(import_module(f"webapp.ui.{noun}.views").bp)
