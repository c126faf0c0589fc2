"""Every setting of the service, named once.

A plain pydantic model: it reads no environment and imports nothing of the application, so that the infrastructure code
can build the service's environment from the same names that the service checks (`environment.py` is the loader).
"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

ENVIRONMENT_PREFIX = "ANYON_"
DATABASE_FILE = "anyon.db"
"""Within the data folder, unless DATABASE_URL says otherwise."""

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Isolation(StrEnum):
    """How the process runtime separates workspaces from each other and from the host."""

    AUTO = "auto"
    BUBBLEWRAP = "bubblewrap"
    NONE = "none"


class LogFormat(StrEnum):
    JSON = "json"
    CONSOLE = "console"


class Settings(BaseModel):
    """Durations are seconds and sizes are bytes unless the name says otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address that the service binds to.")
    port: int = Field(8080, ge=1, le=65535, description="Port that the service binds to.")
    public_url: str | None = Field(
        None, description="Address under which browsers reach the service; the default is http://HOST:PORT."
    )
    data_dir: Path = Field(description="Folder for the database, keys and workspaces.")
    database_url: SecretStr | None = Field(
        None, description="postgresql://… or sqlite:///…; the default is SQLite at DATA_DIR/anyon.db."
    )
    database_pool_size: int = Field(10, ge=1, le=100, description="Connections to PostgreSQL at the most (A4).")
    migrate_on_start: bool = Field(True, description="Apply migrations before serving, behind a lock.")

    isolation: Isolation = Field(
        Isolation.AUTO, description="auto: bubblewrap when the host has it; bubblewrap: insist on it; none: go without."
    )
    allow_unisolated_accounts: bool = Field(
        False,
        description="Permit a second account although workspaces are not isolated: each user can then read every "
        "other user's work and credentials.",
    )
    workspace_uid: int = Field(
        1000, ge=1, le=2**31, description="Host user id of workspaces when the service itself runs as root."
    )
    import_roots: tuple[Path, ...] = Field(
        (), description="Folders from which projects may be imported by path; every user may read all of them."
    )
    exclude_worktrees_in_gitignore: bool = Field(
        False, description="Hide .worktrees/ through the tracked .gitignore instead of .git/info/exclude (R12)."
    )
    default_executor: str = Field("shell", description="Executor of a task that names none.")

    idle_seconds: float = Field(1800, gt=0, description="A workspace without a live lease stops after this long (R5).")
    sweep_seconds: float = Field(300, gt=0, description="Pause between two sweeps for idle workspaces (R5).")
    stop_seconds: float = Field(10, gt=0, description="Grace between asking a workspace to stop and killing it (R5).")
    start_seconds: float = Field(30, gt=0, description="A workspace that does not answer within this time has failed.")
    terminal_idle_seconds: float = Field(
        86400, gt=0, description="A terminal with no bytes in either direction for this long is closed (A20)."
    )

    jwt_secret: SecretStr | None = Field(
        None, description="HS256 key of bearer tokens, at least 32 characters; default: generated in DATA_DIR/keys."
    )
    jwt_issuer: str = Field("anyon", min_length=1, description="Required `iss` of bearer tokens.")
    jwt_audience: str = Field("anyon", min_length=1, description="Required `aud` of bearer tokens.")
    encryption_key: SecretStr | None = Field(
        None,
        description="Key of the stored credentials: 32 bytes in base64, or `1:OLD 2:NEW` to rotate; "
        "default: generated in DATA_DIR/keys.",
    )
    session_days: int = Field(30, ge=1, le=365, description="A browser session ends when unused for this many days.")
    login_link_minutes: int = Field(60, ge=1, le=10080, description="Lifetime of a one-time login link.")
    metrics_token: SecretStr | None = Field(
        None,
        description="Bearer token of /metrics; without one it answers only while the service both binds to loopback "
        "and is reached under a loopback address.",
    )
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least severity that is logged.")
    log_format: LogFormat = Field(LogFormat.JSON, description="json for machines, console for people.")

    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest request body.")
    max_log_bytes: int = Field(
        67_108_864, ge=65536, description="Log kept per execution; beyond it the middle is dropped."
    )
    max_running_executions: int = Field(50, ge=1, description="Running executions per workspace.")
    max_terminals: int = Field(100, ge=1, description="Open terminals per workspace.")
    workspace_processes: int = Field(1024, ge=16, description="Processes per workspace.")
    workspace_open_files: int = Field(65536, ge=256, description="Open files per process of a workspace.")
    workspace_memory_bytes: int | None = Field(
        None,
        ge=67_108_864,
        description="Memory per workspace, where the host lets the service set it; "
        "the default is four fifths of the host's.",
    )

    @model_validator(mode="after")
    def _secrets_are_long_enough(self) -> Settings:
        if self.jwt_secret is not None and len(self.jwt_secret.get_secret_value()) < 32:
            raise ValueError("jwt_secret is shorter than 32 characters: make one with `openssl rand -base64 48`")
        return self

    @model_validator(mode="after")
    def _a_wildcard_has_a_name(self) -> Settings:
        if self.host in {"0.0.0.0", "::"} and self.public_url is None:  # noqa: S104 - compared, not bound
            raise ValueError(f"public_url is missing: nobody can open {self.host}; name the address that people use")
        return self

    @property
    def binds_to_loopback(self) -> bool:
        return self.host in _LOOPBACK

    @property
    def https(self) -> bool:
        """Whether browsers reach the service by https."""
        return urlsplit(self.origin).scheme == "https"

    @property
    def is_for_this_machine(self) -> bool:
        """Bound to loopback, and no public address says that a proxy brings others there."""
        return self.binds_to_loopback and (self.public_url is None or urlsplit(self.origin).hostname in _LOOPBACK)

    @property
    def addresses(self) -> tuple[str, ...]:
        """What to listen on. On loopback all of it: who has the other half answers under names of the service."""
        return ("127.0.0.1", "::1") if self.binds_to_loopback else (self.host,)

    @property
    def origin(self) -> str:
        """Scheme, host and port that browsers show, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


def environment_of(settings: dict[str, Any]) -> dict[str, str]:
    """The service's environment for these settings: `{"idle_seconds": 60}` gives `{"ANYON_IDLE_SECONDS": "60"}`.

    Sequences become JSON; None is left out. Raises KeyError for a name that is no setting.
    """
    environment: dict[str, str] = {}
    for name, value in settings.items():
        if name not in Settings.model_fields:
            raise KeyError(f"{name} is not a setting")
        if value is not None:
            environment[ENVIRONMENT_PREFIX + name.upper()] = _as_text(value)
    return environment


def _as_text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, (list, tuple)):
        return json.dumps([str(item) for item in value])
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
