"""Workspaces: one row per project, made with it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TypedDict, Unpack
from uuid import UUID

from anyon.model import WorkspaceState
from anyon.store.access import Scoped
from anyon.store.rows import Document, WorkspaceRow
from anyon.store.tables import workspaces


class WorkspaceChanges(TypedDict, total=False):
    generation: str | None
    started_at: datetime | None
    last_activity_at: datetime | None
    stopped_at: datetime | None
    stop_reason: str | None
    pinned_until: datetime | None
    problem: Document | None


class Workspaces(Scoped[WorkspaceRow]):
    """Keyed by the project's id."""

    kind = "workspace"
    table = workspaces
    key = workspaces.c.project_id
    project = workspaces.c.project_id
    row = WorkspaceRow

    async def update(self, key: UUID, **changes: Unpack[WorkspaceChanges]) -> WorkspaceRow:
        """Change columns as an editor. Raises NotFound, RoleTooSmall."""
        return await self._rewrite(key, changes)

    async def transition(
        self,
        key: UUID,
        *,
        from_states: Collection[WorkspaceState],
        to: WorkspaceState,
        **changes: Unpack[WorkspaceChanges],
    ) -> WorkspaceRow | None:
        """Compare and set the state; None when the workspace was in none of `from_states`."""
        return await self._change(key, {"state": to, **changes}, from_states=from_states)
