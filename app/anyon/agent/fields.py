"""Typed getters over what an agent says: the only way in which the control plane looks at it.

A wrong type or an impossible number is an AgentProtocolViolation; text is cut and loses what can be neither stored nor
encoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from anyon.agent.errors import AgentProtocolViolation
from anyon.agent.filenames import shown

MAX_TEXT = 4000  # characters of a detail, a hint or a line that are kept
MAX_PATH = 16_384  # of a path, which escapes make longer
MAX_RECORDS = 4096
MAX_COUNT = 2**31 - 1  # the columns for counts and exit codes have 32 bits
MAX_BYTES = 2**53 - 1  # what a browser can count

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")

Item = TypeVar("Item")


def cleaned(text: str, limit: int = MAX_TEXT) -> str:
    """At most `limit` characters, without control characters but tabs and line breaks, and without surrogates."""
    return _CONTROL.sub("\ufffd", text[:limit])


class Fields:
    """Typed getters over one object of an agent. Every getter raises AgentProtocolViolation."""

    def __init__(self, values: object) -> None:
        if not isinstance(values, dict):
            raise AgentProtocolViolation(reason="it gave something else than an object")
        self._values: dict[str, Any] = values

    def text(self, key: str, limit: int = MAX_TEXT) -> str:
        return cleaned(self._string(key), limit)

    def path(self, key: str) -> str:
        """A file's name or path, escaped so that it can be shown and given back."""
        return shown(self._string(key)[:MAX_PATH])

    def optional_path(self, key: str) -> str | None:
        return None if self._values.get(key) is None else self.path(key)

    def optional_paths(self, key: str) -> tuple[str, ...]:
        """A list of paths; empty where an older agent gives none."""
        value = self._values.get(key, [])
        if not isinstance(value, list) or len(value) > MAX_RECORDS or not all(isinstance(path, str) for path in value):
            self._refuse(key, f"a list of at most {MAX_RECORDS} paths")
        return tuple(shown(path[:MAX_PATH]) for path in value)

    def verbatim(self, key: str, limit: int) -> str:
        """The same text but for what cannot be encoded."""
        return _UNSTORABLE.sub("\ufffd", self._string(key)[:limit])

    def matching(self, key: str, pattern: re.Pattern[str], expected: str) -> str:
        value = self._string(key)
        return value if pattern.fullmatch(value) else self._refuse(key, expected)

    def commit(self, key: str) -> str:
        return self.matching(key, _COMMIT, "the name of a commit")

    def choice(self, key: str, *allowed: str) -> str:
        value = self._string(key)
        return value if value in allowed else self._refuse(key, " or ".join(allowed))

    def integer(self, key: str, *, least: int = 0, most: int = MAX_COUNT) -> int:
        value: Any = self._values.get(key)
        if type(value) is not int or not least <= value <= most:
            self._refuse(key, f"a whole number from {least} to {most}")
        return value

    def optional_integer(self, key: str, *, least: int = 0, most: int = MAX_COUNT) -> int | None:
        return None if self._values.get(key) is None else self.integer(key, least=least, most=most)

    def number(self, key: str) -> float:
        value: Any = self._values.get(key)
        if type(value) not in (int, float) or not -MAX_BYTES <= value <= MAX_BYTES:
            self._refuse(key, "a number")
        return float(value)

    def optional_number(self, key: str) -> float | None:
        return None if self._values.get(key) is None else self.number(key)

    def flag(self, key: str) -> bool:
        value = self._values.get(key)
        return value if isinstance(value, bool) else self._refuse(key, "true or false")

    def records(self, key: str, parse: Callable[[object], Item]) -> tuple[Item, ...]:
        value = self._values.get(key)
        if not isinstance(value, list) or len(value) > MAX_RECORDS:
            self._refuse(key, f"a list of at most {MAX_RECORDS} objects")
        return tuple(map(parse, value))

    def nested(self, key: str) -> object:
        return self._values.get(key)

    def _string(self, key: str) -> str:
        value = self._values.get(key)
        return value if isinstance(value, str) else self._refuse(key, "a string")

    def _refuse(self, key: str, expected: str) -> NoReturn:
        raise AgentProtocolViolation(reason=f"`{key}` is not {expected}")
