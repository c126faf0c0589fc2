"""Attempts that wait for room in their workspace, in the order in which they came."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from anyon.domain.attempt_progress import AttemptProgress
from anyon.domain.events import Event, Topic
from anyon.store import AttemptRow


@dataclass
class Turns:
    """One attempt of a project tries at a time, and only after an execution has ended."""

    progress: AttemptProgress
    _waiting: dict[UUID, list[UUID]] = field(default_factory=dict)

    def are_awaited(self, project_id: UUID) -> bool:
        """Whether somebody waits, so that who comes now must wait as well."""
        return project_id in self._waiting

    async def wait(self, attempt: AttemptRow, ends: int | None, is_wanted: Callable[[], Awaitable[bool]]) -> bool:
        """True once the attempt is the first and more than `ends` executions have ended; False if it is wanted no more.

        It keeps its place until `leave`. With `ends` None it is enough to be the first.
        """
        queue = self._waiting.setdefault(attempt.project_id, [])
        if attempt.id not in queue:
            queue.append(attempt.id)

        def matters(event: Event) -> bool:
            is_of_interest = event.subject == attempt.id or queue[0] == attempt.id
            return event.topic is Topic.ATTEMPT and event.project_id == attempt.project_id and is_of_interest

        while True:
            seen = self.progress.bus.sequence
            if not await is_wanted():
                return False
            if queue[0] == attempt.id and self.progress.ends != ends:
                return True
            await self.progress.bus.wait_until(seen, matters)

    def leave(self, attempt: AttemptRow) -> None:
        """Let the next one look."""
        queue = self._waiting.get(attempt.project_id, [])
        if attempt.id not in queue:
            return
        queue.remove(attempt.id)
        if not queue:
            del self._waiting[attempt.project_id]
        self.progress.changed(attempt)
