"""Mistakes in a stack's configuration, all of them at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """`path` is the key as the stack file has it, `fix` a command or an edit."""

    path: str
    reason: str
    fix: str


class ConfigInvalid(Exception):
    def __init__(self, stack: str, mistakes: list[Mistake]) -> None:
        super().__init__(stack)
        self.stack = stack
        self.mistakes = mistakes

    def __str__(self) -> str:
        lines = [f"The configuration of the stack {self.stack} has {len(self.mistakes)} mistake(s):"]
        for mistake in self.mistakes:
            lines += [f"  {mistake.path}: {mistake.reason}", f"      {mistake.fix}"]
        return "\n".join(lines)
