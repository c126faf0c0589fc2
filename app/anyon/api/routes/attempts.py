"""One attempt: its state, its diff, and what people decide about it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from anyon.api.schemas.base import Data
from anyon.api.schemas.tasks import AttemptView, DiffView, DiscardBody, MergeBody, PatchView, WorkView
from anyon.api.security import CallerDep
from anyon.api.state import ServicesDep
from anyon.api.views import attempt_view
from anyon.auth import UserContext
from anyon.composition import Services
from anyon.domain.review import Author
from anyon.domain.workspaces import Place
from anyon.model import Role
from anyon.store import AttemptRow, TaskRow

router = APIRouter(prefix="/api/attempts", tags=["attempts"])


def author_of(caller: UserContext) -> Author:
    return Author(caller.user_id, caller.name, caller.email)


async def load_attempt(services: Services, user_id: UUID, attempt_id: UUID) -> AttemptView:
    async with services.store.for_user(user_id, read_only=True) as session:
        row = await session.attempts.get(attempt_id)
        executions = await session.executions.list(attempt_id)
    return attempt_view(services, row, executions[0] if executions else None)


async def _find(
    services: Services, caller: UserContext, attempt_id: UUID, role: Role
) -> tuple[Place, AttemptRow, TaskRow]:
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        attempt = await session.attempts.get(attempt_id, role)
        task = await session.tasks.get(attempt.task_id)
        project = await session.projects.get(attempt.project_id)
    return Place(project.id, project.user_id), attempt, task


@router.get("/{attempt_id}")
async def read_attempt(services: ServicesDep, caller: CallerDep, attempt_id: UUID) -> Data[AttemptView]:
    return Data(data=await load_attempt(services, caller.user_id, attempt_id))


@router.post("/{attempt_id}/cancel")
async def cancel_attempt(services: ServicesDep, caller: CallerDep, attempt_id: UUID) -> Data[AttemptView]:
    """End its whole process tree. What it made so far is committed."""
    place, attempt, _ = await _find(services, caller, attempt_id, Role.EDITOR)
    await services.attempts.cancel(place, attempt, caller.user_id)
    return Data(data=await load_attempt(services, caller.user_id, attempt_id))


@router.post("/{attempt_id}/merge")
async def merge_attempt(
    services: ServicesDep, caller: CallerDep, attempt_id: UUID, body: MergeBody
) -> Data[AttemptView]:
    """Merge its branch into the branch it came from. A conflict names the files and touches nothing."""
    place, attempt, task = await _find(services, caller, attempt_id, Role.EDITOR)
    await services.review.merge(place, attempt, task, author_of(caller), body.message)
    return Data(data=await load_attempt(services, caller.user_id, attempt_id))


@router.post("/{attempt_id}/rebase")
async def rebase_attempt(services: ServicesDep, caller: CallerDep, attempt_id: UUID) -> Data[AttemptView]:
    """Put its commits on top of the present state of the branch it came from."""
    place, attempt, task = await _find(services, caller, attempt_id, Role.EDITOR)
    await services.review.rebase(place, attempt, task, author_of(caller))
    return Data(data=await load_attempt(services, caller.user_id, attempt_id))


@router.post("/{attempt_id}/discard")
async def discard_attempt(
    services: ServicesDep, caller: CallerDep, attempt_id: UUID, body: DiscardBody
) -> Data[AttemptView]:
    """Remove its worktree and branch; refused with numbers when work would be lost, unless `force`."""
    place, attempt, _ = await _find(services, caller, attempt_id, Role.EDITOR)
    await services.review.discard(place, attempt, caller.user_id, force=body.force)
    return Data(data=await load_attempt(services, caller.user_id, attempt_id))


@router.post("/{attempt_id}/retry", status_code=201)
async def retry_attempt(services: ServicesDep, caller: CallerDep, attempt_id: UUID) -> Data[AttemptView]:
    """Start a new attempt at the same task with the same executor."""
    _, attempt, _ = await _find(services, caller, attempt_id, Role.EDITOR)
    row = await services.tasks.start(caller.user_id, attempt.task_id, attempt.executor)
    return Data(data=await load_attempt(services, caller.user_id, row.id))


@router.get("/{attempt_id}/diff")
async def read_diff(services: ServicesDep, caller: CallerDep, attempt_id: UUID) -> Data[DiffView]:
    """Which files it changed, with their counts of lines; at most 2,000 files."""
    place, attempt, _ = await _find(services, caller, attempt_id, Role.VIEWER)
    return Data(data=DiffView.model_validate(await services.review.diff(place, attempt)))


@router.get("/{attempt_id}/diff/file")
async def read_patch(
    services: ServicesDep,
    caller: CallerDep,
    attempt_id: UUID,
    path: Annotated[str, Query(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")],
) -> Data[PatchView]:
    """The patch of one file, at most 512 KiB of it."""
    place, attempt, _ = await _find(services, caller, attempt_id, Role.VIEWER)
    return Data(data=PatchView.model_validate(await services.review.diff_file(place, attempt, path)))


@router.get("/{attempt_id}/work")
async def read_work(services: ServicesDep, caller: CallerDep, attempt_id: UUID) -> Data[WorkView]:
    """What a discard would lose."""
    place, attempt, _ = await _find(services, caller, attempt_id, Role.VIEWER)
    return Data(data=WorkView.model_validate(await services.review.work(place, attempt)))
