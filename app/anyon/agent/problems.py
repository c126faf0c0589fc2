"""A refusal that travels to the control plane: code, what happened, what to do, and data for programs."""

from __future__ import annotations

from typing import Any


class Problem(Exception):
    """Raised by an operation; closes its channel and nothing else."""

    def __init__(self, code: str, detail: str, hint: str = "", **data: Any) -> None:
        self.code, self.detail, self.hint, self.data = code, detail, hint, data
        super().__init__(f"{code}: {detail}")

    def as_json(self) -> dict[str, Any]:
        return {**self.data, "code": self.code, "detail": self.detail, "hint": self.hint}


def not_found(what: str, identity: str) -> Problem:
    return Problem("not-found", f"There is no {what} {identity}.")


def bad_argument(key: str, expected: str, found: object) -> Problem:
    return Problem("bad-argument", f"`{key}` must be {expected}, not {_kind_of(found)}.", key=key, expected=expected)


def path_escapes(path: str) -> Problem:
    return Problem("path-escapes", f"{path!r} leads out of the workspace.", "Use a path inside of it, without `..`.")


def _kind_of(value: object) -> str:
    """The JSON type of a value: an error must not repeat the value, which may be a secret."""
    if value is None:
        return "null"
    names: dict[type, str] = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return f"such {names[type(value)]}" if type(value) in names else "an object"
