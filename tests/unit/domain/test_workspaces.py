"""Workspaces: one per project however many ask, found again, and ended with a reason."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from anyon.clock import ManualClock
from anyon.domain.errors import ProjectNotReady
from anyon.domain.workspaces import Place
from anyon.model import AttemptState, ProjectState, WorkspaceState
from anyon.runtime.errors import StartFailed
from anyon.runtime.protocol import WorkspaceSpec
from anyon.settings import Settings
from anyon.store import NotFound
from tests.fixtures.product import open_services
from tests.unit.domain.conftest import World


async def test_racing_uses_make_one_workspace(world: World) -> None:
    project = await world.project()
    place = Place(project.id, project.user_id)
    await world.services.workspaces.stop(place, "asked")
    clients = await asyncio.gather(*(world.services.workspaces.ensure(place) for _ in range(10)))
    assert len({id(client) for client in clients}) == 1
    assert len(await world.services.runtime.list()) == 1


async def test_two_services_on_one_folder_share_the_workspace(
    world: World, configured: Settings, clock: ManualClock, template: Path
) -> None:
    project = await world.project()
    async with open_services(configured, clock, template) as other:
        client = await other.workspaces.ensure(Place(project.id, project.user_id))
        mine = world.services.workspaces.connected(project.id)
        assert mine is not None
        assert client.generation == mine.generation


async def test_a_start_that_fails_is_told_in_the_row_and_the_next_use_tries_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await world.project()
    place = Place(project.id, project.user_id)
    await world.services.workspaces.stop(place, "asked")
    with monkeypatch.context() as patched:

        async def fails(spec: WorkspaceSpec) -> None:
            raise StartFailed(output="no space left on device")

        patched.setattr(world.services.runtime, "ensure", fails)
        attempt = await world.attempt(await world.task(project, "true"))
        assert attempt.state is AttemptState.FAILED
        assert attempt.problem is not None
        assert "no space left" in attempt.problem["detail"]
        row = await world.workspace(project)
        assert row.state is WorkspaceState.FAILED
        assert row.problem is not None
        assert row.problem["code"] == "workspace-start-failed"
    await world.services.workspaces.ensure(place)
    assert (await world.workspace(project)).problem is None


async def test_a_lost_connection_is_made_again_and_nothing_ends(world: World) -> None:
    project = await world.project()
    task = await world.task(project, "until [ -e ~/go ]; do sleep 0.02; done; echo done")
    await world.attempt(task, AttemptState.RUNNING)
    lost = world.services.workspaces.connected(project.id)
    assert lost is not None
    await lost.close()

    await world.attempt(await world.task(project, "touch ~/go"))
    assert (await world.attempt(task)).state is AttemptState.IN_REVIEW
    assert world.services.workspaces.connected(project.id) not in {None, lost}
    assert (await world.workspace(project)).state is WorkspaceState.RUNNING


@pytest.mark.parametrize("gone", [False, True], ids=["being deleted", "deleted"])
async def test_a_workspace_that_a_deletion_ended_is_not_adopted(world: World, gone: bool) -> None:
    project = await world.project()
    place = Place(project.id, project.user_id)
    async with world.services.store.for_user(world.user_id) as session:
        await session.projects.transition(project.id, from_states={ProjectState.READY}, to=ProjectState.DELETING)
    await world.services.workspaces.remove(place)
    if gone:
        await world.services.projects.delete(project)
    with pytest.raises(NotFound if gone else ProjectNotReady):
        await world.services.workspaces.adopt(place)
    assert await world.services.runtime.list() == []


async def test_a_project_that_is_being_deleted_starts_nothing(world: World) -> None:
    project = await world.project()
    place = Place(project.id, project.user_id)
    await world.services.workspaces.stop(place, "asked")
    async with world.services.store.for_user(world.user_id) as session:
        await session.projects.transition(project.id, from_states={ProjectState.READY}, to=ProjectState.DELETING)
    with pytest.raises(ProjectNotReady):
        await world.services.workspaces.ensure(place)
    await world.services.projects.delete(project)
    with pytest.raises(NotFound):
        await world.services.workspaces.ensure(place)
    assert await world.services.runtime.list() == []
