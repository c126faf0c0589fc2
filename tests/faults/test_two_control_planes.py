"""Two services on one data folder, as a careless restart leaves them: one agent per workspace, and both can use it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from anyon.loadtest.service import Record, Service
from tests.faults.support import label, settled
from tests.fixtures.installation import Installation

pytestmark = pytest.mark.faults


async def settled_on_either(services: tuple[Service, ...], task: Record) -> Record:
    """Whichever control plane sees an attempt to its end, only its own watchers hear of it at once."""
    waits = [asyncio.ensure_future(settled(service, task)) for service in services]
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    return done.pop().result()


async def test_both_start_the_same_workspace_at_once_and_there_is_one_agent(
    installation: Installation, tmp_path: Path
) -> None:
    second = Installation(installation.data_dir)
    second.log = tmp_path / "second.log"
    await second.start()
    try:
        async with installation.service() as one, second.service() as other:
            project = await one.create_project("contested")
            await one.request("POST", f"/api/projects/{project['id']}/workspace/stop")
            for _ in range(3):
                path = f"/api/projects/{project['id']}/workspace"
                await asyncio.gather(*(service.request("POST", f"{path}/start") for service in (one, other)))
                first = label(installation, project)
                tasks = await asyncio.gather(
                    *(service.create_task(project["id"], "echo together") for service in (one, other))
                )
                for task in tasks:
                    assert (await settled_on_either((one, other), task))["state"] == "in_review"
                assert label(installation, project)["generation"] == first["generation"]
                await one.request("POST", f"{path}/stop")
    finally:
        await second.stop()
