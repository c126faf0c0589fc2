"""The settings of the service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from anyon.settings import ENVIRONMENT_PREFIX, Settings
from docs.generator.markdown import code, table

_BOUNDS: tuple[tuple[type, str, str], ...] = ((Ge, "ge", "≥"), (Gt, "gt", ">"), (Le, "le", "≤"), (Lt, "lt", "<"))
_TYPES = {
    "Path": "path",
    "SecretStr": "secret",
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "`true` or `false`",
}


def settings() -> str:
    return table(
        ("variable", "value", "default", "meaning"),
        (
            (code(ENVIRONMENT_PREFIX + name.upper()), _type_of(field), _default_of(field), field.description or "")
            for name, field in Settings.model_fields.items()
        ),
    )


def _type_of(field: FieldInfo) -> str:
    options = [kind for kind in get_args(field.annotation) if kind not in (type(None), ...)]
    first: Any = options[0] if options else field.annotation
    if issubclass(first, StrEnum):
        return " or ".join(code(value.value) for value in first)
    for pattern in (getattr(rule, "pattern", None) for rule in field.metadata):
        if pattern:
            return " or ".join(code(word) for word in pattern.strip("^()$").split("|"))
    text = _TYPES[first.__name__]
    return ", ".join([f"list of {text}s" if str(field.annotation).startswith("tuple") else text, *_bounds_of(field)])


def _bounds_of(field: FieldInfo) -> Iterator[str]:
    for kind, name, sign in _BOUNDS:
        for rule in field.metadata:
            if isinstance(rule, kind):
                yield f"{sign} {getattr(rule, name)}"


def _default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default in (None, ()):
        return "—"
    return code(json.dumps(field.default) if isinstance(field.default, bool) else field.default)
