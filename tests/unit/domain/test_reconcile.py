"""After the service was killed: every attempt ends in its true state, whatever it was doing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from anyon.clock import ManualClock
from anyon.domain.workspaces import Place
from anyon.ids import new_id, new_token
from anyon.model import AttemptState, ExecutionState, ProjectState, WorkspaceState
from anyon.runtime.protocol import WorkspaceSpec
from anyon.settings import Settings
from anyon.store import ProjectRow, TaskRow
from tests.fixtures.product import open_services, remove_workspaces
from tests.unit.domain.conftest import World, somebody


class Lives:
    """One data folder under several lives of the service."""

    def __init__(self, settings: Settings, clock: ManualClock, template: Path) -> None:
        self.settings, self.clock, self.template = settings, clock, template

    @asynccontextmanager
    async def life(self) -> AsyncIterator[World]:
        async with open_services(self.settings, self.clock, self.template) as services:
            yield World(services, await somebody(services))


@pytest.fixture
async def lives(configured: Settings, clock: ManualClock, template: Path) -> AsyncIterator[Lives]:
    yield Lives(configured, clock, template)
    await remove_workspaces(configured)


async def put_back(world: World, task: TaskRow, attempt: AttemptState, execution: ExecutionState) -> None:
    """The rows as they were at the moment of a kill."""
    row = await world.latest(task)
    async with world.services.store.for_user(world.user_id) as session:
        await session.attempts.transition(
            row.id, from_states=frozenset(AttemptState), to=attempt, finished_at=None, problem=None
        )
        for known in await session.executions.list(row.id):
            await session.executions.transition(
                known.id, from_states=frozenset(ExecutionState), to=execution, exit_code=None, finished_at=None
            )


async def queued(world: World, project: ProjectRow, script: str) -> TaskRow:
    """A task whose attempt has its rows, and nothing else has happened."""
    async with world.services.store.for_user(world.user_id) as session:
        task = await session.tasks.create(project_id=project.id, title="Task", description=script)
        await world.services.starter.add(session, task, None)
    return task


async def log(world: World, task: TaskRow) -> bytes:
    attempt = await world.latest(task)
    async with world.services.store.for_user(world.user_id, read_only=True) as session:
        execution = (await session.executions.list(attempt.id))[0]
    client = await world.services.workspaces.ensure(Place(task.project_id, world.user_id))
    data = b""
    async with client.stream("execution.follow", id=str(execution.id), **{"from": 0}) as stream:
        async for item in stream:
            data += getattr(item, "data", b"")
    return data


async def test_what_was_queued_is_started(lives: Lives) -> None:
    async with lives.life() as world:
        task = await queued(world, await world.project(), "echo begun")
    async with lives.life() as world:
        await world.services.reconciler.run()
        assert (await world.attempt(task)).state is AttemptState.IN_REVIEW
        assert await log(world, task) == b"begun\n"


async def test_what_runs_goes_on_and_ends_as_it_would_have(lives: Lives) -> None:
    async with lives.life() as world:
        project = await world.project()
        task = await world.task(project, "echo one; until [ -e ~/go ]; do sleep 0.02; done; echo two; echo x > x")
        await world.attempt(task, AttemptState.RUNNING)
    async with lives.life() as world:
        await world.services.reconciler.run()
        assert (await world.workspace(project)).state is WorkspaceState.RUNNING
        assert (await world.latest(task)).state is AttemptState.RUNNING
        await world.attempt(await world.task(project, "touch ~/go"))
        ended = await world.attempt(task)
        assert (ended.state, ended.files) == (AttemptState.IN_REVIEW, 1)
        assert await log(world, task) == b"one\ntwo\n"


async def test_what_ended_while_nobody_listened_is_finished(lives: Lives) -> None:
    async with lives.life() as world:
        project = await world.project()
        task = await world.task(project, "echo x > x; exit 4")
        await world.attempt(task)
        await put_back(world, task, AttemptState.RUNNING, ExecutionState.RUNNING)
    async with lives.life() as world:
        await world.services.reconciler.run()
        ended = await world.attempt(task)
        assert ended.state is AttemptState.FAILED
        assert ended.problem is not None
        assert "exit status 4" in ended.problem["detail"]


@pytest.mark.parametrize(
    ("attempt", "execution"),
    [
        (AttemptState.STARTING, ExecutionState.QUEUED),
        (AttemptState.FINISHING, ExecutionState.EXITED),
        (AttemptState.QUEUED, ExecutionState.QUEUED),
    ],
    ids=str,
)
async def test_what_had_ended_at_any_step_of_the_way_is_taken_up_there(
    attempt: AttemptState, execution: ExecutionState, lives: Lives
) -> None:
    async with lives.life() as world:
        task = await world.task(await world.project(), "echo once; echo x >> x")
        await world.attempt(task)
        await put_back(world, task, attempt, execution)
    async with lives.life() as world:
        await world.services.reconciler.run()
        ended = await world.attempt(task)
        assert (ended.state, ended.files, ended.added) == (AttemptState.IN_REVIEW, 1, 1)
        assert await log(world, task) == b"once\n", "it ran a second time"


@pytest.mark.parametrize("known", [WorkspaceState.RUNNING, WorkspaceState.STOPPED], ids=str)
async def test_what_ran_in_a_workspace_that_is_gone_is_lost(known: WorkspaceState, lives: Lives) -> None:
    async with lives.life() as world:
        project = await world.project()
        task = await world.task(project, "sleep 600")
        await world.attempt(task, AttemptState.RUNNING)
    async with lives.life() as world:
        await world.services.runtime.stop(project.id, 0)
        async with world.services.store.for_user(world.user_id) as session:
            await session.workspaces.transition(project.id, from_states=frozenset(WorkspaceState), to=known)
        await world.services.reconciler.run()
        lost = await world.attempt(task)
        assert lost.state is AttemptState.FAILED
        assert lost.problem is not None
        assert lost.problem["code"] == "execution-lost"
        if known is WorkspaceState.RUNNING:
            row = await world.workspace(project)
            assert (row.state, row.stop_reason) == (
                WorkspaceState.STOPPED,
                "it was not running when the service started",
            )


async def test_an_import_that_was_cut_off_is_made_again(lives: Lives, tmp_path: Path) -> None:
    async with lives.life() as world, world.services.store.for_user(world.user_id) as session:
        made = await session.projects.create(name="Shop", slug="shop", source="")
    async with lives.life() as world:
        await world.services.reconciler.run()

        async def ready() -> bool | None:
            async with world.services.store.for_user(world.user_id, read_only=True) as session:
                return (await session.projects.get(made.id)).state is ProjectState.READY or None

        assert await world.until(ready)


async def test_a_deletion_that_was_cut_off_is_finished(lives: Lives) -> None:
    async with lives.life() as world:
        project = await world.project()
        async with world.services.store.for_user(world.user_id) as session:
            await session.projects.transition(project.id, from_states={ProjectState.READY}, to=ProjectState.DELETING)
    async with lives.life() as world:
        await world.services.reconciler.run()
        assert await world.services.runtime.list() == []
        async with world.services.store.for_user(world.user_id, read_only=True) as session:
            assert await session.projects.list() == []


async def test_a_workspace_of_no_project_is_stopped(lives: Lives) -> None:
    async with lives.life() as world:
        spec = WorkspaceSpec(new_id(), new_id(), None, new_id().hex, new_token())
        await world.services.runtime.ensure(spec)
        await world.services.reconciler.run()
        assert await world.services.runtime.list() == []
    shutil.rmtree(lives.settings.data_dir / "workspaces" / str(spec.project_id), ignore_errors=True)


async def test_one_attempt_that_cannot_be_settled_keeps_no_other_from_it(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lives.life() as world:
        project = await world.project()
        first, second = await queued(world, project, "true"), await queued(world, project, "true")
    async with lives.life() as world:
        refused = (await world.latest(first)).id
        resume = world.services.attempts.resume

        async def fails(place: Place, attempt: object) -> None:
            if getattr(attempt, "id", None) == refused:
                from anyon.domain.errors import ProjectNotReady

                raise ProjectNotReady(state="odd")
            await resume(place, attempt)  # type: ignore[arg-type] # a row

        monkeypatch.setattr(world.services.attempts, "resume", fails)
        await world.services.reconciler.run()
        assert (await world.attempt(second)).state is AttemptState.IN_REVIEW
        await asyncio.sleep(0)
