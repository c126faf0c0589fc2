"""Anyon: self-hosted, multi-user coding workspaces.

Imports nothing, so that the agent can be loaded from this package inside a workspace that has only the standard library.
"""

__version__ = "0.1.0"
