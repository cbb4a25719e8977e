"""What bodies hold: one module per resource. Unknown fields are refused, times carry their offset."""

import re
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    model_validator,
)
from pydantic_core import PydanticCustomError

CALENDAR = re.compile(r"\d{4}-\d\d-\d\d[Tt]")
YEARS = range(1900, 2200)
PARSER = TypeAdapter(datetime)


def _written_out(given: Any) -> Any:
    """A time as RFC 3339 writes it; seconds since 1970 are no way to write one here."""
    if isinstance(given, datetime):
        return given
    try:
        if not isinstance(given, str) or CALENDAR.match(given) is None:
            raise ValueError(given)
        return PARSER.validate_python(given)
    except ValueError:
        raise PydanticCustomError("time", "Send a time such as 2026-01-13T14:00:00+00:00") from None


def _imaginable(moment: datetime) -> datetime:
    """Nothing is reckoned from a time that no calendar of ours reaches."""
    if moment.year not in YEARS:
        raise PydanticCustomError("time", "Send a time of the years 1900 to 2199")
    return moment


Key = Annotated[int, Field(ge=1, le=2**63 - 1)]
Reason = Annotated[str, Field(max_length=500)]
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_imaginable)]


class Given(BaseModel):
    """What a program sends."""

    model_config = ConfigDict(extra="forbid")


def _of_a_change(schema: dict[str, Any]) -> None:
    """What is left out of a change stays as it is: nothing is put in its place."""
    schema["minProperties"] = 1
    for each in schema["properties"].values():
        each.pop("default", None)


class Change(Given):
    """Some fields of what there is. Without any it would change nothing, and be a way to read."""

    model_config = ConfigDict(json_schema_extra=_of_a_change)

    @model_validator(mode="after")
    def _has_a_field(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing", "Send at least one field to change")
        return self


class Told(BaseModel):
    """What a program is told."""

    model_config = ConfigDict(extra="forbid")


class Named(Told):
    """Something of the firm by its number, with the name that people know it by."""

    id: Key
    name: str


class FieldProblem(Told):
    """What is wrong with one field, which is named as it was sent."""

    field: str
    detail: str


class Problem(BaseModel):
    """Problem details (RFC 9457). ``code`` is for programs; ``detail`` is the sentence that people read."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] = Field(default_factory=list)
