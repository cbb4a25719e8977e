"""The OpenAPI 3.1 document, made from the declarations of the operations, and a page for people."""

import json
import re
from functools import cache
from typing import Any

from flask import Response, render_template
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from webapp.api import shapes
from webapp.api.operations import MAX_BODY, OPERATIONS, VERSION, Operation, blueprint
from webapp.vocabulary import SCOPE_LABELS

PLACE = re.compile(r"<int:(\w+)>")
REF = "#/components/schemas/{model}"
KEY = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
REFUSALS = {
    400: "The body is no JSON, or a header cannot be read.",
    401: "No token, or one that opens nothing (revoked, run out, its person deactivated).",
    403: "The token lacks the scope, or its person's role does not include this.",
    404: "The firm has no such thing.",
    409: "It is not in a state that allows this, or the time is taken.",
    412: "It was changed since: its version is not the one of If-Match.",
    413: f"The body is larger than {MAX_BODY // 1024} kB.",
    415: "The body is not application/json.",
    422: "Something in it is wrong; `errors` names the fields.",
    429: "More requests than a token may make in a minute.",
    503: "The database does not answer.",
}
LIMITS = {
    "RateLimit-Limit": "Requests that the token may make in a minute.",
    "RateLimit-Remaining": "Requests that are left of this minute.",
    "RateLimit-Reset": "Seconds until the next minute begins.",
}
ABOUT = (
    "Book, read and change appointments as the staff desk does: the same rules, the same sentences, the same "
    "history. Times are ISO 8601 with an offset. A token acts for one person of the firm."
)


@cache
def document() -> dict[str, Any]:
    """The document; the same for every firm."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Daybook", "version": "1", "description": ABOUT},
        "servers": [{"url": VERSION}],
        "security": [{"token": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
            "responses": {f"Problem{status}": _problem(status, said) for status, said in REFUSALS.items()},
        },
    }


def _paths() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for operation in OPERATIONS:
        path = PLACE.sub(r"{\1}", operation.path)
        found.setdefault(path, {})[operation.method.lower()] = _operation(operation)
    return found


def _operation(operation: Operation) -> dict[str, Any]:
    scope = f"Needs the scope `{operation.scope}`: {SCOPE_LABELS[operation.scope].lower()}."
    told: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": f"{operation.description} {scope}".strip(),
        "parameters": _parameters(operation),
        "responses": _responses(operation),
    }
    if operation.body is not None:
        content = {"application/json": {"schema": {"$ref": REF.format(model=operation.body.__name__)}}}
        told["requestBody"] = {"required": True, "content": content}
    return told


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": KEY}
        for name in PLACE.findall(operation.path)
    ]
    if operation.query is not None:
        schema = operation.query.model_json_schema(ref_template=REF)
        required = schema.get("required", [])
        found += [
            {"name": name, "in": "query", "required": name in required, "schema": each}
            for name, each in schema["properties"].items()
        ]
    if operation.versioned:
        found.append(_header("If-Match", 'The ETag that you saw, such as `"7"`; 412 if it has changed.'))
    if operation.method == "POST":
        found.append(_header("Idempotency-Key", "The same key with the same body has one effect."))
    return found


def _header(name: str, said: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": said, "schema": {"type": "string"}}


def _responses(operation: Operation) -> dict[str, Any]:
    headers = {name: {"description": said, "schema": {"type": "integer"}} for name, said in LIMITS.items()}
    content = {operation.media: {"schema": {"$ref": REF.format(model=operation.answer.__name__)}}}
    found: dict[str, Any] = {
        str(operation.status): {"description": "As it is now.", "headers": headers, "content": content}
    }
    statuses = {401, 403, 422, 429, 503, *operation.refusals}
    if PLACE.search(operation.path):
        statuses.add(404)
    if operation.body is not None:
        statuses |= {400, 413, 415}
    if operation.versioned:
        statuses.add(412)
    for status in sorted(statuses):
        found[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return found


def _problem(status: int, said: str) -> dict[str, Any]:
    schema = {"$ref": REF.format(model=shapes.Problem.__name__)}
    return {"description": said, "content": {"application/problem+json": {"schema": schema}}}


def _schemas() -> dict[str, Any]:
    given: set[type[BaseModel]] = {each.body for each in OPERATIONS if each.body is not None}
    queries = {each.query for each in OPERATIONS if each.query is not None}
    told = {each.answer for each in OPERATIONS} | {shapes.Problem}
    wanted = sorted(
        [(model, "validation") for model in given | queries] + [(model, "serialization") for model in told],
        key=lambda pair: pair[0].__name__,
    )
    _, schema = models_json_schema(wanted, ref_template=REF)  # type: ignore[arg-type]
    found: dict[str, Any] = schema["$defs"]
    return {name: found[name] for name in sorted(found) if name not in {query.__name__ for query in queries}}


def _open(view: Any) -> Any:
    """The document tells nothing of any firm: everybody may read it."""
    view.permission = None
    view.anonymous = True
    return view


@blueprint.get("/openapi.json")
@_open
def openapi() -> Response:
    """The document for programs."""
    answer = Response(json.dumps(document(), ensure_ascii=False), mimetype="application/json")
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


@blueprint.get("/")
@_open
def page() -> str:
    """The same for people."""
    return render_template("api/document.html", document=document(), scopes=SCOPE_LABELS)
