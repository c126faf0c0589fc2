"""The product's services with a clock that tests move, on a data folder of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import pytest

from anyon.clock import ManualClock
from anyon.composition import Services
from anyon.domain.attempt_start import Job
from anyon.domain.workspaces import Place
from anyon.model import AttemptState, ProjectState, UserRole
from anyon.settings import Settings
from anyon.store import AttemptRow, ProjectRow, TaskRow, WorkspaceRow
from tests.fixtures.product import PATIENCE, migrated_database, open_services, remove_workspaces

Found = TypeVar("Found")
RESTING = frozenset(AttemptState) - {
    AttemptState.QUEUED,
    AttemptState.STARTING,
    AttemptState.RUNNING,
    AttemptState.FINISHING,
}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrated_database(tmp_path_factory.mktemp("template"))


@pytest.fixture
def clock() -> ManualClock:
    """Begins now, since agents run by the machine's clock."""
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def configured(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", allow_unisolated_accounts=True, stop_seconds=1)


@dataclass
class World:
    """The services and one account in them."""

    services: Services
    user_id: UUID

    async def until(self, probe: Callable[[], Awaitable[Found | None]]) -> Found:
        """What `probe` gives once it gives something; it is asked again after every event."""
        bus = self.services.bus
        async with asyncio.timeout(PATIENCE):
            seen = bus.sequence
            while (found := await probe()) is None:
                async for _ in bus.after(seen):
                    break
                seen = bus.sequence
        return found

    async def project(self, source: str = "") -> ProjectRow:
        """A project whose import has ended."""
        made = await self.services.projects.create(self.user_id, name="Shop", source=source, default_executor=None)

        async def probe() -> ProjectRow | None:
            async with self.services.store.for_user(self.user_id, read_only=True) as session:
                project = await session.projects.get(made.id)
            return None if project.state is ProjectState.CREATING else project

        return await self.until(probe)

    async def task(self, project: ProjectRow, script: str, *, start: bool = True) -> TaskRow:
        return await self.services.tasks.create(
            self.user_id, project_id=project.id, description=script, title=None, executor=None, start=start
        )

    async def latest(self, task: TaskRow) -> AttemptRow:
        async with self.services.store.for_user(self.user_id, read_only=True) as session:
            return (await session.attempts.list(task.id))[0]

    async def attempt(self, task: TaskRow, *states: AttemptState) -> AttemptRow:
        """The task's latest attempt once it is in one of `states` (by default: at rest)."""

        async def probe() -> AttemptRow | None:
            attempt = await self.latest(task)
            return attempt if attempt.state in (states or RESTING) else None

        return await self.until(probe)

    async def workspace(self, project: ProjectRow) -> WorkspaceRow:
        async with self.services.store.for_user(self.user_id, read_only=True) as session:
            return await session.workspaces.get(project.id)

    async def job(self, project: ProjectRow, task: TaskRow, attempt: AttemptRow) -> Job:
        async with self.services.store.for_user(self.user_id, read_only=True) as session:
            execution = (await session.executions.list(attempt.id))[0]
        return Job(attempt, execution, Place(project.id, project.user_id), task.description)


async def somebody(services: Services) -> UUID:
    async with services.store.for_system(read_only=True) as session:
        users = await session.users()
    if users:
        return users[0].id
    made = await services.accounts.create(None, email="ann@example.org", name="Ann", role=UserRole.ADMIN)
    return made.id


@pytest.fixture
async def world(configured: Settings, clock: ManualClock, template: Path) -> AsyncIterator[World]:
    async with open_services(configured, clock, template) as services:
        yield World(services, await somebody(services))
    await remove_workspaces(configured)
