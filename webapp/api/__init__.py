"""The JSON API under ``/api/v1``: the same lifecycle as the desk, for programs."""

from importlib import import_module

from flask import Flask

from webapp.api.operations import AnyNumber, blueprint
from webapp.extensions import csrf

RESOURCES = (
    "appointments",
    "actions",
    "history",
    "attendance",
    "polls",
    "contacts",
    "accounts",
    "team",
    "metrics",
    "fhir",
    "document",
)


def install(app: Flask) -> None:
    """Register every resource. Nobody is let in by a cookie here, so there is no token against forgery."""
    for resource in RESOURCES:
        import_module(f"webapp.api.{resource}")
    app.url_map.converters["any_number"] = AnyNumber
    csrf.exempt(blueprint)
    app.register_blueprint(blueprint)
