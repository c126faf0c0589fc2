"""The database of the platform on this host: embedded SQLite, or a PostgreSQL that somebody else runs."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, Output, ResourceOptions

from infra.local import resources
from infra.local.specs import DatabaseSpec
from infra.options import data_options


@dataclass(frozen=True)
class DatabaseArgs:
    database: DatabaseSpec
    protect: bool


class Database(ComponentResource):
    engine: Output[str]
    location: Output[str]

    def __init__(self, name: str, args: DatabaseArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("anyon:local:Database", name, None, opts)
        # Stateful. Another engine or location is another database; nothing is copied and nothing is dropped.
        database = resources.Database(
            f"{name}-{args.database.engine}", args.database, data_options(self, protect=args.protect)
        )
        self.engine = database.engine
        self.location = database.location
        self.register_outputs({"engine": self.engine, "location": self.location})
