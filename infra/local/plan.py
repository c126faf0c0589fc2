"""From the configuration to what is wanted on the host. Pure.

The program declares the plan; the start without an engine applies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from anyon.settings import environment_of
from infra.config.local import DatabaseEngine, LocalConfig
from infra.local.specs import DatabaseSpec, FolderSpec, ServiceSpec

_HEALTH_PATH = "/readyz"
_STOP_SECONDS = 20.0  # the service answers the requests it has, then leaves; workspaces are not part of this


@dataclass(frozen=True)
class LocalPlan:
    folder: FolderSpec
    database: DatabaseSpec
    service: ServiceSpec


def plan_of(config: LocalConfig) -> LocalPlan:
    settings = config.settings
    url = config.database_url.get_secret_value() if config.database_url else None
    service = ServiceSpec(
        data_folder=str(config.data_dir),
        control_folder=str(config.control_dir),
        directory=str(config.root),
        command=[*config.program, "serve"],
        stop_workspaces_command=[*config.program, "workspaces", "stop"],
        environment=environment_of(settings.model_dump(exclude_unset=True)),
        secret_environment=environment_of({"database_url": url}),
        release=config.release,
        host=settings.host,
        addresses=list(settings.addresses),
        port=settings.port,
        health_path=_HEALTH_PATH,
        start_seconds=config.start_seconds,
        stop_seconds=_STOP_SECONDS,
    )
    return LocalPlan(FolderSpec(path=str(config.data_dir)), _database(config, url), service)


def _database(config: LocalConfig, url: str | None) -> DatabaseSpec:
    if config.database is DatabaseEngine.SQLITE or url is None:
        return DatabaseSpec(engine="sqlite", location=str(config.data_dir / "anyon.db"))
    parts = urlsplit(url)
    location = f"{parts.hostname or 'local socket'}:{parts.port or 5432}{parts.path}"
    return DatabaseSpec(engine="postgresql", location=location, url=url)
