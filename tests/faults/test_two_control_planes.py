"""Two services on one data folder, as a careless restart leaves them: one agent per workspace, and both can use it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.support import label, settled
from tests.fixtures.installation import Installation

pytestmark = pytest.mark.faults


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
                for service, task in zip((one, other), tasks, strict=True):
                    assert (await settled(service, task))["state"] == "in_review"
                assert label(installation, project)["generation"] == first["generation"]
                await one.request("POST", f"{path}/stop")
    finally:
        await second.stop()
