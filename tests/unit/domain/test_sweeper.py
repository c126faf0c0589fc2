"""The sweep: what is idle stops, nothing else does, and the reason is told. Real workspaces, a manual clock."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from anyon.clock import ManualClock
from anyon.domain.idleness import LeaseKind
from anyon.domain.workspaces import Place
from anyon.errors import AnyonError
from anyon.model import AttemptState, TerminalState, WorkspaceState
from anyon.store import ProjectRow
from tests.unit.domain.conftest import World

IDLE = 1800


async def audit(world: World, project: ProjectRow) -> list[tuple[str, dict[str, Any]]]:
    async with world.services.store.for_user(world.user_id, read_only=True) as session:
        return [(row.action, row.detail) for row in reversed(await session.audit.list(project.id))]


async def test_an_idle_workspace_stops_after_1800_s_and_says_why(world: World, clock: ManualClock) -> None:
    project = await world.project()
    sweeper = world.services.sweeper
    clock.advance(IDLE - 60)
    assert await sweeper.sweep() == []
    clock.advance(120)
    assert [verdict.stop for _, verdict in await sweeper.plan()] == [True]
    assert await sweeper.sweep() == [project.id]
    row = await world.workspace(project)
    assert row.state is WorkspaceState.STOPPED
    assert row.stop_reason is not None
    assert row.stop_reason.startswith("idle for 3")
    assert (await audit(world, project))[-1] == ("workspace.stopped", {"reason": row.stop_reason})
    assert await world.services.runtime.list() == []
    assert await sweeper.sweep() == []


async def test_the_next_use_starts_it_again(world: World, clock: ManualClock) -> None:
    project = await world.project()
    clock.advance(IDLE + 60)
    await world.services.sweeper.sweep()
    attempt = await world.attempt(await world.task(project, "true"))
    assert attempt.state is AttemptState.IN_REVIEW
    row = await world.workspace(project)
    assert (row.state, row.stop_reason, row.started_at) == (WorkspaceState.RUNNING, None, clock.now())
    clock.advance(IDLE - 60)
    assert await world.services.sweeper.sweep() == []


async def test_a_running_execution_keeps_it_awake_however_long(world: World, clock: ManualClock) -> None:
    project = await world.project()
    task = await world.task(project, "sleep 600")
    await world.attempt(task, AttemptState.RUNNING)
    clock.advance(100 * IDLE)
    assert await world.services.sweeper.sweep() == []
    report = await world.services.sweeper.report(await world.workspace(project))
    assert report.verdict is not None
    assert {lease.kind for lease in report.verdict.kept_awake_by} == {LeaseKind.EXECUTION}
    assert report.verdict.stops_at is None


async def test_a_pin_keeps_it_awake_until_1800_s_after_its_end(world: World, clock: ManualClock) -> None:
    project = await world.project()
    async with world.services.store.for_user(world.user_id) as session:
        await session.workspaces.update(project.id, pinned_until=clock.now() + timedelta(hours=3))
    clock.advance(3 * 3600 + IDLE - 1)
    assert await world.services.sweeper.sweep() == []
    clock.advance(1)
    assert await world.services.sweeper.sweep() == [project.id]


async def test_bytes_in_a_terminal_keep_it_awake(world: World, clock: ManualClock) -> None:
    project = await world.project()
    clock.advance(-3600)  # the terminal is used an hour after the last thing that the database knows of
    async with world.services.store.for_user(world.user_id) as session:
        await session.workspaces.update(project.id, last_activity_at=clock.now(), started_at=clock.now())
    await world.services.terminals.open(world.user_id, place(project), None, 80, 24)
    clock.advance(3600 + 60)
    assert await world.services.sweeper.sweep() == []
    report = await world.services.sweeper.report(await world.workspace(project))
    assert report.verdict is not None
    assert [lease.kind for lease in report.verdict.kept_awake_by] == [LeaseKind.TERMINAL]
    row = await world.workspace(project)
    assert row.last_activity_at is not None
    assert row.last_activity_at > clock.now() - timedelta(seconds=120), "the sweep remembers what the agent said"


@pytest.mark.parametrize("seconds", [7 * IDLE, -7 * IDLE, -366 * 86400])
async def test_a_clock_that_jumps_stops_nothing_early_and_keeps_nothing_awake_for_long(
    world: World, clock: ManualClock, seconds: float
) -> None:
    project = await world.project()
    sweeper = world.services.sweeper
    clock.advance(60)
    clock.jump(seconds)
    assert await sweeper.sweep() == []
    report = await sweeper.report(await world.workspace(project))
    assert report.verdict is not None
    assert report.verdict.stops_at == clock.now() + timedelta(seconds=IDLE)
    clock.advance(IDLE - 1)
    assert await sweeper.sweep() == []
    clock.advance(1)
    assert await sweeper.sweep() == [project.id]


async def test_a_service_that_starts_after_the_clock_was_set_back_knows_no_later_use(
    world: World, clock: ManualClock
) -> None:
    project = await world.project()
    async with world.services.store.for_user(world.user_id) as session:
        await session.workspaces.update(project.id, last_activity_at=clock.now() + timedelta(days=400))
    assert await world.services.sweeper.sweep() == []
    clock.advance(IDLE + 60)
    assert await world.services.sweeper.sweep() == [project.id]


async def test_a_terminal_without_bytes_does_not(world: World, clock: ManualClock) -> None:
    project = await world.project()
    await world.services.terminals.open(world.user_id, place(project), None, 80, 24)
    clock.advance(IDLE + 60)
    assert await world.services.sweeper.sweep() == [project.id]
    async with world.services.store.for_user(world.user_id, read_only=True) as session:
        assert await session.terminals.open(project.id) == []


async def test_an_unused_terminal_is_closed_and_a_used_one_is_not(world: World, clock: ManualClock) -> None:
    project = await world.project()
    services = world.services
    unused = await services.terminals.open(world.user_id, place(project), None, 80, 24)
    async with services.store.for_user(world.user_id) as session:
        await session.workspaces.update(project.id, pinned_until=clock.now() + timedelta(days=9))
    clock.advance(services.settings.terminal_idle_seconds - 60)
    await services.sweeper.sweep()
    clock.advance(120)
    fresh = await services.terminals.open(world.user_id, place(project), None, 80, 24)
    await services.sweeper.sweep()
    async with services.store.for_user(world.user_id, read_only=True) as session:
        assert (await session.terminals.get(unused.id)).state is TerminalState.CLOSED
        assert [row.id for row in await session.terminals.open(project.id)] == [fresh.id]
    client = services.workspaces.connected(project.id)
    assert client is not None
    listed = (await client.call("terminal.list"))["terminals"]
    assert [entry["id"] for entry in listed if entry["open"]] == [str(fresh.id)]
    assert ("terminal.expired", {"unused_seconds": 86400.0}) in await audit(world, project)
    assert (await world.workspace(project)).state is WorkspaceState.RUNNING


async def test_an_agent_that_does_not_answer_is_not_stopped_behind_its_terminals_back(
    world: World, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.project()
    monkeypatch.setattr(world.services.workspaces, "connected", lambda _project_id: None)
    clock.advance(IDLE + 60)
    assert await world.services.sweeper.sweep() == []


async def test_one_workspace_that_does_not_stop_keeps_no_other_from_stopping(
    world: World, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stubborn, other = await world.project(), await world.project()
    stop = world.services.runtime.stop

    async def refuse(project_id: object, grace: float) -> None:
        if project_id == stubborn.id:
            raise AnyonError
        await stop(project_id, grace)  # type: ignore[arg-type] # the id of a project

    monkeypatch.setattr(world.services.runtime, "stop", refuse)
    clock.advance(IDLE + 60)
    assert await world.services.sweeper.sweep() == [other.id]


async def test_work_that_comes_during_the_stop_starts_it_anew(world: World, clock: ManualClock) -> None:
    project = await world.project()
    clock.advance(IDLE + 60)
    sweeping = asyncio.ensure_future(world.services.sweeper.sweep())
    task = await world.task(project, "echo there")
    await sweeping
    assert (await world.attempt(task)).state is AttemptState.IN_REVIEW


async def test_what_a_hostile_agent_says_of_itself_stops_no_sweep(
    world: World, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await world.project()
    client = world.services.workspaces.connected(project.id)
    assert client is not None

    async def status(_operation: str, **_arguments: object) -> dict[str, Any]:
        far = {"last_activity": 1e12, "heartbeat_until": float("nan"), "terminals": [{"open": True}, 7]}
        return {"executions": "all of them", **far}

    monkeypatch.setattr(client, "call", status)
    clock.advance(IDLE + 60)
    assert await world.services.sweeper.sweep() == [project.id]


async def test_the_sweep_goes_on_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = asyncio.Event()
    rounds = []

    async def sweep() -> list[Any]:
        rounds.append(1)
        if len(rounds) == 1:
            raise AnyonError
        swept.set()
        return []

    settings = world.services.settings.model_copy(update={"sweep_seconds": 0.001})
    monkeypatch.setattr(world.services.sweeper, "settings", settings)
    monkeypatch.setattr(world.services.sweeper, "sweep", sweep)
    job = world.services.background.start("sweep", world.services.sweeper.run())
    await swept.wait()
    job.cancel()


async def test_a_report_on_a_stopped_workspace_names_nothing(world: World) -> None:
    project = await world.project()
    await world.services.workspaces.stop(place(project), "asked")
    report = await world.services.sweeper.report(await world.workspace(project))
    assert (report.state, report.verdict) == (WorkspaceState.STOPPED, None)


def place(project: ProjectRow) -> Place:
    return Place(project.id, project.user_id)
