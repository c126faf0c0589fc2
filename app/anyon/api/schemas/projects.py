"""Projects, their workspaces and files, executors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from anyon.api.schemas.base import Body, ExecutorName, Name, Source, View
from anyon.model import ProjectState, Role, WorkspaceState


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
    git_repo_path: Source | None = Field(None, description="Only while the import has failed; then try it again.")


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
