"""What every operation of the API goes through: who calls, how often, with which scope, with what body.

An operation is declared once, with :func:`operation`; its route, its checks and its place in the OpenAPI
document all follow from that. The order of the checks: who it is (401), how often (429), the scope (403), the
query (422), the body (415, 413, 400, 422), the headers (412, 400), then what the lifecycle says.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from flask import Blueprint, Response, current_app, g, request
from pydantic import BaseModel
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.routing import IntegerConverter

from webapp import problems
from webapp.api import reading
from webapp.api.reading import Refused
from webapp.extensions import db
from webapp.lifecycle import submissions, tokens, transaction
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import DomainError, Stale, Unavailable
from webapp.lifecycle.tokens import Caller
from webapp.vocabulary import Scope

VERSION = "/api/v1"
MAX_BODY = 256 * 1024  # bytes
LARGEST = 2**63 - 1  # of a BIGINT key
KEY = re.compile(r"[!-~]{1,255}")
FIELDS = {
    "start": "start_time",
    "end": "end_time",
    "duration": "end_time",
    "at": "occurred_at",
    "outcome": "status",
    "party": "no_show_party",
}
"""What the lifecycle calls a fact, and what a body calls it."""

blueprint = Blueprint("api", __name__, url_prefix=VERSION)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as far as an operation needs it. ``expected_version`` comes from ``If-Match``."""

    caller: Caller
    session: Session
    now: datetime
    expected_version: int | None = None

    @property
    def actor(self) -> Actor:
        return self.caller.actor

    @property
    def firm_id(self) -> int:
        return self.caller.firm_id


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers. ``version`` becomes the ETag, ``location`` the address of what was made."""

    body: BaseModel
    status: int = 200
    version: int | None = None
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The declaration of one method at one path; ``refusals`` are the statuses that its own work may add."""

    name: str
    method: str
    path: str
    tag: str
    summary: str
    scope: Scope
    answer: type[BaseModel]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    status: int = 200
    versioned: bool = False
    refusals: tuple[int, ...] = ()
    media: str = "application/json"
    description: str = ""


class AnyNumber(IntegerConverter):
    """``<int:…>`` in an address of the API, however large. A converter that refuses one lets the address take
    its other methods only, so that what is not there would be called the wrong method.
    """

    def to_python(self, value: str) -> int:
        return int(value) if len(value) < 20 else LARGEST + 1


OPERATIONS: list[Operation] = []

Handler = Callable[..., Answer]


def operation(
    method: str, path: str, *, scope: Scope, answer: type[BaseModel], tag: str, summary: str, **more: Any
) -> Callable[[Handler], Handler]:
    """Declare a function as an operation. It is called with the :class:`Call`, the path's numbers by name,
    and ``query`` and ``body`` where the declaration has models for them.
    """

    def declare(handler: Handler) -> Handler:
        declared = Operation(
            name=handler.__name__,
            method=method,
            path=path,
            scope=scope,
            answer=answer,
            tag=tag,
            summary=summary,
            description=" ".join((handler.__doc__ or "").split()),
            **more,
        )
        OPERATIONS.append(declared)

        @wraps(handler)
        def view(**numbers: int) -> Response:
            return _respond(declared, handler, numbers)

        view.permission = None  # type: ignore[attr-defined] # tokens, not sessions: see _caller
        view.anonymous = True  # type: ignore[attr-defined]
        rule = path.replace("<int:", "<any_number:")
        blueprint.add_url_rule(rule, handler.__name__, view, methods=[method])
        return handler

    return declare


def _respond(declared: Operation, handler: Handler, numbers: Mapping[str, int]) -> Response:
    limits: dict[str, str] = {}
    try:
        caller = _caller(limits)
        _check_scope(caller, declared.scope)
        if any(number > LARGEST for number in numbers.values()):
            raise Refused(404, "not_found", "There is nothing with such a number.")
        given = _given(declared)
        expected = reading.if_match(request.headers.get("If-Match")) if declared.versioned else None
        call = Call(caller, db.session(), g.now, expected)
        if declared.method == "GET":
            answer = _packed(handler(call, **numbers, **given))
        else:
            answer = _write(call, lambda: handler(call, **numbers, **given))
        response = _unpacked(answer, declared.media)
    except Refused as refusal:
        response = problems.response(
            refusal.http_status, refusal.code, refusal.detail, errors=refusal.errors, headers=refusal.headers
        )
    except RequestEntityTooLarge:
        response = problems.response(413, "too_large", f"Send at most {MAX_BODY // 1024} kB.")
    except Unavailable:
        raise  # the application notes it in its log, and answers 503
    except Stale as refusal:
        response = _stale(refusal) if "If-Match" in request.headers else problems.of(refusal)
    except DomainError as refusal:
        response = problems.of(refusal, field=_sent_as(declared, refusal.field))
    response.headers.update(limits)
    return response


