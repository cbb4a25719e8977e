"""Talking to htmx: was it asked by a fragment, and what should happen beside the main swap."""

import json
from typing import Any

from flask import Response, make_response, request
from werkzeug.urls import iri_to_uri


def is_htmx() -> bool:
    """Whether a fragment is wanted. A history restore wants the whole page."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def go(url: str) -> Response:
    """303 to a URL, or the same for htmx: it loads the page anew."""
    url = iri_to_uri(url)  # a header is ASCII
    if is_htmx():
        response = Response(status=200)
        response.headers["HX-Redirect"] = url
        return response
    response = Response(status=303)
    response.headers["Location"] = url
    return response


def trigger(response: Response | str, **events: Any) -> Response:
    """Add events for the page to an answer; a name's ``__`` becomes ``:``."""
    answer = make_response(response)
    answer.headers["HX-Trigger"] = json.dumps(
        {name.replace("__", ":"): detail for name, detail in events.items()}
    )
    return answer
