"""Declares one stack. Evaluating it does no I/O, so that tests can build it under a recorder."""

from __future__ import annotations

import pulumi
from pulumi import ResourceOptions

from infra.config.local import LocalConfig
from infra.local.compute import Compute, ComputeArgs
from infra.local.database import Database, DatabaseArgs
from infra.local.plan import plan_of
from infra.local.storage import Storage, StorageArgs


def build(config: LocalConfig) -> None:
    """The platform on this host: folder, then database, then the service that needs both."""
    plan = plan_of(config)
    storage = Storage("storage", StorageArgs(plan.folder, protect=config.protect_data))
    database = Database(
        "database",
        DatabaseArgs(plan.database, protect=config.protect_data),
        ResourceOptions(depends_on=[storage]),
    )
    compute = Compute("compute", ComputeArgs(plan.service), ResourceOptions(depends_on=[database]))
    pulumi.export("address", config.settings.origin)
    pulumi.export("data_dir", storage.path)
    pulumi.export("database", database.location)
    pulumi.export("revision", compute.revision)
