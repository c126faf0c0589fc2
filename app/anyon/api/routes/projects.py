"""Projects, their workspaces, idleness and files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from anyon.agent.answers import Content, Directory
from anyon.agent.filenames import meant
from anyon.api.schemas.base import Data, ListData
from anyon.api.schemas.projects import (
    DirectoryView,
    FileContentView,
    IdleView,
    LeaseView,
    NewProjectBody,
    PinBody,
    ProjectPatch,
    ProjectView,
    TaskCounts,
    WorkspaceView,
)
from anyon.api.security import CallerDep
from anyon.api.state import ServicesDep
from anyon.auth import UserContext
from anyon.composition import Services
from anyon.domain.events import Topic
from anyon.domain.workspaces import Place
from anyon.model import Role, TaskState
from anyon.store import ProjectEntry

router = APIRouter(prefix="/api/projects", tags=["projects"])

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)

Path_ = Annotated[str, Query(max_length=4096, pattern=r"^[^\x00]*$", description="Relative to the working copy.")]


def project_view(entry: ProjectEntry, counts: dict[TaskState, int]) -> ProjectView:
    tally = TaskCounts(**{state.value: number for state, number in counts.items()})
    return ProjectView(
        **{name: getattr(entry.project, name) for name in _PROJECT_FIELDS},
        role=entry.role,
        workspace=WorkspaceView.model_validate(entry.workspace),
        counts=tally,
        needs_me=tally.in_review,
    )


_PROJECT_FIELDS = (
    "id",
    "name",
    "slug",
    "source",
    "state",
    "problem",
    "default_branch",
    "default_executor",
    "created_at",
)


async def load_project(services: Services, user_id: UUID, project_id: UUID) -> ProjectView:
    async with services.store.for_user(user_id, read_only=True) as session:
        entry = await session.projects.entry(project_id)
        counts = await session.projects.task_counts(project_id)
    return project_view(entry, counts.get(project_id, {}))


async def place_of(services: Services, caller: UserContext, project_id: UUID, role: Role) -> Place:
    """Where the project's workspace is, for a member with at least `role`."""
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        project = await session.projects.get(project_id, role)
    return Place(project.id, project.user_id)


@router.get("")
async def list_projects(services: ServicesDep, caller: CallerDep) -> ListData[ProjectView]:
    """Every project of which you are a member, by name."""
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        entries = await session.projects.list()
        counts = await session.projects.task_counts()
    return ListData(data=[project_view(entry, counts.get(entry.project.id, {})) for entry in entries])


@router.post("", status_code=201)
async def create_project(services: ServicesDep, caller: CallerDep, body: NewProjectBody) -> Data[ProjectView]:
    """Create a project from a git address, a folder below an import root, or nothing. The import goes on afterwards."""
    if body.default_executor is not None:
        services.starter.executor(body.default_executor)
    project = await services.projects.create(
        caller.user_id, name=body.name, source=body.git_repo_path, default_executor=body.default_executor
    )
    return Data(data=await load_project(services, caller.user_id, project.id))


@router.get("/{project_id}")
async def read_project(services: ServicesDep, caller: CallerDep, project_id: UUID) -> Data[ProjectView]:
    return Data(data=await load_project(services, caller.user_id, project_id))


@router.patch("/{project_id}")
async def change_project(
    services: ServicesDep, caller: CallerDep, project_id: UUID, body: ProjectPatch
) -> Data[ProjectView]:
    """Change name or default executor, or what a failed import imports; a null executor means the service's default."""
    changes = {name: getattr(body, name) for name in body.model_fields_set - {"git_repo_path"}}
    if changes.get("name", "") is None:
        changes.pop("name")
    if changes.get("default_executor") is not None:
        services.starter.executor(changes["default_executor"])
    if body.git_repo_path is not None:
        await services.projects.readdress(caller.user_id, project_id, body.git_repo_path)
    if changes:
        async with services.store.for_user(caller.user_id) as session:
            await session.projects.update(project_id, **changes)
            await session.audit.append("project.changed", project_id, project_id=project_id, detail=changes)
        services.bus.publish(Topic.PROJECT, project_id, project_id)
    return Data(data=await load_project(services, caller.user_id, project_id))


@router.delete("/{project_id}", status_code=204)
async def delete_project(services: ServicesDep, caller: CallerDep, project_id: UUID) -> Response:
    """Stop its workspace and delete it with its tasks and files. This cannot be undone."""
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        project = await session.projects.get(project_id, Role.OWNER)
    await services.projects.delete(project, caller.user_id)
    return Response(status_code=204)


