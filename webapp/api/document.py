"""The OpenAPI 3.1 document, made from the declarations of the operations, and a page for people."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from flask import Response, current_app, render_template
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from webapp.api import examples, shapes, words
from webapp.api.operations import MAX_BODY, OPERATIONS, VERSION, Operation, blueprint
from webapp.vocabulary import SCOPE_LABELS

PLACE = re.compile(r"<int:(\w+)>")
REF = "#/components/schemas/{model}"
KEY = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
TAG = {"type": "string", "pattern": '^(\\*|"[0-9]{1,9}(:[a-z]+)?")$'}
ONCE = {"type": "string", "pattern": "^[!-~]{1,255}$"}
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
CODES = {
    400: "bad_request, bad_json, bad_key",
    401: "unauthorized",
    403: "missing_scope, forbidden",
    404: "not_found",
    409: "not_allowed, stale, slot_taken, limit_reached, conflict",
    412: "stale",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid, key_reused",
    429: "too_many_requests",
    503: "unavailable",
}
"""The words of ``code`` that come with a status."""
HEADERS = {
    401: {"WWW-Authenticate": "How to say who you are."},
    429: {"Retry-After": "Seconds until the next minute begins."},
    503: {"Retry-After": "Seconds after which it is worth another try."},
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
BEARER = (
    "A token of the firm, made by a manager under Settings, API tokens. It narrows what its person may do."
)


@cache
def document() -> dict[str, Any]:
    """The document; the same for every firm."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Daybook", "version": "1", "description": ABOUT},
        "servers": [{"url": VERSION}],
        "security": [{"token": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in OPERATIONS)],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": BEARER}},
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
        schema = {"$ref": REF.format(model=operation.body.__name__)}
        content = {"application/json": {"schema": schema, "example": examples.of(operation.body)}}
        told["requestBody"] = {"required": True, "content": content}
    return told


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": f"The number of the {name.removesuffix('_id').replace('_', ' ')}.",
            "schema": KEY,
        }
        for name in PLACE.findall(operation.path)
    ]
    if operation.query is not None:
        schema = operation.query.model_json_schema(ref_template=REF)
        required = schema.get("required", [])
        found += [_in_query(name, each, name in required) for name, each in schema["properties"].items()]
    if operation.versioned:
        found.append(_header("If-Match", "The ETag that you saw; 412 if it has changed since.", TAG))
    if operation.method != "GET":
        said = "Any text that is yours alone: the same key with the same bytes has one effect, for two days."
        found.append(_header("Idempotency-Key", said, ONCE))
    return found


def _in_query(name: str, schema: Mapping[str, Any], required: bool) -> dict[str, Any]:
    """A parameter that is left out is simply not there: JSON's null has no place in an address."""
    plain = {word: value for word, value in schema.items() if word not in {"title", "anyOf", "description"}}
    if plain.get("default", "") is None:
        del plain["default"]
    given = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    plain |= given[0] if len(given) == 1 else {"anyOf": given} if given else {}
    known = (words.DAYS if plain.get("format") == "date" else words.PARAMETERS).get(name)
    said = schema.get("description") or known or f"{name.replace('_', ' ').capitalize()}."
    told = {"name": name, "in": "query", "required": required, "description": said, "schema": plain}
    return told | ({"style": "form", "explode": True} if plain.get("type") == "array" else {})


