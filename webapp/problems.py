"""Refusals to programs: problem details, per RFC 9457. The sentences are those of the desk."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Response, request

from webapp.lifecycle.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    LimitReached,
    Missing,
    NotAllowed,
    SlotTaken,
    Stale,
    Unavailable,
)

PREFIX = "/api/"
MIMETYPE = "application/problem+json"
KINDS: tuple[tuple[type[DomainError], int, str], ...] = (
    (Invalid, 422, "invalid"),
    (Forbidden, 403, "forbidden"),
    (Missing, 404, "not_found"),
    (Unavailable, 503, "unavailable"),
    (Stale, 409, "stale"),
    (SlotTaken, 409, "slot_taken"),
    (LimitReached, 409, "limit_reached"),
    (NotAllowed, 409, "not_allowed"),
    (Conflict, 409, "conflict"),
)
"""Status and ``code`` of each refusal of the domain, the narrower before the wider."""
CODES = {
    400: ("bad_request", "The request could not be read."),
    404: ("not_found", "There is nothing at this address. The document at /api/v1/openapi.json lists all."),
    405: (
        "method_not_allowed",
        "This address does not take that method; the header Allow says which it does.",
    ),
    413: ("too_large", "The body is too large."),
    500: (
        "broken",
        "Something broke on our side; nothing was saved. Try again with the same Idempotency-Key.",
    ),
    503: ("unavailable", "The database does not answer, and nothing was saved. Try again after Retry-After."),
}


def asked() -> bool:
    """Whether a program is answered, not a person: everything below ``/api/``."""
    return request.path.startswith(PREFIX)


def response(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem. ``code`` is for programs; ``errors`` name fields, each with a sentence."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors:
        content["errors"] = [dict(error) for error in errors]
    answer = Response(json.dumps(content, ensure_ascii=False), status, mimetype=MIMETYPE)
    answer.headers.update(headers or {})
    if status == 503:
        answer.headers["Retry-After"] = "5"
    return answer


def of(error: DomainError, *, field: str | None = None) -> Response:
    """The problem that a refusal of the domain is. ``field`` is what the program calls the one at fault."""
    status, code = next(
        ((status, code) for kind, status, code in KINDS if isinstance(error, kind)), (400, "bad_request")
    )
    field = field or error.field
    errors = [{"field": field, "detail": error.sentence}] if field else []
    return response(status, code, error.sentence, errors=errors)


def plain(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """The problem of a status that says it all."""
    code, detail = CODES.get(status) or CODES[500 if status >= 500 else 400]
    return response(status, code, detail, headers=headers)
