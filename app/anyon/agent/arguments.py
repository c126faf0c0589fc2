"""Typed getters over the object of an OPEN or EVENT frame: no handler sees an unchecked value."""

from __future__ import annotations

import math
from typing import Any

from anyon.agent.problems import bad_argument

MAX_ID_LENGTH = 64
MAX_PATH_LENGTH = 4096
MAX_ITEMS = 4096

_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_MISSING = object()


class Arguments:
    """Each getter names the bad key and the expected type (problem `bad-argument`)."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def text(self, key: str, default: Any = _MISSING, *, limit: int = MAX_PATH_LENGTH) -> str:
        """A string without NUL of at most `limit` characters."""
        value = self._get(key, default)
        if not _is_text(value) or len(value) > limit:
            raise bad_argument(key, f"a string of at most {limit} characters without NUL", value)
        return str(value)

    def optional_text(self, key: str, *, limit: int = MAX_PATH_LENGTH) -> str | None:
        return None if self._values.get(key) is None else self.text(key, limit=limit)

    def identity(self, key: str) -> str:
        """An id that is also a safe file name."""
        value = self._get(key, _MISSING)
        if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_LENGTH or not _ID_CHARACTERS.issuperset(value):
            raise bad_argument(key, f"1 to {MAX_ID_LENGTH} letters, digits, - or _", value)
        return value

    def integer(self, key: str, default: Any = _MISSING, *, least: int = 0, most: int = 2**63 - 1) -> int:
        value = self._get(key, default)
        if type(value) is not int or not least <= value <= most:
            raise bad_argument(key, f"a whole number from {least} to {most}", value)
        return value

    def optional_integer(self, key: str, *, least: int = 0, most: int = 2**63 - 1) -> int | None:
        return None if self._values.get(key) is None else self.integer(key, least=least, most=most)

    def seconds(self, key: str, default: Any = _MISSING, *, most: float) -> float:
        value = self._get(key, default)
        if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= most:
            raise bad_argument(key, f"a number of seconds from 0 to {most:g}", value)
        return float(value)

    def flag(self, key: str, default: Any = _MISSING) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise bad_argument(key, "true or false", value)
        return value

    def choice(self, key: str, allowed: tuple[str, ...], default: Any = _MISSING) -> str:
        value = self._get(key, default)
        if not isinstance(value, str) or value not in allowed:
            raise bad_argument(key, "one of " + ", ".join(allowed), value)
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """A list with at least one string."""
        value = self._get(key, _MISSING)
        if not isinstance(value, list) or not 0 < len(value) <= MAX_ITEMS:
            raise bad_argument(key, f"a list of 1 to {MAX_ITEMS} strings", value)
        for item in value:
            if not _is_text(item):
                raise bad_argument(key, "a list of strings without NUL", item)
        return tuple(value)

    def optional_strings(self, key: str) -> tuple[str, ...] | None:
        return None if self._values.get(key) is None else self.strings(key)

    def variables(self, key: str) -> dict[str, str]:
        """Environment variables; empty when the key is absent."""
        value = self._get(key, {})
        if not isinstance(value, dict) or len(value) > MAX_ITEMS:
            raise bad_argument(key, f"an object of at most {MAX_ITEMS} environment variables", value)
        for name, content in value.items():
            if not name or name[0].isdigit() or not _NAME_CHARACTERS.issuperset(name):
                raise bad_argument(key, "an object whose keys are names of environment variables", name)
            if not _is_text(content):
                raise bad_argument(f"{key}.{name}", "a string without NUL", content)
        return value

    def nested(self, key: str) -> Arguments:
        value = self._get(key, _MISSING)
        if not isinstance(value, dict):
            raise bad_argument(key, "an object", value)
        return Arguments(value)

    def _get(self, key: str, default: Any) -> Any:
        value = self._values.get(key, default)
        if value is _MISSING:
            raise bad_argument(key, "given", None)
        return value


def _is_text(value: object) -> bool:
    """A string that the kernel and a file name can take: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return False
    return True
