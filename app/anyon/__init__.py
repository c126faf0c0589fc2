"""Anyon: self-hosted, multi-user coding workspaces.

Imports nothing, so that the agent can be loaded from this package where only the standard library is.
"""

__version__ = "0.1.0"
