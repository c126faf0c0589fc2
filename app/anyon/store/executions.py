"""Executions: the processes that ran in a workspace."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import TypedDict, Unpack
from uuid import UUID

from sqlalchemy import bindparam, select

from anyon.ids import new_id
from anyon.model import ExecutionKind, ExecutionState, Role
from anyon.store.access import Scoped, is_member
from anyon.store.rows import ExecutionRow
from anyon.store.tables import executions

_OF_ATTEMPT = (
    select(*executions.c)
    .where(executions.c.attempt_id == bindparam("attempt"), is_member(executions.c.project_id))
    .order_by(executions.c.created_at.desc(), executions.c.id)
)
LIVE = frozenset({ExecutionState.QUEUED, ExecutionState.RUNNING})


class ExecutionChanges(TypedDict, total=False):
    exit_code: int | None
    signal: int | None
    stopped: bool
    log_bytes: int
    generation: str | None
    started_at: datetime | None
    finished_at: datetime | None


class Executions(Scoped[ExecutionRow]):
    kind = "execution"
    table = executions
    key = executions.c.id
    project = executions.c.project_id
    row = ExecutionRow

    async def create(
        self,
        *,
        project_id: UUID,
        executor: str,
        kind: ExecutionKind,
        attempt_id: UUID | None = None,
        generation: str | None = None,
    ) -> ExecutionRow:
        """A queued execution, as an editor. Raises NotFound, RoleTooSmall."""
        await self._door.require_member(project_id, Role.EDITOR)
        row = ExecutionRow(
            id=new_id(),
            user_id=self._door.user_id,
            project_id=project_id,
            attempt_id=attempt_id,
            kind=kind,
            executor=executor,
            state=ExecutionState.QUEUED,
            exit_code=None,
            signal=None,
            stopped=False,
            log_bytes=0,
            generation=generation,
            created_at=self._door.clock.now(),
            started_at=None,
            finished_at=None,
        )
        await self._door.add(executions, asdict(row))
        return row

    async def live(self, project_id: UUID) -> list[ExecutionRow]:
        """What is queued or running in a project, the oldest first. Empty also for a project that is not yours."""
        statement = (
            select(*executions.c)
            .where(
                executions.c.project_id == project_id,
                executions.c.state.in_(sorted(LIVE)),
                is_member(executions.c.project_id),
            )
            .order_by(executions.c.created_at, executions.c.id)
        )
        return [ExecutionRow(*record) for record in await self._door.all(statement)]

    async def update(self, key: UUID, **changes: Unpack[ExecutionChanges]) -> ExecutionRow:
        """Change columns as an editor. Raises NotFound, RoleTooSmall."""
        return await self._rewrite(key, changes)

    async def transition(
        self,
        key: UUID,
        *,
        from_states: Collection[ExecutionState],
        to: ExecutionState,
        **changes: Unpack[ExecutionChanges],
    ) -> ExecutionRow | None:
        """Compare and set the state; None when the execution was in none of `from_states`."""
        return await self._change(key, {"state": to, **changes}, from_states=from_states)

    async def list(self, attempt_id: UUID) -> list[ExecutionRow]:
        """The executions of an attempt, the latest first. Empty also for an attempt that is not yours."""
        return [ExecutionRow(*record) for record in await self._door.all(_OF_ATTEMPT, attempt=attempt_id)]
