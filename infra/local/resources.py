"""The resources of our provider (`infra/local/plugin`). Inputs are the fields of a spec; outputs what was observed."""

from __future__ import annotations

from typing import Any

from pulumi import CustomResource, Output, ResourceOptions

from infra.local.specs import DatabaseSpec, FolderSpec, ServiceSpec


class Folder(CustomResource):
    path: Output[str]
    marker: Output[str]

    def __init__(self, name: str, spec: FolderSpec, opts: ResourceOptions | None = None) -> None:
        super().__init__("anyon-local:index:Folder", name, spec.model_dump() | _outputs("marker"), opts)


class Database(CustomResource):
    engine: Output[str]
    location: Output[str]
    reachable: Output[bool]

    def __init__(self, name: str, spec: DatabaseSpec, opts: ResourceOptions | None = None) -> None:
        inputs: dict[str, Any] = spec.model_dump()
        if spec.url is not None:
            inputs["url"] = Output.secret(spec.url)
        super().__init__("anyon-local:index:Database", name, inputs | _outputs("reachable"), opts)


class Service(CustomResource):
    revision: Output[str]
    running: Output[bool]
    healthy: Output[bool]
    restarts: Output[int]
    last_exit: Output[str]

    def __init__(self, name: str, spec: ServiceSpec, opts: ResourceOptions | None = None) -> None:
        inputs: dict[str, Any] = spec.model_dump() | {"secret_environment": Output.secret(spec.secret_environment)}
        outputs = _outputs("revision", "running", "healthy", "restarts", "last_exit")
        super().__init__("anyon-local:index:Service", name, inputs | outputs, opts)


def _outputs(*names: str) -> dict[str, None]:
    return dict.fromkeys(names)
