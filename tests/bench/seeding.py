"""A database as a busy installation leaves it, written straight into the tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import create_engine, insert, select

from anyon.store import tables

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_STATES = ("todo", "in_progress", "in_review", "done", "cancelled")


class Seeded(NamedTuple):
    projects: list[UUID]
    tasks: list[UUID]
    attempts: list[UUID]


def seed(database: Path, *, projects: int, tasks: int) -> Seeded:
    """Projects of the first account, `tasks` in each; four of five have an attempt with its execution.

    No attempt is under way and no workspace runs, so that the service finds nothing to do.
    """
    engine = create_engine(f"sqlite:///{database}")
    seeded = Seeded([], [], [])
    with engine.begin() as connection:
        user = connection.execute(select(tables.users.c.id)).scalars().first()
        assert user is not None
        for number in range(projects):
            project = uuid4()
            seeded.projects.append(project)
            rows = _rows(user, project, number, tasks)
            for table, records in rows:
                connection.execute(insert(table), records)
                if table is tables.tasks:
                    seeded.tasks.extend(record["id"] for record in records)
                if table is tables.attempts:
                    seeded.attempts.extend(record["id"] for record in records)
    engine.dispose()
    return seeded


def _rows(user: UUID, project: UUID, number: int, tasks: int) -> Sequence[tuple[Any, list[dict[str, Any]]]]:
    cards = [_task(user, project, index) for index in range(1, tasks + 1)]
    attempts = [_attempt(card) for card in cards if card["attempts"]]
    executions = [_execution(attempt) for attempt in attempts]
    owned = {"user_id": user, "created_at": _NOW}
    return (
        (tables.projects, [{**owned, "id": project, **_project(number, tasks)}]),
        (tables.project_members, [{"project_id": project, "user_id": user, "role": "owner", "created_at": _NOW}]),
        (tables.workspaces, [{**owned, "project_id": project, "state": "stopped"}]),
        (tables.tasks, cards),
        (tables.attempts, attempts),
        (tables.executions, executions),
    )


def _project(number: int, tasks: int) -> dict[str, Any]:
    return {
        "name": f"Project {number}",
        "slug": f"project-{number}",
        "source": "",
        "default_branch": "main",
        "state": "ready",
        "next_task_number": tasks + 1,
    }


def _task(user: UUID, project: UUID, number: int) -> dict[str, Any]:
    state = _STATES[number % 5]
    return {
        "id": uuid4(),
        "user_id": user,
        "project_id": project,
        "number": number,
        "title": f"Task {number} of an ordinary length for a card on a board",
        "description": f"Make number {number} work. " * 10,
        "state": state,
        "executor": None,
        "position": 1024.0 * number,
        "attempts": 0 if state == "todo" else 1,
        "created_at": _NOW + timedelta(minutes=number),
        "updated_at": _NOW + timedelta(minutes=number),
    }


def _attempt(task: dict[str, Any]) -> dict[str, Any]:
    phases = [
        {"name": name, "started_at": _NOW.isoformat(), "seconds": 0.01, "state": "done", "detail": ""}
        for name in ("queue", "ensure", "worktree", "exec", "first_byte")
    ]
    return {
        "id": uuid4(),
        "user_id": task["user_id"],
        "project_id": task["project_id"],
        "task_id": task["id"],
        "number": 1,
        "executor": "shell",
        "state": "in_review",
        "branch": f"task-{task['number']}",
        "worktree": f".worktrees/{task['number']}",
        "base_branch": "main",
        "base_commit": "0" * 40,
        "head_commit": "1" * 40,
        "files": 3,
        "added": 30,
        "removed": 10,
        "phases": phases,
        "created_at": _NOW,
        "finished_at": _NOW + timedelta(minutes=1),
    }


def _execution(attempt: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "user_id": attempt["user_id"],
        "project_id": attempt["project_id"],
        "attempt_id": attempt["id"],
        "kind": "agent",
        "executor": "shell",
        "state": "exited",
        "exit_code": 0,
        "stopped": False,
        "log_bytes": 1000,
        "created_at": _NOW,
        "started_at": _NOW,
        "finished_at": _NOW + timedelta(minutes=1),
    }
