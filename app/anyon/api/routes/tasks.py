"""Tasks and their attempts."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from anyon.api.schemas.base import Data, ListData
from anyon.api.schemas.tasks import AttemptView, NewAttemptBody, NewTaskBody, TaskPatch, TaskView
from anyon.api.security import CallerDep
from anyon.api.state import ServicesDep
from anyon.api.views import attempt_view, task_view
from anyon.composition import Services
from anyon.domain.errors import ValueRefused
from anyon.model import TaskState
from anyon.store import TaskCursor

router = APIRouter(prefix="/api/tasks", tags=["tasks"])

PAGE = 200


async def load_task(services: Services, user_id: UUID, task_id: UUID) -> TaskView:
    async with services.store.for_user(user_id, read_only=True) as session:
        return task_view(services, await session.tasks.entry(task_id))


@router.get("")
async def list_tasks(
    services: ServicesDep,
    caller: CallerDep,
    project_id: UUID,
    state: TaskState | None = None,
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> ListData[TaskView]:
    """A page of a project's tasks in the order of the board."""
    cursor = _cursor(after) if after else None
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        entries = await session.tasks.list(project_id, state=state, after=cursor, limit=limit)
    following = _text(TaskCursor.of(entries[-1].task)) if len(entries) == limit else None
    return ListData(data=[task_view(services, entry) for entry in entries], next=following)


@router.post("", status_code=201)
async def create_task(services: ServicesDep, caller: CallerDep, body: NewTaskBody) -> Data[TaskView]:
    """A new task; an attempt at it starts at once unless `start` is false."""
    task = await services.tasks.create(
        caller.user_id,
        project_id=body.project_id,
        description=body.description,
        title=body.title,
        executor=body.executor,
        start=body.start,
    )
    return Data(data=await load_task(services, caller.user_id, task.id))


@router.get("/{task_id}")
async def read_task(services: ServicesDep, caller: CallerDep, task_id: UUID) -> Data[TaskView]:
    return Data(data=await load_task(services, caller.user_id, task_id))


@router.patch("/{task_id}")
async def change_task(services: ServicesDep, caller: CallerDep, task_id: UUID, body: TaskPatch) -> Data[TaskView]:
    """Change its words or executor, or move its card."""
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    changes = {name: value for name, value in changes.items() if value is not None or name == "executor"}
    await services.tasks.change(caller.user_id, task_id, changes)
    return Data(data=await load_task(services, caller.user_id, task_id))


@router.delete("/{task_id}", status_code=204)
async def delete_task(
    services: ServicesDep,
    caller: CallerDep,
    task_id: UUID,
    force: Annotated[bool, Query(description="Also when work is lost.")] = False,
) -> Response:
    """Delete the task with its attempts and their worktrees."""
    await services.tasks.delete(caller.user_id, task_id, force=force)
    return Response(status_code=204)


@router.get("/{task_id}/attempts")
async def list_attempts(services: ServicesDep, caller: CallerDep, task_id: UUID) -> ListData[AttemptView]:
    """Its attempts, the latest first."""
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        await session.tasks.get(task_id)
        rows = await session.attempts.list(task_id)
        executions = [await session.executions.list(row.id) for row in rows]
    return ListData(
        data=[
            attempt_view(services, row, latest[0] if latest else None)
            for row, latest in zip(rows, executions, strict=True)
        ]
    )


@router.post("/{task_id}/attempts", status_code=201)
async def start_attempt(
    services: ServicesDep, caller: CallerDep, task_id: UUID, body: NewAttemptBody
) -> Data[AttemptView]:
    """Start another attempt."""
    row = await services.tasks.start(caller.user_id, task_id, body.executor)
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        row = await session.attempts.get(row.id)
        executions = await session.executions.list(row.id)
    return Data(data=attempt_view(services, row, executions[0] if executions else None))


def _text(cursor: TaskCursor) -> str:
    return base64.urlsafe_b64encode(json.dumps([cursor.state.value, cursor.position, cursor.number]).encode()).decode()


def _cursor(text: str) -> TaskCursor:
    try:
        state, position, number = json.loads(base64.urlsafe_b64decode(text.encode()))
        if isinstance(position, (int, float)) and isinstance(number, int) and 0 <= number < 2**31:
            return TaskCursor(TaskState(state), float(position), number)
    except (ValueError, TypeError, binascii.Error, UnicodeError):
        pass
    raise ValueRefused(field="after", reason="it is no cursor of this list.", fix="Pass `next` of the page before.")
