"""The gauges that count rows, and the three series whose names others chose."""

from __future__ import annotations

import pytest

from anyon.clock import ManualClock
from anyon.domain.workspaces import Place
from anyon.model import AttemptState
from tests.unit.domain.conftest import World


async def scrape(world: World) -> str:
    await world.services.gauges.refresh()
    return world.services.metrics.render().decode()


async def test_containers_are_counted_by_status_to_the_letter(world: World) -> None:
    project = await world.project()
    text = await scrape(world)
    assert "# HELP anyon_containers_total Number of running containers" in text
    assert "# TYPE anyon_containers_total gauge" in text
    assert 'anyon_containers_total{status="running"} 1.0' in text
    await world.services.workspaces.stop(Place(project.id, project.user_id), "asked")
    text = await scrape(world)
    assert 'anyon_containers_total{status="running"} 0.0' in text
    assert 'anyon_containers_total{status="stopped"} 1.0' in text
    assert 'anyon_workspaces{state="stopped"} 1.0' in text


@pytest.mark.parametrize(("seconds", "label"), [(200, "5m"), (800, "15m"), (1700, "30m"), (9000, "longer")])
async def test_idle_containers_are_counted_by_how_long(
    seconds: float, label: str, world: World, clock: ManualClock
) -> None:
    await world.project()
    clock.advance(seconds)
    text = await scrape(world)
    for bucket in ("5m", "15m", "30m", "longer"):
        expected = 1.0 if bucket == label else 0.0
        assert f'anyon_idle_containers_total{{idle_duration="{bucket}"}} {expected}' in text


async def test_executions_are_measured_by_project_and_outcome(world: World) -> None:
    project = await world.project()
    for script in ("true", "false"):
        await world.attempt(await world.task(project, script))
    running = await world.task(project, "sleep 600")
    await world.attempt(running, AttemptState.RUNNING)
    text = await scrape(world)
    for status in ("ok", "failed"):
        labels = f'project_id="{project.id}",status="{status}"'
        assert f"anyon_container_exec_duration_seconds_count{{{labels}}} 1.0" in text
        assert f'anyon_container_exec_duration_seconds_bucket{{le="60.0",{labels}}} 1.0' in text
        assert f'anyon_execution_duration_seconds_count{{executor="shell",outcome="{status}"}} 1.0' in text
    assert "anyon_executions_running 1.0" in text
    assert "anyon_terminals_open 0.0" in text
