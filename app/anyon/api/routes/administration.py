"""Administration: accounts, workspaces, and the sweep's dry run."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter

from anyon.api.schemas.account import LoginLinkView, ManagedUserView, NewUserBody, NewUserView, UserPatch
from anyon.api.schemas.base import Data, ListData, View
from anyon.api.security import AdminDep
from anyon.api.state import ServicesDep
from anyon.model import WorkspaceState

router = APIRouter(tags=["administration"])


class IdlePlanView(View):
    """What the next sweep would do with a workspace."""

    project_id: UUID
    state: WorkspaceState
    stop: bool
    quiet_seconds: float
    stops_at: datetime | None


class RunningWorkspaceView(View):
    project_id: UUID
    state: WorkspaceState
    started_at: datetime | None
    last_activity_at: datetime | None
    memory_bytes: int
    processes: int
    cpu_seconds: float
    disk_bytes: int


@router.get("/api/users")
async def list_users(services: ServicesDep, _admin: AdminDep) -> ListData[ManagedUserView]:
    """Every account."""
    async with services.store.for_system(read_only=True) as session:
        return ListData(data=[ManagedUserView.model_validate(user) for user in await session.users()])


@router.post("/api/users", status_code=201)
async def create_user(services: ServicesDep, admin: AdminDep, body: NewUserBody) -> Data[NewUserView]:
    """A new account with its first one-time login link."""
    user = await services.accounts.create(admin.user_id, email=body.email, name=body.name, role=body.role)
    link = await services.accounts.link(user.id, actor=admin.user_id)
    return Data(data=NewUserView(user=ManagedUserView.model_validate(user), link=LoginLinkView.model_validate(link)))


@router.post("/api/users/{user_id}/link", status_code=201)
async def create_link(services: ServicesDep, admin: AdminDep, user_id: UUID) -> Data[LoginLinkView]:
    """A new one-time login link for an account."""
    link = await services.accounts.link(user_id, actor=admin.user_id)
    return Data(data=LoginLinkView.model_validate(link))


@router.patch("/api/users/{user_id}")
async def change_user(services: ServicesDep, admin: AdminDep, user_id: UUID, body: UserPatch) -> Data[ManagedUserView]:
    """Disable or enable an account, or change its role."""
    user = await services.accounts.change(admin.user_id, user_id, disabled=body.disabled, role=body.role)
    services.revocations.announce()
    return Data(data=ManagedUserView.model_validate(user))


@router.get("/api/admin/idle-plan")
async def read_idle_plan(services: ServicesDep, _admin: AdminDep) -> ListData[IdlePlanView]:
    """What a sweep would do now, by what the database knows."""
    return ListData(
        data=[
            IdlePlanView(
                project_id=row.project_id,
                state=row.state,
                stop=verdict.stop,
                quiet_seconds=verdict.quiet_seconds,
                stops_at=verdict.stops_at,
            )
            for row, verdict in await services.sweeper.plan()
        ]
    )


@router.get("/api/admin/workspaces")
async def list_workspaces(services: ServicesDep, _admin: AdminDep) -> ListData[RunningWorkspaceView]:
    """Every workspace that is not stopped, with what it uses."""
    async with services.store.for_system(read_only=True) as session:
        rows = await session.workspaces()
    views = []
    for row in rows:
        stats = await services.runtime.stats(row.project_id)
        views.append(
            RunningWorkspaceView(
                project_id=row.project_id,
                state=row.state,
                started_at=row.started_at,
                last_activity_at=row.last_activity_at,
                memory_bytes=stats.memory_bytes,
                processes=stats.processes,
                cpu_seconds=stats.cpu_seconds,
                disk_bytes=stats.disk_bytes,
            )
        )
    return ListData(data=views)
