"""The parts of the platform in the order in which they are made, each with the functions that handle it.

The provider and the start without an engine go through this table, so neither can do what the other does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from infra.local.host import database, folder, service
from infra.local.specs import DatabaseSpec, FolderSpec, ServiceSpec, Spec


@dataclass(frozen=True)
class Handler:
    """`identity` names the fields whose change makes another thing; `drift` names what is observed but not wanted."""

    spec: type[Spec]
    apply: Callable[[Any], BaseModel]
    observe: Callable[[Any], BaseModel | None]
    remove: Callable[[Any], None]
    identity: tuple[str, ...]
    drift: Callable[[Any, dict[str, Any]], list[str]]


def _folder_drift(_spec: FolderSpec, _observed: dict[str, Any]) -> list[str]:
    return []


def _database_drift(_spec: DatabaseSpec, observed: dict[str, Any]) -> list[str]:
    return [] if observed["reachable"] else ["reachable"]


def _service_drift(spec: ServiceSpec, observed: dict[str, Any]) -> list[str]:
    wanted = {
        "running": True,
        "healthy": True,
        "restarts": 0,
        "last_exit": "",
        "revision": service.wanted_revision(spec),
    }
    return [name for name, value in wanted.items() if observed[name] != value]


HANDLERS: dict[str, Handler] = {
    "anyon-local:index:Folder": Handler(
        FolderSpec, folder.apply, folder.observe, folder.remove, ("path",), _folder_drift
    ),
    "anyon-local:index:Database": Handler(
        DatabaseSpec, database.apply, database.observe, database.remove, ("engine", "location"), _database_drift
    ),
    "anyon-local:index:Service": Handler(
        ServiceSpec, service.apply, service.observe, service.remove, ("data_folder", "control_folder"), _service_drift
    ),
}
