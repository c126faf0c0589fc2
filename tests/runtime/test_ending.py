"""The end of a workspace: nothing of it is left when it is said to be over."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from anyon.runtime import procfs
from tests.runtime.conftest import OpenRuntime, processes_in
from tests.runtime.workspaces import STANDIN, becomes_true, is_alive, new_spec


@pytest.mark.bubblewrap
async def test_the_sandbox_around_the_agent_is_over_too(open_runtime: OpenRuntime, data_dir: Path) -> None:
    """Also for a control plane that did not start it; it is held up here until the agent is gone."""
    starter, stopper = [await open_runtime(STANDIN, isolation="bubblewrap") for _ in range(2)]
    spec = new_spec()
    await starter.ensure(spec)
    [running] = await starter.list()
    status = procfs.status(running.pid)
    assert status is not None
    sandbox = status.parent
    starter.close()
    os.kill(sandbox, signal.SIGSTOP)
    stopping = asyncio.create_task(stopper.stop(spec.project_id, grace=5))
    await becomes_true(lambda: not is_alive(running.pid))
    await asyncio.sleep(0)
    assert not stopping.done()
    os.kill(sandbox, signal.SIGCONT)
    await stopping
    assert not is_alive(sandbox)
    assert processes_in(data_dir) == []
