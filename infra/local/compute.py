"""What runs on this host: the service under its supervisor, and whether it is well."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, Output, ResourceOptions

from infra.local.resources import Service
from infra.local.specs import ServiceSpec


@dataclass(frozen=True)
class ComputeArgs:
    service: ServiceSpec


class Compute(ComponentResource):
    revision: Output[str]
    healthy: Output[bool]

    def __init__(self, name: str, args: ComputeArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("anyon:local:Compute", name, None, opts)
        service = Service(f"{name}-service", args.service, ResourceOptions(parent=self))
        self.revision = service.revision
        self.healthy = service.healthy
        self.register_outputs({"revision": self.revision, "healthy": self.healthy})
