"""The tables. `rows.py` has one frozen dataclass for each, with the same fields in the same order."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

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
from anyon.store.types import NAME_LENGTH, Id, Json, UtcDateTime, Word

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "idx_%(table_name)s_%(column_0_N_name)s",
    }
)


def _id() -> Column[UUID]:
    return Column("id", Id, primary_key=True)


def _owner() -> Column[UUID]:
    """The user whose row it is; indexed (A5)."""
    return Column("user_id", Id, ForeignKey("users.id"), nullable=False, index=True)


def _project() -> Column[UUID]:
    """The project whose members may see the row; goes with it."""
    return Column("project_id", Id, ForeignKey("projects.id", ondelete="CASCADE"), nullable=False)


def _state(states: type[StrEnum], name: str = "state") -> Column[StrEnum]:
    return Column(name, Word(states), nullable=False)


def _instant(name: str, *, required: bool = False) -> Column[datetime]:
    return Column(name, UtcDateTime, nullable=not required)


users = Table(
    "users",
    metadata,
    _id(),
    Column("email", String(320), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    _state(UserRole, "role"),
    _instant("created_at", required=True),
    _instant("disabled_at"),
    _instant("tokens_valid_after"),
)

sessions = Table(
    "sessions",
    metadata,
    _id(),
    _owner(),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("user_agent", String(400), nullable=False),
    _instant("created_at", required=True),
    _instant("last_seen_at", required=True),
    _instant("expires_at", required=True),
    _instant("revoked_at"),
)

login_links = Table(
    "login_links",
    metadata,
    _id(),
    _owner(),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    _instant("created_at", required=True),
    _instant("expires_at", required=True),
    _instant("used_at"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    _id(),
    _owner(),
    Column("name", String(200), nullable=False),
    _instant("created_at", required=True),
    _instant("expires_at", required=True),
    _instant("last_used_at"),
    _instant("revoked_at"),
)

projects = Table(
    "projects",
    metadata,
    _id(),
    _owner(),
    Column("name", String(200), nullable=False),
    Column("slug", String(100), nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("default_branch", String(255), nullable=False),
    _state(ProjectState),
    Column("problem", Json()),
    Column("default_executor", String(NAME_LENGTH)),
    Column("next_task_number", Integer, nullable=False),
    _instant("created_at", required=True),
)

project_members = Table(
    "project_members",
    metadata,
    Column("project_id", Id, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True, index=True),
    _state(Role, "role"),
    _instant("created_at", required=True),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("project_id", Id, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    _owner(),
    _state(WorkspaceState),
    Column("generation", String(64)),
    _instant("created_at", required=True),
    _instant("started_at"),
    _instant("last_activity_at"),
    _instant("stopped_at"),
    Column("stop_reason", String(200)),
    _instant("pinned_until"),
    Column("problem", Json()),
    Index(None, "state"),
)

tasks = Table(
    "tasks",
    metadata,
    _id(),
    _owner(),
    _project(),
    Column("number", Integer, nullable=False),
    Column("title", String(200), nullable=False),
    Column("description", Text, nullable=False),
    _state(TaskState),
    Column("executor", String(NAME_LENGTH)),
    Column("position", Float(53), nullable=False),
    Column("attempts", Integer, nullable=False),
    _instant("created_at", required=True),
    _instant("updated_at", required=True),
    UniqueConstraint("project_id", "number"),
    Index(None, "project_id", "state", "position", "number"),
)

attempts = Table(
    "attempts",
    metadata,
    _id(),
    _owner(),
    _project(),
    Column("task_id", Id, ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("executor", String(NAME_LENGTH), nullable=False),
    _state(AttemptState),
    Column("branch", String(255)),
    Column("worktree", String(255)),
    Column("base_branch", String(255)),
    Column("base_commit", String(64)),
    Column("head_commit", String(64)),
    Column("files", Integer),
    Column("added", Integer),
    Column("removed", Integer),
    Column("phases", Json(), nullable=False),
    Column("problem", Json()),
    _instant("created_at", required=True),
    _instant("finished_at"),
    Column("merged_commit", String(64)),
    UniqueConstraint("task_id", "number"),
    Index(None, "project_id", "state"),
    Index(None, "state"),
)

executions = Table(
    "executions",
    metadata,
    _id(),
    _owner(),
    _project(),
    Column("attempt_id", Id, ForeignKey("attempts.id", ondelete="CASCADE")),
    _state(ExecutionKind, "kind"),
    Column("executor", String(NAME_LENGTH), nullable=False),
    _state(ExecutionState),
    Column("exit_code", Integer),
    Column("signal", Integer),
    Column("stopped", Boolean, nullable=False),
    Column("log_bytes", BigInteger, nullable=False),
    Column("generation", String(64)),
    _instant("created_at", required=True),
    _instant("started_at"),
    _instant("finished_at"),
    Index(None, "attempt_id", "created_at"),
    Index(None, "project_id", "state"),
    Index(None, "state"),
)

terminals = Table(
    "terminals",
    metadata,
    _id(),
    _owner(),
    _project(),
    Column("attempt_id", Id, ForeignKey("attempts.id", ondelete="CASCADE"), index=True),
    Column("title", String(200), nullable=False),
    _state(TerminalState),
    Column("exit_code", Integer),
    _instant("created_at", required=True),
    _instant("last_activity_at", required=True),
    _instant("closed_at"),
    Index(None, "project_id", "state"),
    Index(None, "state"),
)

secrets = Table(
    "secrets",
    metadata,
    _id(),
    _owner(),
    Column("name", String(100), nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("key_version", Integer, nullable=False),
    _instant("created_at", required=True),
    _instant("updated_at", required=True),
    UniqueConstraint("user_id", "name"),
)

# No foreign keys: an entry outlives whatever it speaks of. Triggers of the migration refuse UPDATE and DELETE.
audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _instant("at", required=True),
    Column("user_id", Id, index=True),
    Column("project_id", Id),
    Column("action", String(100), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("detail", Json(), nullable=False),
    Index(None, "project_id", "id"),
)