def _header(name: str, said: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": said, "schema": dict(schema)}


def _responses(operation: Operation) -> dict[str, Any]:
    answer = operation.answer
    schema = {"$ref": REF.format(model=answer.__name__)}
    content = {operation.media: {"schema": schema, "example": examples.of(answer, "serialization")}}
    headers = _told(LIMITS, "integer")
    if operation.versioned or "version" in answer.model_fields:
        headers |= _told({"ETag": "The version, for If-Match."})
    if operation.status == 201:
        headers |= _told({"Location": "The address of what was made."})
    if operation.method != "GET":
        headers |= _told({"Idempotency-Replayed": "`true` where this is the first answer, given again."})
    said = "It was made." if operation.status == 201 else "As it is now."
    found: dict[str, Any] = {
        str(operation.status): {"description": said, "headers": headers, "content": content}
    }
    for status in sorted(_refusals(operation)):
        found[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return found


def _refusals(operation: Operation) -> set[int]:
    statuses = {401, 403, 422, 429, 503, *operation.refusals}
    if PLACE.search(operation.path):
        statuses.add(404)
    if operation.body is not None:
        statuses |= {400, 413, 415}
    if operation.versioned:
        statuses |= {409, 412}
    return statuses


def _told(headers: Mapping[str, str], kind: str = "string") -> dict[str, Any]:
    return {name: {"description": said, "schema": {"type": kind}} for name, said in headers.items()}


def _problem(status: int, said: str) -> dict[str, Any]:
    schema = {"$ref": REF.format(model=shapes.Problem.__name__)}
    told = {"description": said, "content": {"application/problem+json": {"schema": schema}}}
    headers = _told(HEADERS.get(status, {}), "integer" if status > 401 else "string")
    return told | ({"headers": headers} if headers else {})


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
    for each in given:
        for name, field in found[each.__name__].get("properties", {}).items():
            field.setdefault("description", words.FIELDS.get(name, ""))
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
    settings = current_app.config["SETTINGS"]
    return render_template(
        "api/document.html",
        parts=_by_tag(),
        refusals=[(status, said, CODES[status]) for status, said in REFUSALS.items()],
        scopes=SCOPE_LABELS,
        address=f"{settings.base_url}{VERSION}",
        per_minute=settings.api_rate,
        largest=MAX_BODY // 1024,
    )


def _by_tag() -> dict[str, list[dict[str, Any]]]:
    """The operations as people read them, by what they are about."""
    told = document()["paths"]
    found: dict[str, list[dict[str, Any]]] = {}
    for operation in OPERATIONS:
        path = PLACE.sub(r"{\1}", operation.path)
        entry = told[path][operation.method.lower()]
        body = entry.get("requestBody", {"content": {}})["content"]
        answer = entry["responses"][str(operation.status)]["content"][operation.media]["example"]
        found.setdefault(operation.tag, []).append(
            {
                "name": operation.name,
                "method": operation.method,
                "path": f"{VERSION}{path}",
                "summary": operation.summary,
                "description": operation.description.replace("``", ""),
                "scope": operation.scope.value,
                "parameters": [
                    each | {"kind": _kind(each["schema"]), "default": each["schema"].get("default")}
                    for each in entry["parameters"]
                ],
                "fields": _fields(operation.body),
                "sent": examples.written(body["application/json"]["example"]) if body else "",
                "status": operation.status,
                "answer": examples.written(answer),
                "refusals": ", ".join(str(status) for status in sorted(_refusals(operation))),
            }
        )
    return found


def _fields(body: type[BaseModel] | None) -> list[dict[str, Any]]:
    if body is None:
        return []
    schemas = document()["components"]["schemas"]
    schema = schemas[body.__name__]
    return [
        {
            "name": name,
            "kind": _kind(examples.resolved(each, schemas)),
            "required": name in schema.get("required", []),
            "default": each.get("default"),
            "description": each["description"],
        }
        for name, each in schema.get("properties", {}).items()
    ]


def _kind(schema: Mapping[str, Any]) -> str:
    """What a value may be, in a few words."""
    if "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "enum" in schema or "const" in schema:
        return " or ".join(map(str, schema.get("enum") or [schema["const"]]))
    if "items" in schema:
        return f"several: {_kind(schema['items'])}"
    if schema.get("format") == "date-time":
        return "time with its offset"
    words = {"integer": "number", "boolean": "true or false", "string": "text"}
    kind = words.get(schema.get("type", ""), schema.get("format") or schema.get("type") or "object")
    low, high = schema.get("minimum"), schema.get("maximum")
    if high is not None and high < 2**31:
        return f"{kind}, {low} to {high}"
    if "maxLength" in schema:
        return f"{kind}, up to {schema['maxLength']:,} characters"
    return kind
