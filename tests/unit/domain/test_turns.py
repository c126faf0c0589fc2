"""More attempts than a workspace may run: the others wait for their turn."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from anyon.domain.events import Topic
from anyon.domain.turns import Turns
from anyon.domain.workspaces import Place
from anyon.model import AttemptState
from anyon.settings import Settings
from anyon.store import AttemptRow, ProjectRow, TaskRow
from tests.unit.domain.conftest import World

FOREVER = "sleep 1000"


@pytest.fixture
def configured(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", stop_seconds=1, max_running_executions=1)


async def waits(world: World, task: TaskRow) -> AttemptRow:
    """The task's attempt, once its phase says for what it waits."""
    attempt = await world.latest(task)

    async def probe() -> AttemptRow | None:
        phases = world.services.progress.phases.get(attempt.id)
        last = phases.entries[-1] if phases else {}
        is_waiting = last.get("detail") == "waiting for one of 1 running executions to end"
        return attempt if is_waiting and last["name"] == "queue" and last["state"] == "running" else None

    return await world.until(probe)


async def cancel(world: World, project: ProjectRow, attempt: AttemptRow) -> None:
    await world.services.attempts.cancel(Place(project.id, project.user_id), attempt, world.user_id)


async def test_what_finds_no_room_waits_and_starts_in_its_order_when_a_program_ends(world: World) -> None:
    project = await world.project()
    first = await world.task(project, FOREVER)
    running = await world.attempt(first, AttemptState.RUNNING)
    second = await world.task(project, "echo second >> ../../order")
    await waits(world, second)
    third = await world.task(project, "echo third >> ../../order; cat ../../order > order")
    await waits(world, third)
    await cancel(world, project, running)
    for task in (second, third):
        assert (await world.attempt(task)).state is AttemptState.IN_REVIEW
    attempt = await world.latest(third)
    assert attempt.added == 2
    assert [phase["name"] for phase in attempt.phases] == ["queue", "ensure", "worktree", "exec", "first_byte"]


async def test_one_that_is_cancelled_while_it_waits_leaves_nothing_and_lets_the_next_one_go(world: World) -> None:
    project = await world.project()
    running = await world.attempt(await world.task(project, FOREVER), AttemptState.RUNNING)
    refused = await world.task(project, "echo never")
    await waits(world, refused)
    behind = await world.task(project, "echo never")
    await waits(world, behind)
    last = await world.task(project, "true")
    await waits(world, last)
    for task in (refused, behind):
        attempt = await world.latest(task)
        await cancel(world, project, attempt)
        assert (await world.attempt(task)).state is AttemptState.CANCELLED
    await cancel(world, project, running)
    assert (await world.attempt(last)).state is AttemptState.IN_REVIEW
    worktrees = world.services.settings.data_dir / "workspaces" / str(project.id) / "repo" / ".worktrees"
    kept = {(await world.latest(last)).worktree, running.worktree}
    assert {f".worktrees/{path.name}" for path in worktrees.iterdir() if path.name != ".spare"} == kept
    assert not world.services.starter.turns.are_awaited(project.id)


async def test_what_running_programs_print_asks_nobody_whether_it_is_his_turn(world: World) -> None:
    project = await world.project()
    running = await world.attempt(await world.task(project, FOREVER), AttemptState.RUNNING)
    progress, turns, asked = world.services.progress, Turns(world.services.progress), 0

    async def is_wanted() -> bool:
        nonlocal asked
        asked += 1
        return True

    turn = asyncio.ensure_future(turns.wait(running, progress.ends, is_wanted))
    for topic in (Topic.LINE, Topic.PROGRESS, Topic.TERMINAL):
        for _ in range(5):
            await asyncio.sleep(0)
        progress.bus.publish(topic, project.id, running.id)
    for _ in range(5):
        await asyncio.sleep(0)
    assert asked == 1
    progress.ended(project.id, running.id)
    assert await turn
    await cancel(world, project, running)
