"""Loads the settings from environment variables; every mistake is reported at once, each with its variable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from anyon.errors import AnyonError
from anyon.settings import ENVIRONMENT_PREFIX, Settings

_NOT_SETTINGS = {"ANYON_TOKEN", "ANYON_URL", "ANYON_REQUIRE"}


class SettingsInvalid(AnyonError):
    code, status_hint = "settings-invalid", 500
    title = "The settings are not valid"
    detail = "{problems}"
    hint = "Correct the variables named above; `anyon settings` prints every one with its meaning and default."


def load(environment: Mapping[str, str]) -> Settings:
    """Read every ANYON_ variable.

    Raises SettingsInvalid, whose detail holds one line per mistake (unknown name, wrong type, out of range).
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for variable, text in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in _NOT_SETTINGS:
            continue
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if name not in Settings.model_fields:
            problems.append(f"{variable}: no such setting{_suggest(name)}")
            continue
        values[name] = _parse(name, text)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        for mistake in error.errors(include_url=False, include_input=False):
            name = str(mistake["loc"][0]) if mistake["loc"] else ""
            where = f"{ENVIRONMENT_PREFIX}{name.upper()}: " if name else ""
            problems.append(where + mistake["msg"].removeprefix("Value error, "))
        raise SettingsInvalid(problems="\n".join(problems)) from None
    if problems:
        raise SettingsInvalid(problems="\n".join(problems))
    return settings


def _parse(name: str, text: str) -> Any:
    if name == "import_roots":
        try:
            return json.loads(text)
        except ValueError:
            return [part for part in text.split(":") if part]
    return text


def _suggest(name: str) -> str:
    close = get_close_matches(name, Settings.model_fields, n=1)
    return f" (did you mean {ENVIRONMENT_PREFIX}{close[0].upper()}?)" if close else ""
