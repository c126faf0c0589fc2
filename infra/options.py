"""Options of resources that hold data, from one place."""

from __future__ import annotations

from pulumi import Resource, ResourceOptions


def data_options(parent: Resource, *, protect: bool) -> ResourceOptions:
    """Data outlives its stack (`retain_on_delete`); with `protect` the engine refuses even to forget about it."""
    return ResourceOptions(parent=parent, protect=protect, retain_on_delete=True)
