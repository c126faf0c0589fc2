"""Rows that a kill or a mistake left in an odd state: each is settled by itself, and the others go on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from uuid import UUID

import pytest

from anyon.domain.workspaces import Place
from anyon.model import AttemptState, ProjectState
from anyon.store import AttemptRow, ProjectRow, TaskRow
from tests.unit.domain.conftest import World


async def queued(world: World, project: ProjectRow) -> TaskRow:
    """A task whose attempt has its rows, and nothing else has happened."""
    async with world.services.store.for_user(world.user_id) as session:
        task = await session.tasks.create(project_id=project.id, title="Task", description="true")
        await world.services.starter.add(session, task, None)
    return task


def forget_executions(world: World, attempt_id: UUID) -> None:
    with closing(sqlite3.connect(world.services.settings.data_dir / "anyon.db")) as database, database:
        assert database.execute("DELETE FROM executions WHERE attempt_id = ?", (attempt_id.hex,)).rowcount == 1


async def test_an_attempt_of_a_project_that_is_being_deleted_is_left_to_the_deletion(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    doomed, kept = await world.project(), await world.project()
    await queued(world, doomed)
    task = await queued(world, kept)
    async with world.services.store.for_user(world.user_id) as session:
        await session.projects.transition(doomed.id, from_states={ProjectState.READY}, to=ProjectState.DELETING)
    resumed: list[UUID] = []
    resume = world.services.attempts.resume

    async def noted(place: Place, attempt: AttemptRow) -> None:
        resumed.append(place.project_id)
        await resume(place, attempt)

    monkeypatch.setattr(world.services.attempts, "resume", noted)
    await world.services.reconciler.run()
    assert resumed == [kept.id]
    assert (await world.attempt(task)).state is AttemptState.IN_REVIEW


async def test_an_attempt_without_an_execution_is_lost_and_the_next_goes_on(world: World) -> None:
    project = await world.project()
    odd, fine = await queued(world, project), await queued(world, project)
    forget_executions(world, (await world.latest(odd)).id)
    await world.services.reconciler.run()
    lost = await world.attempt(odd)
    assert lost.state is AttemptState.FAILED
    assert lost.problem is not None
    assert lost.problem["code"] == "execution-lost"
    assert (await world.attempt(fine)).state is AttemptState.IN_REVIEW


@pytest.mark.parametrize("step", ["resume", "mark_gone", "delete"])
async def test_a_mistake_at_one_row_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    project, doomed = await world.project(), await world.project()
    first, second = await queued(world, project), await queued(world, project)
    await world.services.workspaces.stop(Place(project.id, world.user_id), "test")
    async with world.services.store.for_user(world.user_id) as session:
        await session.projects.transition(doomed.id, from_states={ProjectState.READY}, to=ProjectState.DELETING)
    await world.services.runtime.stop(doomed.id, 0)
    refused = (await world.latest(first)).id
    services = world.services
    owner = {"resume": services.attempts, "mark_gone": services.workspaces, "delete": services.projects}[step]
    original = getattr(owner, step)

    async def fails(*arguments: object, **more: object) -> None:
        if step != "resume" or getattr(arguments[1], "id", None) == refused:
            raise IndexError("a mistake")
        await original(*arguments, **more)

    monkeypatch.setattr(owner, step, fails)
    await services.reconciler.run()
    assert (await world.attempt(second)).state is AttemptState.IN_REVIEW
