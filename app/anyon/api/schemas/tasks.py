"""Tasks, attempts, executions and diffs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from anyon.api.schemas.base import Body, Description, ExecutorName, Title, View, no_control_characters
from anyon.api.schemas.projects import FileName
from anyon.model import AttemptState, ExecutionKind, ExecutionState, TaskState


class NewTaskBody(Body):
    project_id: UUID
    description: Description
    title: Title | None = None
    executor: ExecutorName | None = None
    start: bool = Field(True, description="Start an attempt at once.")


class TaskPatch(Body):
    title: Title | None = None
    description: Description | None = None
    state: TaskState | None = None
    position: float | None = Field(None, allow_inf_nan=False, ge=-1e12, le=1e12)
    executor: ExecutorName | None = None


class NewAttemptBody(Body):
    executor: ExecutorName | None = None


class MergeBody(Body):
    message: (
        Annotated[str, StringConstraints(min_length=1, max_length=10_000), AfterValidator(no_control_characters)] | None
    ) = None


class DiscardBody(Body):
    force: bool = False


class PhaseView(View):
    name: str
    started_at: datetime
    seconds: float | None
    state: Literal["running", "done", "failed"]
    detail: str = ""


class ExecutionView(View):
    id: UUID
    attempt_id: UUID | None
    kind: ExecutionKind
    executor: str
    state: ExecutionState
    exit_code: int | None
    signal: int | None
    stopped: bool
    log_bytes: int
    started_at: datetime | None
    finished_at: datetime | None


class AttemptView(View):
    id: UUID
    task_id: UUID
    project_id: UUID
    number: int
    executor: str
    state: AttemptState
    branch: str
    worktree: str
    base_branch: str | None
    base_commit: str | None
    head_commit: str | None
    merged_commit: str | None
    files: int | None
    added: int | None
    removed: int | None
    phases: list[PhaseView]
    problem: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None
    execution: ExecutionView | None = None
    last_line: str = ""


class TaskView(View):
    id: UUID
    project_id: UUID
    number: int
    title: str
    description: str
    state: TaskState
    executor: str | None
    position: float
    created_at: datetime
    updated_at: datetime
    attempts: int = 0
    latest_attempt: AttemptView | None = None


class WorkView(View):
    uncommitted: int
    commits: int
    nested: list[str]


class DiffFileView(View):
    path: FileName
    old_path: FileName | None
    status: str
    added: int | None
    removed: int | None
    binary: bool


class DiffView(View):
    base: str
    head: str
    added: int
    removed: int
    truncated: bool
    files: list[DiffFileView]


class PatchView(View):
    patch: str
    truncated: bool
    binary: bool
