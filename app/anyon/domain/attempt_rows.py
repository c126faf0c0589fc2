"""How the rows of attempts change: by the state machine, with the task's card and the audit log behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from anyon.clock import Clock
from anyon.domain.errors import AttemptDiscarded, AttemptMerged, AttemptNeverStarted, AttemptWithoutWorktree
from anyon.domain.machines import ATTEMPT, TASK_AFTER, AttemptEvent, sources, target
from anyon.domain.workspaces import Place
from anyon.model import AttemptState
from anyon.store import AttemptRow, Store, UserSession


def check_decided(attempt: AttemptRow) -> None:
    """Raises AttemptMerged, AttemptDiscarded."""
    if attempt.state is AttemptState.MERGED:
        raise AttemptMerged(number=attempt.number, base_branch=attempt.base_branch)
    if attempt.state is AttemptState.DISCARDED:
        raise AttemptDiscarded(number=attempt.number)


def check_worktree(attempt: AttemptRow) -> None:
    """That there is one. Raises AttemptMerged, AttemptDiscarded, AttemptWithoutWorktree, AttemptNeverStarted."""
    check_decided(attempt)
    if attempt.base_commit is None:
        live = attempt.state not in sources(ATTEMPT, AttemptEvent.DISCARD)
        error = AttemptWithoutWorktree if live else AttemptNeverStarted
        raise error(number=attempt.number, state=attempt.state.value)


@dataclass
class AttemptRows:
    store: Store
    clock: Clock

    async def get(self, place: Place, attempt_id: UUID) -> AttemptRow:
        """Raises NotFound."""
        async with self.store.for_user(place.owner_id, read_only=True) as session:
            return await session.attempts.get(attempt_id)

    async def move(self, place: Place, attempt_id: UUID, event: AttemptEvent) -> AttemptRow | None:
        """Apply `event`; None when the attempt is in a state that does not know it."""
        async with self.store.for_user(place.owner_id) as session:
            return await session.attempts.transition(
                attempt_id, from_states=sources(ATTEMPT, event), to=target(ATTEMPT, event)
            )

    async def settle(
        self, session: UserSession, attempt_id: UUID, event: AttemptEvent, **fields: Any
    ) -> AttemptRow | None:
        """Move the attempt to its end and its task's card with it, if it is the task's newest."""
        to = target(ATTEMPT, event)
        attempt = await session.attempts.transition(
            attempt_id, from_states=sources(ATTEMPT, event), to=to, finished_at=self.clock.now(), **fields
        )
        if attempt is None:
            return None
        await self.move_card(session, attempt)
        await session.audit.append(
            f"attempt.{to.value}", attempt.id, project_id=attempt.project_id, detail={"task": str(attempt.task_id)}
        )
        return attempt

    async def move_card(self, session: UserSession, attempt: AttemptRow) -> None:
        """Put the task's card where its newest attempt says; an older attempt moves nothing."""
        task = await session.tasks.get(attempt.task_id)
        wanted = TASK_AFTER[attempt.state]
        if task.attempts == attempt.number and task.state is not wanted:
            await session.tasks.transition(task.id, from_states={task.state}, to=wanted)
