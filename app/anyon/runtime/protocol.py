"""The contract of every runtime: five verbs that start, stop and find workspaces, and nothing else.

A runtime never opens what users made: work inside a workspace is done by its agent, to whose endpoint `ensure` leads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import UUID

from anyon.agent.endpoint import AgentEndpoint


@dataclass(frozen=True)
class WorkspaceSpec:
    """What a runtime must know to start the workspace of a project.

    `generation` and `token` are drawn by the caller for a new start; a workspace that runs already keeps its own.
    """

    project_id: UUID
    owner_id: UUID
    import_source: Path | None
    """Folder that is readable at /import, or None."""
    generation: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class RunningWorkspace:
    """A workspace that runs, whoever started it. `started_at` is in unix seconds; `pid` is the agent's on this host."""

    project_id: UUID
    generation: str
    pid: int
    started_at: float
    endpoint: AgentEndpoint


@dataclass(frozen=True)
class WorkspaceStats:
    """What a workspace uses now; all zero but the disk when it is stopped.

    `memory_bytes` counts pages shared by several processes once where the host accounts for the workspace as a whole
    (cgroup), and once per process otherwise. `disk_is_partial` says that counting was cut short: the true number is
    larger. `cpu_seconds` counts from the workspace's start.
    """

    memory_bytes: int = 0
    processes: int = 0
    cpu_seconds: float = 0.0
    disk_bytes: int = 0
    disk_is_partial: bool = False


class Runtime(Protocol):
    """Starts and stops workspaces. Every verb may be called at any time, by several control planes at once."""

    @property
    def name(self) -> str:
        """`process`, `docker` or `kubernetes`."""

    @property
    def isolated(self) -> bool:
        """Whether one workspace is kept from the files and processes of the host and of other workspaces."""

    @property
    def isolation_note(self) -> str:
        """The sentence that the UI and the log show; empty when there is nothing to say."""

    async def ensure(self, spec: WorkspaceSpec) -> AgentEndpoint:
        """Start the workspace unless it runs; return once its agent accepts connections.

        Idempotent: a running workspace keeps its generation and token, which the endpoint returns, whatever `spec`
        says; so does one that another control plane, or this one before a restart, has started. Concurrent calls
        make exactly one agent. Cancelling leaves either no agent or one that the next call finds.
        Raises StartFailed (the agent ended), StartTimedOut (it does not answer), WorkspaceBusy (another control
        plane holds the workspace for too long), IsolationUnavailable, WorkspaceFolderUnusable.
        """

    async def stop(self, project_id: UUID, grace: float) -> None:
        """End every process of the workspace: a polite request, up to `grace` seconds, then by force.

        Idempotent; returns when all of them are gone. The files stay.
        """

    async def remove(self, project_id: UUID) -> None:
        """Stop without grace, then delete the workspace's folder with all that users left there. Idempotent."""

    async def list(self) -> list[RunningWorkspace]:
        """The workspaces that run, sorted by project id. One whose process has gone is forgotten on the way."""

    async def stats(self, project_id: UUID) -> WorkspaceStats:
        """What the workspace uses; zeros for one that does not exist. Bounded in time, whatever its files look like."""
