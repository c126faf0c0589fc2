"""Tasks: the cards of a board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from anyon.domain.attempt_start import AttemptStarter
from anyon.domain.events import EventBus, Topic
from anyon.domain.names import title_of
from anyon.domain.review import AttemptReview
from anyon.domain.workspaces import Place
from anyon.model import AttemptState, Role, TaskState
from anyon.store import AttemptRow, Store, TaskRow

_ENDED = frozenset({AttemptState.MERGED, AttemptState.DISCARDED})


@dataclass
class Tasks:
    store: Store
    bus: EventBus
    starter: AttemptStarter
    review: AttemptReview

    async def create(
        self,
        user_id: UUID,
        *,
        project_id: UUID,
        description: str,
        title: str | None,
        executor: str | None,
        start: bool,
    ) -> TaskRow:
        """A new card, and at once its first attempt unless `start` is false.

        Raises NotFound, RoleTooSmall, ExecutorUnknown, CredentialMissing, ProjectNotReady; then nothing was made.
        """
        if executor is not None:
            self.starter.executor(executor)
        job = None
        async with self.store.for_user(user_id) as session:
            task = await session.tasks.create(
                project_id=project_id,
                title=title or title_of(description),
                description=description,
                executor=executor,
                state=TaskState.IN_PROGRESS if start else TaskState.TODO,
            )
            await session.audit.append("task.created", task.id, project_id=project_id, detail={"number": task.number})
            if start:
                job = await self.starter.add(session, task, executor)
        if job is not None:
            self.starter.launch(job, fresh=True)
        self._publish(task)
        return task

    async def start(self, user_id: UUID, task_id: UUID, executor: str | None) -> AttemptRow:
        """Another attempt at the task; its card goes to *in progress*."""
        async with self.store.for_user(user_id) as session:
            task = await session.tasks.get(task_id)
            job = await self.starter.add(session, task, executor)
            if task.state is not TaskState.IN_PROGRESS:
                await session.tasks.transition(task_id, from_states={task.state}, to=TaskState.IN_PROGRESS)
        self.starter.launch(job, fresh=True)
        self._publish(task)
        return job.attempt

    async def change(self, user_id: UUID, task_id: UUID, changes: dict[str, Any]) -> TaskRow:
        """Change title, description, executor, or the card's column and place. Raises NotFound, RoleTooSmall."""
        if changes.get("executor") is not None:
            self.starter.executor(changes["executor"])
        wanted = changes.pop("state", None)
        async with self.store.for_user(user_id) as session:
            task = await session.tasks.update(task_id, **changes)
            if wanted is not None and wanted is not task.state:
                moved = await session.tasks.transition(
                    task_id, from_states={task.state}, to=wanted, position=changes.get("position")
                )
                task = moved or task
                await session.audit.append(
                    "task.moved", task.id, project_id=task.project_id, detail={"to": wanted.value}
                )
        self._publish(task)
        return task

    async def delete(self, user_id: UUID, task_id: UUID, *, force: bool) -> None:
        """Remove the card with its attempts and their worktrees.

        Raises NotFound, RoleTooSmall, AttemptUnfinished while one runs, WorkWouldBeLost unless `force`.
        """
        async with self.store.for_user(user_id, read_only=True) as session:
            task = await session.tasks.get(task_id, Role.EDITOR)
            project = await session.projects.get(task.project_id)
            rows = await session.attempts.list(task_id)
            executions = [execution for row in rows for execution in await session.executions.list(row.id)]
        place = Place(project.id, project.user_id)
        for attempt in rows:
            if attempt.state not in _ENDED:
                await self.review.discard(place, attempt, user_id, force=force)
        async with self.store.for_user(user_id) as session:
            await session.tasks.delete(task_id)
            await session.audit.append("task.deleted", task_id, project_id=project.id)
        self.bus.publish(Topic.TASK, project.id, task_id, deleted=True)
        await self.review.forget_logs(place, executions)

    def _publish(self, task: TaskRow) -> None:
        self.bus.publish(Topic.TASK, task.project_id, task.id)