def _sent_as(declared: Operation, field: str | None) -> str | None:
    """What the body calls the fact that was refused."""
    known = declared.body.model_fields if declared.body is not None else {}
    other = FIELDS.get(field or "")
    return other if field not in known and other in known else field


def _stale(refusal: Stale) -> Response:
    return problems.response(412, "stale", refusal.sentence)


def _caller(limits: dict[str, str]) -> Caller:
    """Who calls, from the bearer token (RFC 6750); counts the request, notes what is left."""
    given = request.authorization
    text = given.token if given is not None and given.type == "bearer" else None
    caller = None
    session = db.session()
    known = tokens.find(session, text, now=g.now) if text else None
    if known is not None:  # what opens nothing waits for no writer, and keeps none waiting
        caller = transaction.run(session, lambda: tokens.call(session, known, now=g.now))
    if caller is None:
        raise Refused(
            401,
            "unauthorized",
            "Send a token of your firm that is not revoked: Authorization: Bearer daybook_….",
            headers={"WWW-Authenticate": 'Bearer realm="Daybook"'},
        )
    most = current_app.config["SETTINGS"].api_rate
    reset = max(1, round((caller.window_start + tokens.WINDOW - g.now).total_seconds()))
    limits["RateLimit-Limit"] = str(most)
    limits["RateLimit-Remaining"] = str(max(0, most - caller.count))
    limits["RateLimit-Reset"] = str(reset)
    if caller.count > most:
        detail = f"This token may call {most} times a minute. Wait {reset} seconds, then go on."
        raise Refused(429, "too_many_requests", detail, headers={"Retry-After": str(reset)})
    return caller


def _check_scope(caller: Caller, scope: Scope) -> None:
    if scope not in caller.scopes:
        detail = f"The token lacks the scope {scope}. A manager can make one that has it, under Settings."
        raise Refused(403, "missing_scope", detail)


def _given(declared: Operation) -> dict[str, Any]:
    """The query and the body, as their models."""
    found: dict[str, Any] = {}
    if declared.query is not None:
        found["query"] = reading.query(declared.query, request.args)
    elif request.args:
        raise reading.unknown_query(list(request.args))
    if declared.body is not None:
        found["body"] = _body(declared.body)
    return found


def _body(model: type[BaseModel]) -> BaseModel:
    if request.mimetype != "application/json":
        raise Refused(415, "unsupported_media_type", "Send application/json.")
    request.max_content_length = MAX_BODY + 1  # a body that does not say its length is cut off there
    content = request.get_data()
    if len(content) > MAX_BODY:
        raise RequestEntityTooLarge
    return reading.body(model, content)


def _write(call: Call, work: Callable[[], Answer]) -> dict[str, Any]:
    """Do the work in one transaction; with an ``Idempotency-Key`` once, whatever comes again.

    Only what had an effect is kept for the key: a refusal changed nothing, so it may be tried again.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and KEY.fullmatch(key) is None:
        raise Refused(400, "bad_key", "An Idempotency-Key has 1 to 255 characters of ASCII, and no blanks.")
    token = _digest(f"{call.caller.api_token_id}\x00{key}".encode()) if key else ""
    mark = _digest(f"{request.method} {request.path}\x00".encode() + request.get_data())

    def once() -> tuple[dict[str, Any], bool]:
        return submissions.once(
            call.session,
            firm_id=call.firm_id,
            token=f"api:{token}" if token else "",
            now=call.now,
            work=lambda: _packed(work()) | {"mark": mark},
        )

    answer, again = transaction.run(call.session, once)
    if answer["mark"] != mark:
        detail = "This Idempotency-Key came before with another request. Give each request a key of its own."
        raise Refused(422, "key_reused", detail)
    return answer | {"again": again}


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _packed(answer: Answer) -> dict[str, Any]:
    headers = {}
    if answer.version is not None:
        headers["ETag"] = f'"{answer.version}"'
    if answer.location:
        headers["Location"] = answer.location
    return {"status": answer.status, "body": answer.body.model_dump(mode="json"), "headers": headers}


def _unpacked(answer: Mapping[str, Any], media: str) -> Response:
    response = Response(json.dumps(answer["body"], ensure_ascii=False), answer["status"], mimetype=media)
    response.headers.update(answer["headers"])
    if answer.get("again"):
        response.headers["Idempotency-Replayed"] = "true"
    return response
