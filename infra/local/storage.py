"""Where the platform keeps its data on this host."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, Output, ResourceOptions

from infra.local.resources import Folder
from infra.local.specs import FolderSpec
from infra.options import data_options


@dataclass(frozen=True)
class StorageArgs:
    folder: FolderSpec
    protect: bool


class Storage(ComponentResource):
    path: Output[str]

    def __init__(self, name: str, args: StorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("anyon:local:Storage", name, None, opts)
        # Stateful. Another path is another, empty folder; the old one stays on disk.
        folder = Folder(f"{name}-folder", args.folder, data_options(self, protect=args.protect))
        self.path = folder.path
        self.register_outputs({"path": self.path})
