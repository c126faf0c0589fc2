"""Attempts: the tries at a task."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import TypedDict, Unpack
from uuid import UUID

from sqlalchemy import select

from anyon.ids import new_id
from anyon.model import AttemptState
from anyon.store.access import Scoped, is_member
from anyon.store.rows import AttemptRow, Document
from anyon.store.tables import attempts
from anyon.store.tasks import Tasks


class AttemptChanges(TypedDict, total=False):
    branch: str | None
    worktree: str | None
    base_branch: str | None
    base_commit: str | None
    head_commit: str | None
    files: int | None
    added: int | None
    removed: int | None
    phases: list[Document]
    problem: Document | None
    finished_at: datetime | None
    merged_commit: str | None


class Attempts(Scoped[AttemptRow]):
    kind = "attempt"
    table = attempts
    key = attempts.c.id
    project = attempts.c.project_id
    row = AttemptRow

    async def create(
        self,
        task_id: UUID,
        *,
        executor: str,
        state: AttemptState = AttemptState.QUEUED,
        attempt_id: UUID | None = None,
        branch: str | None = None,
        worktree: str | None = None,
        base_branch: str | None = None,
    ) -> AttemptRow:
        """The task's next attempt, as an editor. Raises NotFound, RoleTooSmall."""
        task = await Tasks(self._door).count_attempt(task_id)
        row = AttemptRow(
            id=attempt_id or new_id(),
            user_id=self._door.user_id,
            project_id=task.project_id,
            task_id=task_id,
            number=task.attempts,
            executor=executor,
            state=state,
            branch=branch,
            worktree=worktree,
            base_branch=base_branch,
            base_commit=None,
            head_commit=None,
            files=None,
            added=None,
            removed=None,
            phases=[],
            problem=None,
            created_at=self._door.clock.now(),
            finished_at=None,
            merged_commit=None,
        )
        await self._door.add(attempts, asdict(row))
        return row

    async def update(self, key: UUID, **changes: Unpack[AttemptChanges]) -> AttemptRow:
        """Change columns as an editor. Raises NotFound, RoleTooSmall."""
        return await self._rewrite(key, changes)

    async def transition(
        self, key: UUID, *, from_states: Collection[AttemptState], to: AttemptState, **changes: Unpack[AttemptChanges]
    ) -> AttemptRow | None:
        """Compare and set the state; None when the attempt was in none of `from_states`."""
        return await self._change(key, {"state": to, **changes}, from_states=from_states)

    async def list(self, task_id: UUID) -> list[AttemptRow]:
        """The attempts of a task, the latest first. Empty also for a task that is not yours."""
        statement = (
            select(*attempts.c)
            .where(attempts.c.task_id == task_id, is_member(attempts.c.project_id))
            .order_by(attempts.c.number.desc())
        )
        return [AttemptRow(*record) for record in await self._door.all(statement)]
