"""The words that rows, rules and answers share: states, kinds and roles. Imports nothing of the product."""

from __future__ import annotations

from enum import StrEnum


class UserRole(StrEnum):
    """What an account may do beyond its own projects."""

    ADMIN = "admin"
    MEMBER = "member"


class Role(StrEnum):
    """What a member may do in one project; each role includes the ones below it."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"

    @property
    def rank(self) -> int:
        """0 for viewer, 1 for editor, 2 for owner."""
        return _RANKS[self]

    def covers(self, needed: Role) -> bool:
        """Whether a member with this role may do what `needed` may."""
        return self.rank >= needed.rank


_RANKS = {Role.VIEWER: 0, Role.EDITOR: 1, Role.OWNER: 2}


class ProjectState(StrEnum):
    CREATING = "creating"
    READY = "ready"
    FAILED = "failed"
    DELETING = "deleting"


class WorkspaceState(StrEnum):
    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FAILED = "failed"


class TaskState(StrEnum):
    """The columns of the board."""

    TODO = "todo"
    IN_PROGRESS = "in_progress"
    IN_REVIEW = "in_review"
    DONE = "done"
    CANCELLED = "cancelled"


class AttemptState(StrEnum):
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    FINISHING = "finishing"
    IN_REVIEW = "in_review"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MERGED = "merged"
    DISCARDED = "discarded"


class ExecutionKind(StrEnum):
    """Why a process runs in a workspace."""

    AGENT = "agent"
    SETUP = "setup"
    SCRIPT = "script"


class ExecutionState(StrEnum):
    """`lost`: the workspace's agent died while it ran; `failed`: it never started."""

    QUEUED = "queued"
    RUNNING = "running"
    EXITED = "exited"
    LOST = "lost"
    FAILED = "failed"


class TerminalState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
