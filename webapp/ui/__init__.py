"""The staff desk: one package per noun, each with its views and forms. They never import each other."""

from importlib import import_module

from flask import Flask

from webapp.ui import context, errors, guards, headers

NOUNS = (
    "pages",
    "sessions",
    "invitations",
    "team",
    "settings",
    "preferences",
    "board",
    "listing",
    "bulk",
    "appointments",
    "contacts",
    "accounts",
    "types",
)


def install(app: Flask) -> None:
    """Register guards, error pages, template globals and every noun's blueprint."""
    app.before_request(guards.check)
    context.install(app)
    errors.install(app)
    headers.install(app, tls=app.config["SETTINGS"].tls)
    for noun in NOUNS:
        app.register_blueprint(import_module(f"webapp.ui.{noun}.views").bp)
