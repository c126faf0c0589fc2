"""What the store hands out: one frozen dataclass per table, fields in the order of the table's columns.

Ids are UUIDs, instants are aware UTC datetimes, JSON documents are what `json` makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from anyon.model import (
    AttemptState,
    ExecutionKind,
    ExecutionState,
    ProjectState,
    Role,
    TaskState,
    TerminalState,
    UserRole,
    WorkspaceState,
)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class UserRow:
    """`tokens_valid_after`: bearer tokens issued before this instant are refused."""

    id: UUID
    email: str
    name: str
    role: UserRole
    created_at: datetime
    disabled_at: datetime | None
    tokens_valid_after: datetime | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A browser's session; `token_hash` is the SHA-256 of its cookie."""

    id: UUID
    user_id: UUID
    token_hash: bytes
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class LoginLinkRow:
    id: UUID
    user_id: UUID
    token_hash: bytes
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiTokenRow:
    """`id` is the `jti` of the token, which is itself stored nowhere."""

    id: UUID
    user_id: UUID
    name: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """`source`: the address or path it was imported from, empty when it began as nothing."""

    id: UUID
    user_id: UUID
    name: str
    slug: str
    source: str
    default_branch: str
    state: ProjectState
    problem: Document | None
    default_executor: str | None
    next_task_number: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MemberRow:
    project_id: UUID
    user_id: UUID
    role: Role
    created_at: datetime


@dataclass(frozen=True, slots=True)
class WorkspaceRow:
    """`pinned_until` in the year 9999 means until somebody unpins it."""

    project_id: UUID
    user_id: UUID
    state: WorkspaceState
    generation: str | None
    created_at: datetime
    started_at: datetime | None
    last_activity_at: datetime | None
    stopped_at: datetime | None
    stop_reason: str | None
    pinned_until: datetime | None
    problem: Document | None


@dataclass(frozen=True, slots=True)
class TaskRow:
    """`attempts` is how many were made, which is also the number of the latest one."""

    id: UUID
    user_id: UUID
    project_id: UUID
    number: int
    title: str
    description: str
    state: TaskState
    executor: str | None
    position: float
    attempts: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """`files`, `added`, `removed` count the diff once the attempt finished; `phases` tell its progress in order."""

    id: UUID
    user_id: UUID
    project_id: UUID
    task_id: UUID
    number: int
    executor: str
    state: AttemptState
    branch: str | None
    worktree: str | None
    base_branch: str | None
    base_commit: str | None
    head_commit: str | None
    files: int | None
    added: int | None
    removed: int | None
    phases: list[Document]
    problem: Document | None
    created_at: datetime
    finished_at: datetime | None
    merged_commit: str | None


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """`stopped`: somebody asked for its end; `generation`: the run of the workspace's agent that started it."""

    id: UUID
    user_id: UUID
    project_id: UUID
    attempt_id: UUID | None
    kind: ExecutionKind
    executor: str
    state: ExecutionState
    exit_code: int | None
    signal: int | None
    stopped: bool
    log_bytes: int
    generation: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class TerminalRow:
    id: UUID
    user_id: UUID
    project_id: UUID
    attempt_id: UUID | None
    title: str
    state: TerminalState
    exit_code: int | None
    created_at: datetime
    last_activity_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class SecretRow:
    """A credential of the user, encrypted: the store never sees its value."""

    id: UUID
    user_id: UUID
    name: str
    ciphertext: bytes
    key_version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class AuditRow:
    """`user_id` is who did it, None for the system itself."""

    id: int
    at: datetime
    user_id: UUID | None
    project_id: UUID | None
    action: str
    subject: str
    detail: Document


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """A card of the board: the task, its latest attempt, and that attempt's latest execution."""

    task: TaskRow
    attempt: AttemptRow | None
    execution: ExecutionRow | None


@dataclass(frozen=True, slots=True)
class ProjectEntry:
    """A project as one of its members sees it."""

    project: ProjectRow
    workspace: WorkspaceRow
    role: Role


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a project with the account's name."""

    user_id: UUID
    email: str
    name: str
    role: Role
