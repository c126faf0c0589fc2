"""The database: tables, transactions limited to one user, migrations. Nothing outside imports SQLAlchemy."""

from anyon.store.errors import (
    AlreadyExists,
    DatabaseMissing,
    DatabaseUrlInvalid,
    NotFound,
    RoleTooSmall,
    StoreBusy,
    StoreFull,
    StoreUnreachable,
)
from anyon.store.rows import (
    ApiTokenRow,
    AttemptRow,
    AuditRow,
    ExecutionRow,
    LoginLinkRow,
    Member,
    MemberRow,
    ProjectEntry,
    ProjectRow,
    SecretRow,
    SessionRow,
    TaskEntry,
    TaskRow,
    TerminalRow,
    UserRow,
    WorkspaceRow,
)
from anyon.store.store import Store
from anyon.store.system_session import SystemSession
from anyon.store.tasks import TaskCursor
from anyon.store.user_session import UserSession

__all__ = [
    "AlreadyExists",
    "ApiTokenRow",
    "AttemptRow",
    "AuditRow",
    "DatabaseMissing",
    "DatabaseUrlInvalid",
    "ExecutionRow",
    "LoginLinkRow",
    "Member",
    "MemberRow",
    "NotFound",
    "ProjectEntry",
    "ProjectRow",
    "RoleTooSmall",
    "SecretRow",
    "SessionRow",
    "Store",
    "StoreBusy",
    "StoreFull",
    "StoreUnreachable",
    "SystemSession",
    "TaskCursor",
    "TaskEntry",
    "TaskRow",
    "TerminalRow",
    "UserRow",
    "UserSession",
    "WorkspaceRow",
]
