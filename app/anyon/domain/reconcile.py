"""On start: compare what the database thinks with what runs, and go on from there (X5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import structlog

from anyon.domain.attempts import Attempts
from anyon.domain.errors import ProjectNotReady
from anyon.domain.projects import Projects
from anyon.domain.workspaces import Place, Workspaces
from anyon.errors import AnyonError
from anyon.model import ProjectState
from anyon.runtime.protocol import RunningWorkspace, Runtime
from anyon.store import NotFound, ProjectRow, Store

_log = structlog.get_logger()

_PARALLEL = 10


@dataclass
class Reconciler:
    store: Store
    runtime: Runtime
    workspaces: Workspaces
    projects: Projects
    attempts: Attempts

    async def run(self) -> None:
        """Adopt what runs, mark what does not, stop what belongs to no project, resume what was interrupted."""
        running = {workspace.project_id: workspace for workspace in await self.runtime.list()}
        async with self.store.for_system(read_only=True) as session:
            rows = await session.workspaces()
            unsettled = await session.unsettled_projects()
            attempts = await session.unfinished_attempts()
            owners = {row.project_id: row.user_id for row in rows}
            for project_id in ({attempt.project_id for attempt in attempts} | running.keys()) - owners.keys():
                with suppress(NotFound):
                    owners[project_id] = await session.owner_of(project_id)
        slots = asyncio.Semaphore(_PARALLEL)
        known = {row.project_id for row in rows}

        async def settle(project_id: UUID) -> None:
            async with slots:
                step = self._settle(project_id, owners.get(project_id), running.get(project_id))
                await self._guarded("workspace", project_id, step)

        await asyncio.gather(*(settle(project_id) for project_id in known | running.keys()))
        for project in unsettled:
            await self._guarded("project", project.id, self._settle_project(project))
        going = {project.id for project in unsettled if project.state is ProjectState.DELETING}
        for attempt in attempts:
            owner = owners.get(attempt.project_id)
            if owner is not None and attempt.project_id not in going:  # else it goes with its project
                place = Place(attempt.project_id, owner)
                await self._guarded("attempt", attempt.id, self.attempts.resume(place, attempt))
        _log.info("reconciled", running=len(running), unsettled_projects=len(unsettled), attempts=len(attempts))

    async def _settle_project(self, project: ProjectRow) -> None:
        if project.state is ProjectState.CREATING:
            self.projects.begin(project)
        else:
            await self.projects.delete(project)

    @staticmethod
    async def _guarded(kind: str, subject: UUID, step: Awaitable[None]) -> None:
        """One thing that cannot be settled keeps nothing else from being settled, whatever is wrong with it."""
        try:
            await step
        except AnyonError as error:
            _log.warning("not reconciled", kind=kind, subject=str(subject), reason=error.describe())
        except Exception:  # noqa: BLE001 - logged
            _log.exception("not reconciled", kind=kind, subject=str(subject))

    async def _settle(self, project_id: UUID, owner: UUID | None, workspace: RunningWorkspace | None) -> None:
        if owner is None:
            _log.warning("a workspace without a project is stopped", project_id=str(project_id))
            await self.runtime.stop(project_id, self.workspaces.settings.stop_seconds)
        elif workspace is not None:
            with suppress(ProjectNotReady):  # it goes with its project
                await self.workspaces.adopt(Place(project_id, owner))
        else:
            await self.workspaces.mark_gone(Place(project_id, owner), "it was not running when the service started")
