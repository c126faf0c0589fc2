"""Attempts that are under way: cancel one, wait for one, take up what a killed control plane left.

`attempt_start` brings an attempt to its first byte, `attempt_finish` from the end of its program to the review; what
people decide then is in `review`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import UUID

from anyon.clock import Clock
from anyon.domain.attempt_finish import AttemptFinisher
from anyon.domain.attempt_progress import AttemptProgress
from anyon.domain.attempt_rows import AttemptRows
from anyon.domain.attempt_start import LIVE_EXECUTION, AttemptStarter, Job
from anyon.domain.background import Background
from anyon.domain.errors import ExecutionLost
from anyon.domain.events import Topic
from anyon.domain.machines import AttemptEvent
from anyon.domain.workspaces import Place, Workspaces, problem_of
from anyon.model import AttemptState, ExecutionState
from anyon.store import AttemptRow, ExecutionRow, Store


@dataclass
class Attempts:
    store: Store
    rows: AttemptRows
    progress: AttemptProgress
    starter: AttemptStarter
    finisher: AttemptFinisher
    workspaces: Workspaces
    clock: Clock
    background: Background

    async def resume(self, place: Place, attempt: AttemptRow) -> None:
        """Take up an attempt that the control plane left when it was killed; not one that this process has started."""
        async with self.store.for_user(place.owner_id, read_only=True) as session:
            executions = await session.executions.list(attempt.id)
            task = await session.tasks.get(attempt.task_id)
        if not executions:
            await self._give_up(place, attempt)
            return
        execution = executions[0]
        if self.progress.follows(place.project_id, execution.id):
            return
        self.progress.adopt(attempt, execution)
        if attempt.state in (AttemptState.QUEUED, AttemptState.STARTING):
            launched = self.starter.launch(Job(attempt, execution, place, task.description))
            self.background.persist(f"check {execution.id}", lambda: self._check_once(launched, place, execution))
        elif (
            attempt.state is AttemptState.FINISHING
            or execution.state is not ExecutionState.RUNNING
            or self.workspaces.connected(place.project_id) is None  # else the agent's snapshot tells
        ):
            self.finisher.finish_later(place, execution)

    async def _give_up(self, place: Place, attempt: AttemptRow) -> None:
        """Nothing can be found out about an attempt that has no execution."""
        async with self.store.for_user(place.owner_id) as session:
            await self.rows.settle(session, attempt.id, AttemptEvent.FAIL, problem=problem_of(ExecutionLost()))
        self.progress.changed(attempt, task=True)

    async def _check_once(self, launched: asyncio.Task[None], place: Place, execution: ExecutionRow) -> None:
        """The program may have been started, and have ended, before this life of the service began to listen."""
        await launched
        async with self.store.for_user(place.owner_id, read_only=True) as session:
            execution = await session.executions.get(execution.id)
        if execution.state is ExecutionState.RUNNING:
            await self.finisher.look_and_finish(place, execution)

    async def wait_for_log(self, place: Place, execution: ExecutionRow) -> bool:
        """True once the execution has a log; False when it ended before its program began."""
        begun = await self._wait_while({ExecutionState.QUEUED}, place, execution, self.progress.has_begun)
        return begun.state is not ExecutionState.FAILED

    async def wait_for_end(self, place: Place, execution: ExecutionRow) -> ExecutionRow:
        """The execution, once it is over."""
        return await self._wait_while(LIVE_EXECUTION, place, execution)

    async def _wait_while(
        self,
        states: Collection[ExecutionState],
        place: Place,
        execution: ExecutionRow,
        is_over: Callable[[ExecutionRow], bool] = lambda _: False,
    ) -> ExecutionRow:
        while execution.state in states and not is_over(execution):
            seen = self.progress.bus.sequence
            async with self.store.for_user(place.owner_id, read_only=True) as session:
                execution = await session.executions.get(execution.id)
            if execution.state in states:  # it may also go, with its project
                attempt, project = (Topic.ATTEMPT, execution.attempt_id), (Topic.PROJECT, execution.project_id)
                await self.progress.bus.wait_for(seen, attempt, project)
        return execution

    async def cancel(self, place: Place, attempt: AttemptRow, by: UUID) -> None:
        """End the attempt's whole process tree; what it made is committed. Idempotent."""
        async with self.store.for_user(by) as session:
            cancelled = await session.attempts.transition(
                attempt.id,
                from_states={AttemptState.QUEUED, AttemptState.STARTING},
                to=AttemptState.CANCELLED,
                finished_at=self.clock.now(),
            )
            executions = await session.executions.list(attempt.id)
            for execution in executions:
                if execution.state in LIVE_EXECUTION:
                    await session.executions.update(execution.id, stopped=True)
                if cancelled is not None:  # what never ran must not keep the workspace awake
                    await session.executions.transition(
                        execution.id,
                        from_states={ExecutionState.QUEUED},
                        to=ExecutionState.FAILED,
                        finished_at=self.clock.now(),
                    )
            if cancelled is not None:
                await self.rows.move_card(session, cancelled)
                await session.audit.append("attempt.cancelled", attempt.id, project_id=place.project_id)
            elif any(execution.state in LIVE_EXECUTION and not execution.stopped for execution in executions):
                await session.audit.append("attempt.stopped", attempt.id, project_id=place.project_id)
        self.progress.changed(attempt, task=True)
        client = self.workspaces.connected(place.project_id)
        if client is None and cancelled is None and attempt.state is AttemptState.RUNNING:
            client = await self.workspaces.ensure(place)
        for execution in executions if client else ():
            if execution.state in LIVE_EXECUTION:
                await self.starter.stop_execution(client, execution.id)