@router.post("/{project_id}/retry")
async def retry_import(services: ServicesDep, caller: CallerDep, project_id: UUID) -> Data[ProjectView]:
    """Try a failed import again."""
    await services.projects.retry(caller.user_id, project_id)
    return Data(data=await load_project(services, caller.user_id, project_id))


@router.post("/{project_id}/workspace/start")
async def start_workspace(services: ServicesDep, caller: CallerDep, project_id: UUID) -> Data[WorkspaceView]:
    """Start the workspace now instead of at the next use."""
    place = await place_of(services, caller, project_id, Role.EDITOR)
    if services.workspaces.connected(project_id) is None:
        await services.workspaces.ensure(place)
        async with services.store.for_user(caller.user_id) as session:
            await session.audit.append("workspace.started", project_id, project_id=project_id)
    return await _workspace(services, caller, project_id)


@router.post("/{project_id}/workspace/stop")
async def stop_workspace(services: ServicesDep, caller: CallerDep, project_id: UUID) -> Data[WorkspaceView]:
    """Stop the workspace now; what runs in it ends. One that is stopped already stays as it is."""
    place = await place_of(services, caller, project_id, Role.EDITOR)
    reason = f"stopped by {caller.email}"
    if await services.workspaces.stop(place, reason):
        async with services.store.for_user(caller.user_id) as session:
            await session.audit.append(
                "workspace.stopped", project_id, project_id=project_id, detail={"reason": reason}
            )
    return await _workspace(services, caller, project_id)


async def _workspace(services: Services, caller: UserContext, project_id: UUID) -> Data[WorkspaceView]:
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        return Data(data=WorkspaceView.model_validate(await session.workspaces.get(project_id)))


@router.get("/{project_id}/idle")
async def read_idleness(services: ServicesDep, caller: CallerDep, project_id: UUID) -> Data[IdleView]:
    """What keeps the workspace awake, and when it stops. Asking does not count as use."""
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        row = await session.workspaces.get(project_id)
    report = await services.sweeper.report(row)
    verdict = report.verdict
    return Data(
        data=IdleView(
            state=report.state,
            idle_seconds=services.settings.idle_seconds,
            quiet_seconds=verdict.quiet_seconds if verdict else 0.0,
            stops_at=verdict.stops_at if verdict else None,
            last_activity_at=report.last_activity_at,
            kept_awake_by=[LeaseView.model_validate(lease) for lease in verdict.kept_awake_by] if verdict else [],
        )
    )


@router.put("/{project_id}/pin")
async def pin(services: ServicesDep, caller: CallerDep, project_id: UUID, body: PinBody) -> Data[WorkspaceView]:
    """Keep the workspace awake for so many hours, or until it is unpinned."""
    until = FOREVER if body.hours is None else services.clock.now() + timedelta(hours=body.hours)
    return await _set_pin(services, caller, project_id, until)


@router.delete("/{project_id}/pin")
async def unpin(services: ServicesDep, caller: CallerDep, project_id: UUID) -> Data[WorkspaceView]:
    """Let the workspace stop when it is idle."""
    return await _set_pin(services, caller, project_id, None)


async def _set_pin(
    services: Services, caller: UserContext, project_id: UUID, until: datetime | None
) -> Data[WorkspaceView]:
    async with services.store.for_user(caller.user_id) as session:
        row = await session.workspaces.update(project_id, pinned_until=until)
        action = "workspace.pinned" if until else "workspace.unpinned"
        await session.audit.append(action, project_id, project_id=project_id)
    services.bus.publish(Topic.WORKSPACE, project_id, project_id)
    return Data(data=WorkspaceView.model_validate(row))


@router.get("/{project_id}/files")
async def list_files(
    services: ServicesDep, caller: CallerDep, project_id: UUID, path: Path_ = "."
) -> Data[DirectoryView]:
    """The entries of a folder of the working copy."""
    client = await services.workspaces.ensure(await place_of(services, caller, project_id, Role.VIEWER))
    return Data(data=DirectoryView.model_validate(Directory.parse(await client.call("files.list", path=meant(path)))))


@router.get("/{project_id}/files/content")
async def read_file(services: ServicesDep, caller: CallerDep, project_id: UUID, path: Path_) -> Data[FileContentView]:
    """The first 512 KiB of a file of the working copy."""
    client = await services.workspaces.ensure(await place_of(services, caller, project_id, Role.VIEWER))
    content = Content.parse(await client.call("files.read", path=meant(path), limit=524_288, **{"from": 0}))
    return Data(data=FileContentView.model_validate(content))
