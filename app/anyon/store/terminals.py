"""Terminals: the shells that people opened in a workspace."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import TypedDict, Unpack
from uuid import UUID

from sqlalchemy import select

from anyon.ids import new_id
from anyon.model import Role, TerminalState
from anyon.store.access import Scoped, is_member
from anyon.store.rows import TerminalRow
from anyon.store.tables import terminals


class TerminalChanges(TypedDict, total=False):
    title: str
    exit_code: int | None
    last_activity_at: datetime
    closed_at: datetime | None


class Terminals(Scoped[TerminalRow]):
    kind = "terminal"
    table = terminals
    key = terminals.c.id
    project = terminals.c.project_id
    row = TerminalRow

    async def create(
        self, *, project_id: UUID, title: str, attempt_id: UUID | None = None, terminal_id: UUID | None = None
    ) -> TerminalRow:
        """An open terminal, as an editor; `terminal_id` when its id exists elsewhere. Raises NotFound, RoleTooSmall."""
        await self._door.require_member(project_id, Role.EDITOR)
        now = self._door.clock.now()
        row = TerminalRow(
            id=terminal_id or new_id(),
            user_id=self._door.user_id,
            project_id=project_id,
            attempt_id=attempt_id,
            title=title,
            state=TerminalState.OPEN,
            exit_code=None,
            created_at=now,
            last_activity_at=now,
            closed_at=None,
        )
        await self._door.add(terminals, asdict(row))
        return row

    async def open(self, project_id: UUID) -> list[TerminalRow]:
        """The open terminals of a project, the oldest first. Empty also for a project that is not yours."""
        statement = (
            select(*terminals.c)
            .where(
                terminals.c.project_id == project_id,
                terminals.c.state == TerminalState.OPEN,
                is_member(terminals.c.project_id),
            )
            .order_by(terminals.c.created_at, terminals.c.id)
        )
        return [TerminalRow(*record) for record in await self._door.all(statement)]

    async def update(self, key: UUID, **changes: Unpack[TerminalChanges]) -> TerminalRow:
        """Change columns as an editor. Raises NotFound, RoleTooSmall."""
        return await self._rewrite(key, changes)

    async def transition(
        self,
        key: UUID,
        *,
        from_states: Collection[TerminalState],
        to: TerminalState,
        **changes: Unpack[TerminalChanges],
    ) -> TerminalRow | None:
        """Compare and set the state; None when the terminal was in none of `from_states`."""
        return await self._change(key, {"state": to, **changes}, from_states=from_states)
