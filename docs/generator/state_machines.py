"""What attempts, tasks and workspaces can be."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from anyon.domain import machines
from docs.generator.markdown import code, codes, table

State = TypeVar("State", bound=StrEnum)
Happening = TypeVar("Happening", bound=StrEnum)


def _diagram(table: Mapping[tuple[State, Happening], State]) -> str:
    """A Mermaid state diagram with one arrow per line of the table."""
    arrows = [f"    {source} --> {target}: {event}" for (source, event), target in table.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(table))[0]}", *arrows, "```"])


def attempt() -> str:
    return _diagram(machines.ATTEMPT)


def workspace() -> str:
    return _diagram(machines.WORKSPACE)


def task_columns() -> str:
    columns: dict[str, list[str]] = {}
    for attempt, task in machines.TASK_AFTER.items():
        columns.setdefault(task.value, []).append(attempt.value)
    rows = [(codes(states), code(task)) for task, states in columns.items()]
    return table(("newest attempt", "column of its task"), rows)
