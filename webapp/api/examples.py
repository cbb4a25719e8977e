"""Examples of bodies and answers, made from their schemas, so that they stay what is accepted and told."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel

MOMENTS = {"start_time": "2026-01-20T09:00:00Z", "end_time": "2026-01-20T09:45:00Z"}
NAMED = {
    "appointment_type": {"id": 3, "name": "Annual review"},
    "staff_user": {"id": 2, "name": "Lena Fischer"},
    "contact": {"id": 311, "name": "Ada Byron"},
    "account": {"id": 58, "name": "Byron Instruments"},
}
"""What is told of others by number and name."""
WORDS: dict[str, Any] = {
    "appointment_id": 1042,
    "chain_id": 1042,
    "chain_position": 1,
    "appointment_type_id": 3,
    "staff_user_id": 2,
    "contact_id": 311,
    "account_id": 58,
    "firm": "marlow",
    "booked_by": "Lena Fischer (API: Website)",
    "name": "Ada Byron",
    "email": "ada@client.example",
    "phone": "020 7946 0000",
    "location": "Room 2",
    "notes": "Bring the deed",
    "reason": "The adviser is away",
    "note": "Nobody came",
    "version": 1,
    "external_ref": "CRM-4711",
    "detail": "Choose another time.",
    "timezone": "Europe/London",
    "zone": "Europe/London",
    "minutes": 45,
    "status": "confirmed",
    "allowed_action": "cancel",
    "next": None,
}
"""What a field of this name holds, where its schema allows that."""
UNSET = {"end_time", "no_show_party", "double_book", "confirm_by", "account_id"}
"""Left out of what is sent: they go with other facts, or are rarely wanted."""
DEPTH = 6


def of(model: type[BaseModel], mode: Literal["validation", "serialization"] = "validation") -> Any:
    """An example of a model: of what is sent, only what is commonly sent."""
    schema = model.model_json_schema(mode=mode)
    return _of(schema, schema.get("$defs", {}), "", mode == "validation", DEPTH)


def written(example: Any) -> str:
    """An example as pages print it."""
    return json.dumps(example, indent=2, ensure_ascii=False)


def resolved(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema behind references, and of several the first that is not null."""
    if "$ref" in schema:
        return resolved(defs[schema["$ref"].rpartition("/")[2]], defs)
    several = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return resolved(several[0], defs) if several else schema


def _of(schema: Mapping[str, Any], defs: Mapping[str, Any], name: str, sent: bool, depth: int) -> Any:
    plain = resolved(schema, defs)
    nullable = plain is not schema and "anyOf" in schema and not sent
    if "properties" in plain:
        if name in NAMED and plain["properties"].keys() == NAMED[name].keys():
            return NAMED[name]
        return _object(plain, defs, sent, depth)
    if "items" in plain:
        return [_of(plain["items"], defs, name.removesuffix("s"), sent, depth - 1)] if depth > 0 else []
    if "enum" in plain or "const" in plain:
        return None if nullable else _word({**schema, **plain}, name)
    if "default" in schema and schema["default"] is not None and schema["default"] != "":
        return schema["default"]
    return _value(plain, name, nullable=nullable)


def _object(schema: Mapping[str, Any], defs: Mapping[str, Any], sent: bool, depth: int) -> dict[str, Any]:
    required = schema.get("required", [])
    return {
        name: _of(each, defs, name, sent, depth - 1)
        for name, each in schema["properties"].items()
        if name in required or not sent or name not in UNSET
    }


def _word(schema: Mapping[str, Any], name: str) -> Any:
    """One of those that are allowed: the usual one, if there is one."""
    words = schema.get("enum") or [schema["const"]]
    usual = schema.get("default", WORDS.get(name))
    return usual if usual in words else words[0]


def _value(schema: Mapping[str, Any], name: str, *, nullable: bool) -> Any:
    kind, form = schema.get("type"), schema.get("format")
    if name in WORDS and (_fits(WORDS[name], kind, schema) or (WORDS[name] is None and nullable)):
        return WORDS[name]
    if form == "date-time":
        return None if nullable and name not in MOMENTS else MOMENTS.get(name, "2026-01-13T10:00:00Z")
    if form == "date":
        return "2026-01-20"
    if nullable:
        return None
    plain: dict[Any, Any] = {"integer": schema.get("minimum", 0), "number": 0.5, "boolean": False}
    if kind == "object":
        return {}
    return plain.get(kind, "text"[: schema.get("maxLength", 4)])


def _fits(value: Any, kind: Any, schema: Mapping[str, Any]) -> bool:
    if kind == "string" and isinstance(value, str):
        return "format" not in schema and "pattern" not in schema
    return kind == "integer" and isinstance(value, int)
