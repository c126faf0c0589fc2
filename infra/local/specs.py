"""What is wanted of each part of the platform on this host.

One model is the resource's inputs, what the provider checks and decodes, and what a start without an engine applies.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Spec(BaseModel):
    """Strict: a number is no text. Unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FolderSpec(Spec):
    path: str = Field(description="Absolute path of the folder for database, keys and workspaces.")


class DatabaseSpec(Spec):
    engine: Literal["sqlite", "postgresql"]
    location: str = Field(description="The file of SQLite; host, port and database of PostgreSQL, without credentials.")
    url: str | None = Field(None, description="Secret: the address with the password. None for SQLite.")


class ServiceSpec(Spec):
    """Times are seconds."""

    data_folder: str
    control_folder: str = Field(description="Where desired state, observed state and logs are.")
    directory: str = Field(description="Working directory of the service.")
    command: list[str]
    stop_workspaces_command: list[str] = Field(description="Ends the workspaces when the platform is taken down.")
    environment: dict[str, str]
    secret_environment: dict[str, str] = Field(description="Secret: joins the environment.")
    release: str = Field(description="Digest of the code that runs; another one restarts the service.")
    host: str = Field(description="Where the service is asked whether it is ready.")
    addresses: list[str] = Field(description="What the supervisor listens on for the service, also while it restarts.")
    port: int
    health_path: str
    start_seconds: float = Field(description="The service is ready after this long, or the start has failed.")
    stop_seconds: float = Field(description="Grace between asking the service to stop and killing it.")
