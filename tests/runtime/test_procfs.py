"""Processes of the host by pid and start time."""

from __future__ import annotations

import asyncio
import os
import signal

from anyon.runtime import procfs


async def test_a_process_is_opened_only_under_its_own_start_time() -> None:
    child = await asyncio.create_subprocess_exec("sleep", "100")
    status = procfs.status(child.pid)
    assert status is not None
    assert status.parent == os.getpid()
    with procfs.opened(child.pid, status.start_time + 1) as process:
        assert process is None
    with procfs.opened(child.pid, status.start_time) as process:
        assert process is not None
        assert not process.has_ended()
        process.send(signal.SIGKILL)
        await asyncio.gather(process.ended(), process.ended())
        assert process.has_ended()
        await child.wait()
        process.send(signal.SIGKILL)
    with procfs.opened(child.pid, status.start_time) as process:
        assert process is None
    assert procfs.status(child.pid) is None


async def test_descendants_and_marked_processes_are_found() -> None:
    child = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        "sleep 100 & echo ready; wait",
        stdout=asyncio.subprocess.PIPE,
        env={procfs.WORKSPACE_MARKER: "/x y"},
    )
    assert child.stdout is not None
    await child.stdout.readline()
    [sleeper] = procfs.descendants(child.pid)
    assert {child.pid, sleeper} <= set(procfs.descendants(os.getpid()))
    assert set(procfs.marked("/x y")) == {child.pid, sleeper}
    assert procfs.marked("/x") == []
    os.kill(sleeper, signal.SIGKILL)
    await child.wait()
