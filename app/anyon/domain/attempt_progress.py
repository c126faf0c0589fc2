"""What this process knows of attempts that are under way: phases, last lines, and who works on which."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from anyon.agent.answers import Execution
from anyon.clock import Clock
from anyon.domain.events import EventBus, Topic
from anyon.domain.phases import Phase, PhaseLog
from anyon.metrics import Metrics
from anyon.store import AttemptRow, ExecutionRow


class _Followed(NamedTuple):
    project_id: UUID
    attempt_id: UUID


@dataclass
class AttemptProgress:
    """Nothing here matters after a restart: rows and agents say it again."""

    clock: Clock
    bus: EventBus
    metrics: Metrics
    last_lines: dict[UUID, str] = field(default_factory=dict)
    phases: dict[UUID, PhaseLog] = field(default_factory=dict)
    ends: int = 0  # executions that ended, of all projects: it changes when there may be room for another
    _begun: set[UUID] = field(default_factory=set)  # executions
    _attempt_of: dict[UUID, _Followed] = field(default_factory=dict)
    _locks: defaultdict[UUID, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    def lock(self, attempt_id: UUID) -> asyncio.Lock:
        """Held by whoever starts or finishes the attempt."""
        return self._locks[attempt_id]

    def track(self, attempt: AttemptRow, execution: ExecutionRow) -> PhaseLog:
        """Begin to follow an attempt that is about to start."""
        phases = PhaseLog(
            self.clock, self.metrics, lambda: self.bus.publish(Topic.PROGRESS, attempt.project_id, attempt.id)
        )
        phases.begin(Phase.QUEUE)
        self.phases[attempt.id] = phases
        self.adopt(attempt, execution)
        return phases

    def adopt(self, attempt: AttemptRow, execution: ExecutionRow) -> None:
        """Follow the output of an attempt, whichever life of the service started it."""
        self._attempt_of[execution.id] = _Followed(attempt.project_id, attempt.id)

    def forget(self, attempt_id: UUID) -> None:
        """Drop what is only needed while an attempt lives."""
        self.last_lines.pop(attempt_id, None)
        self.phases.pop(attempt_id, None)
        self._locks.pop(attempt_id, None)
        for execution_id in [known for known, of in self._attempt_of.items() if of.attempt_id == attempt_id]:
            self._attempt_of.pop(execution_id)
            self._begun.discard(execution_id)

    def changed(self, attempt: AttemptRow, *, task: bool = False) -> None:
        """Tell those who watch; `task`: its card changed as well."""
        self.bus.publish(Topic.ATTEMPT, attempt.project_id, attempt.id)
        if task:
            self.bus.publish(Topic.TASK, attempt.project_id, attempt.task_id)

    def began(self, attempt: AttemptRow, execution: ExecutionRow) -> None:
        """The program runs; its row says so a moment later."""
        self._begun.add(execution.id)
        self.changed(attempt)

    def has_begun(self, execution: ExecutionRow) -> bool:
        """Whether this process started the program, and it is not settled yet."""
        return execution.id in self._begun

    def ended(self, project_id: UUID, attempt_id: UUID) -> None:
        """A program of the project runs no more."""
        self.ends += 1
        self.bus.publish(Topic.ATTEMPT, project_id, attempt_id)

    def first_byte(self, project_id: UUID, execution_id: UUID, record: Execution) -> None:
        """The agent reports on a running execution: if it has said something, the start is over."""
        attempt_id = self._find(project_id, execution_id)
        phases = self.phases.get(attempt_id) if attempt_id else None
        first, started = record.first_byte_at, record.started_at
        if phases is not None and first is not None and started is not None:
            phases.end_if(Phase.FIRST_BYTE, seconds=max(0.0, first - started))

    def line(self, project_id: UUID, execution_id: UUID, text: str) -> None:
        """The newest line of an execution's log."""
        attempt_id = self._find(project_id, execution_id)
        if attempt_id is not None:
            self.last_lines[attempt_id] = text
            self.bus.publish(Topic.LINE, project_id, attempt_id, text=text)

    def follows(self, project_id: UUID, execution_id: UUID) -> bool:
        """Whether it is an execution of this project and its end is awaited in this life of the service."""
        return self._find(project_id, execution_id) is not None

    def _find(self, project_id: UUID, execution_id: UUID) -> UUID | None:
        """The attempt of an execution; None when a workspace speaks of an execution that is not its own."""
        followed = self._attempt_of.get(execution_id)
        return followed.attempt_id if followed is not None and followed.project_id == project_id else None
