"""Reading what a program sent: bodies, queries, versions. What cannot be read is said by place and name."""

import json
import typing
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict

Model = TypeVar("Model", bound=BaseModel)


class Refused(Exception):
    """The request is answered with this problem, and nothing was done."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.headers = errors, headers or {}
        super().__init__(detail)


def body(model: type[Model], content: bytes) -> Model:
    """The body as its model.

    Raises:
        Refused: 400 where it is no JSON, with the position; 422 where it is not what the model asks for.
    """
    try:
        text = content.decode("utf-8")
        given = json.loads(text, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise Refused(400, "bad_json", f"The body is not UTF-8 at byte {error.start}.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Refused(400, "bad_json", f"The body is not JSON: {error.msg}, {where}.") from None
    except (ValueError, RecursionError):
        detail = "The body is not JSON: a number in it is none or too long, or it nests too deep."
        raise Refused(400, "bad_json", detail) from None
    if not isinstance(given, dict):
        raise Refused(422, "invalid", "Send one JSON object.")
    try:
        return model.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise _invalid(error) from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def query(model: type[Model], args: MultiDict[str, str]) -> Model:
    """The query as its model; a parameter that takes one value must not come twice.

    Raises:
        Refused: 422, naming each parameter.
    """
    given: dict[str, Any] = {}
    for name in args:
        values = args.getlist(name)
        known = model.model_fields.get(name)
        if known is not None and typing.get_origin(known.annotation) is list:
            given[name] = values
        elif len(values) > 1:
            errors = [{"field": name, "detail": "Send it once."}]
            raise Refused(422, "invalid", f"{name} came {len(values)} times.", errors=errors)
        else:
            given[name] = values[0]
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _invalid(error) from None


def unknown_query(names: Sequence[str]) -> Refused:
    """The address takes no parameters at all."""
    errors = [{"field": name, "detail": "This address takes no such parameter."} for name in names]
    return Refused(422, "invalid", "Leave out the parameters that this address does not take.", errors=errors)


def if_match(header: str | None) -> int | None:
    """The version that the program saw, from ``If-Match: "7"``; None where it does not say or says any.

    Raises:
        Refused: 412, for a tag that no version of ours has.
    """
    if header is None or header.strip() == "*":
        return None
    bare = header.strip().removeprefix("W/").strip('"')
    if bare.isascii() and bare.isdigit() and 0 < len(bare) < 10:
        return int(bare)
    raise Refused(412, "stale", 'If-Match must be the ETag that you were given, such as "7".')


def _invalid(error: ValidationError) -> Refused:
    errors = [
        {"field": ".".join(map(str, each["loc"])), "detail": _sentence(each)}
        for each in error.errors(include_url=False, include_context=True, include_input=False)
    ]
    first = errors[0]
    detail = f"{first['field']}: {first['detail']}" if first["field"] else first["detail"]
    return Refused(422, "invalid", detail, errors=errors)


def _sentence(each: Mapping[str, Any]) -> str:
    known = {
        "missing": "This is required.",
        "extra_forbidden": "There is no such field. Leave it out.",
        "timezone_aware": "Send a time with its offset, such as 2026-01-13T14:00:00+00:00.",
    }
    found = known.get(each["type"])
    return found or f"{each['msg']}."
