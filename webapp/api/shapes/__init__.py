"""What bodies hold: one module per resource. Unknown fields are refused, times carry their offset."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Key = Annotated[int, Field(ge=1, le=2**63 - 1)]
Reason = Annotated[str, Field(max_length=500)]
Moment = AwareDatetime


class Given(BaseModel):
    """What a program sends."""

    model_config = ConfigDict(extra="forbid")


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
