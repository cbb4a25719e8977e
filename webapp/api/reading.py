"""Reading what a program sent: bodies, queries, versions. What cannot be read is said by place and name."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict

Model = TypeVar("Model", bound=BaseModel)

UNKEPT = re.compile(r"[\x00\ud800-\udfff]")
UNKEPT_SAID = "This text has characters that cannot be kept. Remove them and try again."
WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
ETAG = re.compile(r'(?:W/)?"([0-9]{1,9})(?::[a-z]+)?"')
"""Our tags are versions; what compresses an answer adds its own name (``"7:gzip"``)."""


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
        self.http_status, self.code, self.detail = status, code, detail
        self.errors, self.headers = errors, headers or {}
        super().__init__(detail)


def body(model: type[Model], content: bytes) -> Model:
    """The body as its model.

    Raises:
        Refused: 400 where it is no JSON, with the position; 422 where it is not what the model asks for.
    """
    given = _json(content)
    if not isinstance(given, dict):
        raise Refused(422, "invalid", "Send one JSON object.")
    _check_text(given)
    try:
        return model.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise _invalid(error) from None


def _json(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise Refused(400, "bad_json", f"The body is not UTF-8 at byte {error.start}.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Refused(400, "bad_json", f"The body is not JSON: {error.msg}, {where}.") from None
    except (ValueError, RecursionError):
        raise Refused(400, "bad_json", "A number in the body is too long, or it nests too deep.") from None


def _no_constant(name: str) -> NoReturn:
    raise Refused(400, "bad_json", f"The body is not JSON: {name} is no number there.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Refused(
            400, "bad_json", "A name stands twice in one object of the body; only one can be meant."
        )
    return found


def _check_text(given: Any) -> None:
    """Refuse text that no database keeps, whichever field it is in: NUL, and halves of surrogate pairs.

    Raises:
        Refused: 422, naming the field.
    """
    waiting: list[tuple[str, Any]] = [("", given)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, str) and UNKEPT.search(value):
            raise _unkept(place)
        below: list[tuple[str, Any]] = []
        if isinstance(value, dict):
            below = list(value.items())
        elif isinstance(value, list):
            below = [(str(number), each) for number, each in enumerate(value)]
        for name, each in below:
            if UNKEPT.search(name):
                raise _unkept(place)
            waiting.append((f"{place}.{name}" if place else name, each))


def _unkept(place: str) -> Refused:
    errors = [{"field": place, "detail": UNKEPT_SAID}] if place else []
    return Refused(422, "invalid", f"{place}: {UNKEPT_SAID}" if place else UNKEPT_SAID, errors=errors)


def query(model: type[Model], args: MultiDict[str, str]) -> Model:
    """The query as its model, as strictly as a body; a parameter that takes one value must not come twice.

    Raises:
        Refused: 422, naming each parameter.
    """
    known, given = _parameters(model), {}
    for name in args:
        values, kinds = args.getlist(name), known.get(name, frozenset())
        if "array" in kinds:
            given[name] = [_value(each, kinds) for each in values]
        elif len(values) > 1:
            errors = [{"field": name, "detail": "Send it once."}]
            raise Refused(422, "invalid", f"{name} came {len(values)} times.", errors=errors)
        else:
            given[name] = _value(values[0], kinds)
    _check_text(given)
    try:
        return model.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        raise _invalid(error) from None


@cache
def _parameters(model: type[BaseModel]) -> dict[str, frozenset[str]]:
    """What each parameter may be, in the words of JSON Schema; those of an array's items among them."""
    schema = model.model_json_schema()

    def kinds(part: Mapping[str, Any]) -> frozenset[str]:
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
        below = [*part.get("anyOf", ()), *([part["items"]] if "items" in part else [])]
        return frozenset({part["type"]} if "type" in part else ()).union(*map(kinds, below))

    return {name: kinds(part) for name, part in schema["properties"].items()}


def _value(text: str, kinds: frozenset[str]) -> Any:
    """What stands in an address, as JSON would have it; text where it is none of the kinds."""
    if "boolean" in kinds and text in {"true", "false"}:
        return text == "true"
    if "integer" in kinds and WHOLE.fullmatch(text):
        return int(text)
    return text


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
    found = ETAG.fullmatch(header.strip())
    if found is not None:
        return int(found[1])
    raise Refused(412, "stale", 'If-Match must be the ETag that you were given, such as "7".')


def _invalid(error: ValidationError) -> Refused:
    errors = [
        {"field": ".".join(map(str, each["loc"])), "detail": _sentence(each)}
        for each in error.errors(include_url=False, include_context=True, include_input=False)
    ]
    if not errors[0]["field"]:
        return Refused(422, "invalid", errors[0]["detail"])
    first = errors[0]
    return Refused(422, "invalid", f"{first['field']}: {first['detail']}", errors=errors)


def _sentence(each: Mapping[str, Any]) -> str:
    known = {
        "missing": "This is required.",
        "extra_forbidden": "There is no such field. Leave it out.",
        "timezone_aware": "Send a time with its offset, such as 2026-01-13T14:00:00+00:00.",
        "json_invalid": "The body nests too deep.",
    }
    found = known.get(each["type"])
    return found or f"{each['msg'].replace('Input should', 'This should')}."
