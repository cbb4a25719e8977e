"""The JSON API under ``/api/v1``: the same lifecycle as the desk, for programs."""

from importlib import import_module

from flask import Flask, Response, request
from werkzeug.routing import RequestRedirect

from webapp import problems
from webapp.api.operations import VERSION, AnyNumber, blueprint
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
    app.before_request(_refuse_detours)


def _refuse_detours() -> Response | None:
    """An address with a slash too many is none. A page would redirect, which programs follow without their
    body or their token, or take for an answer; ``/api/v1`` itself leads people on to the document.
    """
    if request.path == VERSION or not isinstance(request.routing_exception, RequestRedirect):
        return None
    return problems.plain(404) if problems.asked() else None
