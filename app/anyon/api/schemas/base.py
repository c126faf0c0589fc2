"""What every shape is made of: the envelope, what may be sent, and texts with their limits."""

from __future__ import annotations

import re
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

Shape = TypeVar("Shape")

NAME_LENGTH = 100
TITLE_LENGTH = 200
DESCRIPTION_LENGTH = 100_000
SECRET_LENGTH = 16_384

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ONE_LINE_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Also what reorders text: a name must look like what it is wherever it stands."""


def no_control_characters(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not accepted")
    return text


def one_line(text: str) -> str:
    if _ONE_LINE_CONTROL.search(text):
        raise ValueError("control characters and line breaks are not accepted")
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_LENGTH),
    AfterValidator(one_line),
]
Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_LENGTH),
    AfterValidator(one_line),
]
Description = Annotated[
    str,
    StringConstraints(min_length=1, max_length=DESCRIPTION_LENGTH, pattern=r"\S"),
    AfterValidator(no_control_characters),
]
Source = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(one_line)]
ExecutorName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^\s@<>\x00-\x1f]+@[^\s@<>\x00-\x1f]+$"
    ),
]
SecretName = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Z_][A-Z0-9_]*$")]


class Body(BaseModel):
    """What a client sends: unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid")


class View(BaseModel):
    """What the service answers, read off rows."""

    model_config = ConfigDict(from_attributes=True)


class Data(BaseModel, Generic[Shape]):
    data: Shape


class ListData(Data[list[Shape]], Generic[Shape]):
    next: str | None = Field(None, description="Pass as `after` for the next page; absent on the last.")


class Problem(BaseModel):
    """RFC 9457, with `hint` (what to do), `code` (stable) and `request_id`."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    hint: str
    code: str
    request_id: str
