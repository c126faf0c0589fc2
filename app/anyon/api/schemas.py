"""The shapes that go over the wire; every answer is `{"data": …}`."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

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

Shape = TypeVar("Shape")

NAME_LENGTH = 100
TITLE_LENGTH = 200
DESCRIPTION_LENGTH = 100_000
SECRET_LENGTH = 16_384

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ONE_LINE_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Also what reorders text: a name must look like what it is wherever it stands."""


def _no_control_characters(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not accepted")
    return text


def _one_line(text: str) -> str:
    if _ONE_LINE_CONTROL.search(text):
        raise ValueError("control characters and line breaks are not accepted")
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_LENGTH),
    AfterValidator(_one_line),
]
Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_LENGTH),
    AfterValidator(_one_line),
]
Description = Annotated[
    str,
    StringConstraints(min_length=1, max_length=DESCRIPTION_LENGTH, pattern=r"\S"),
    AfterValidator(_no_control_characters),
]
Source = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(_one_line)]
ExecutorName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^\s@<>\x00-\x1f]+@[^\s@<>\x00-\x1f]+$"
    ),
]
SecretName = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Z_][A-Z0-9_]*$")]


class Body(BaseModel):
    """What a client sends: unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid")


class View(BaseModel):
    """What the service answers, read off rows."""

    model_config = ConfigDict(from_attributes=True)


class Data(BaseModel, Generic[Shape]):
    data: Shape


class ListData(Data[list[Shape]], Generic[Shape]):
    next: str | None = Field(None, description="Pass as `after` for the next page; absent on the last.")


class Problem(BaseModel):
    """RFC 9457, with `hint` (what to do), `code` (stable) and `request_id`."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    hint: str
    code: str
    request_id: str


# --- session and account --------------------------------------------------------------------------------------------


class LoginBody(Body):
    token: Annotated[str, StringConstraints(min_length=20, max_length=200)]


class UserView(View):
    id: UUID
    email: str
    name: str
    role: UserRole


class ManagedUserView(UserView):
    created_at: datetime
    disabled_at: datetime | None


class IsolationView(View):
    isolated: bool
    note: str


class SessionView(View):
    user: UserView
    csrf: str
    isolation: IsolationView
    version: str


class BrowserSessionView(View):
    id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    user_agent: str
    current: bool = False


class TokenBody(Body):
    name: Name
    days: int = Field(90, ge=1, le=365)


class TokenView(View):
    id: UUID
    name: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class NewTokenView(TokenView):
    token: str = Field(description="Shown once.")


class SecretBody(Body):
    """A shorter value could not be removed from logs without removing half of them."""

    value: Annotated[
        str, StringConstraints(min_length=4, max_length=SECRET_LENGTH), AfterValidator(_no_control_characters)
    ]


class SecretView(View):
    name: str
    updated_at: datetime


class NewUserBody(Body):
    email: Email
    name: Name
    role: UserRole = UserRole.MEMBER


class UserPatch(Body):
    disabled: bool | None = None
    role: UserRole | None = None


class LoginLinkView(View):
    url: str
    expires_at: datetime


class NewUserView(View):
    user: ManagedUserView
    link: LoginLinkView


# --- projects and workspaces ----------------------------------------------------------------------------------------


class ExecutorView(View):
    name: str
    title: str
    description: str
    requires: list[str] = Field(description="One of these credentials is needed.")
    install: str
    prompt_label: str


class WorkspaceView(View):
    state: WorkspaceState
    started_at: datetime | None
    stopped_at: datetime | None
    stop_reason: str | None
    pinned_until: datetime | None
    problem: dict[str, Any] | None


class NewProjectBody(Body):
    name: Name
    git_repo_path: Source = Field("", description="A git address, a path below an import root, or empty for a new one.")
    default_executor: ExecutorName | None = None


class ProjectPatch(Body):
    name: Name | None = None
    default_executor: ExecutorName | None = None


class TaskCounts(View):
    todo: int = 0
    in_progress: int = 0
    in_review: int = 0
    done: int = 0
    cancelled: int = 0


class ProjectView(View):
    id: UUID
    name: str
    slug: str
    source: str
    state: ProjectState
    problem: dict[str, Any] | None
    default_branch: str
    default_executor: str | None
    role: Role
    created_at: datetime
    workspace: WorkspaceView
    counts: TaskCounts
    needs_me: int = Field(description="Tasks that wait for a person.")


class LeaseView(View):
    kind: Literal["execution", "terminal", "pin", "heartbeat"]
    subject: str
    label: str
    until: datetime | None


class IdleView(View):
    state: WorkspaceState
    idle_seconds: float
    quiet_seconds: float
    stops_at: datetime | None
    last_activity_at: datetime | None
    kept_awake_by: list[LeaseView]


class PinBody(Body):
    hours: float | None = Field(None, gt=0, le=24 * 365, description="None pins until it is unpinned.")


FileName = Annotated[str, Field(description=r"Bytes that are no UTF-8 stand as `\xff`; give it back as it is.")]


class FileEntryView(View):
    name: FileName
    kind: Literal["file", "directory", "link", "other"]
    size: int
    modified_at: float


class DirectoryView(View):
    entries: list[FileEntryView]
    truncated: bool


class FileContentView(View):
    content_base64: str
    size: int
    truncated: bool


# --- tasks, attempts, executions --------------------------------------------------------------------------------------


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
        Annotated[str, StringConstraints(min_length=1, max_length=10_000), AfterValidator(_no_control_characters)]
        | None
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


# --- terminals ----------------------------------------------------------------------------------------------------


class NewTerminalBody(Body):
    attempt_id: UUID | None = None
    cols: int = Field(80, ge=2, le=1000)
    rows: int = Field(24, ge=2, le=1000)


class TerminalView(View):
    id: UUID
    project_id: UUID
    attempt_id: UUID | None
    title: str
    state: TerminalState
    exit_code: int | None
    created_at: datetime
    closed_at: datetime | None
