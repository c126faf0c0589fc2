"""Ends a workspace: every process of it, whatever they did to get away."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, nullcontext, suppress

from anyon.runtime import cgroup, procfs
from anyon.runtime.errors import StopTimedOut
from anyon.runtime.label import Label

KILL_SECONDS = 30.0
"""A process that KILL does not end within this time hangs in the kernel (a dead network disk, for example)."""

_SANDBOX_SECONDS = 5.0
_ROUNDS = 200
_ROUND_SECONDS = 0.005


async def end(label: Label, grace: float, *, marker: str) -> None:
    """TERM to the agent, up to `grace` seconds, KILL to all; return when none is left.

    In a sandbox the agent is the first process of a pid namespace, which the kernel empties when that one ends.
    Without one there are three nets: the control group, the agent's descendants, and `marker`, the
    value that the environment of what it starts carries.
    Raises StopTimedOut.
    """
    seen: dict[int, int] = {}
    if label.boot_id == procfs.boot_id():
        with procfs.opened(label.pid, label.pid_start_time) as agent:
            if agent is not None:
                async with _and_its_sandbox(agent, marker):
                    await _end_agent(agent, grace, seen, look_below=not label.isolated)
    if not label.isolated:
        await _end_strays(label, marker, seen)
    cgroup.kill(label.cgroups)
    await _delete_groups(label.cgroups)


@asynccontextmanager
async def _and_its_sandbox(agent: procfs.Process, marker: str) -> AsyncIterator[None]:
    """After the block, wait for bubblewrap as well: it ends by itself a moment after the agent, whose parent it is."""
    found = procfs.status(agent.pid)
    parent = found.parent if found is not None else 0
    with procfs.opened(parent) if parent and marker in procfs.command_line(parent) else nullcontext() as sandbox:
        yield
        if sandbox is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_SANDBOX_SECONDS):
                    await sandbox.ended()


async def _end_agent(agent: procfs.Process, grace: float, seen: dict[int, int], *, look_below: bool) -> None:
    if look_below:
        seen.update(_start_times(procfs.descendants(agent.pid)))
    if grace > 0:
        agent.send(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await agent.ended()
    if look_below and not agent.has_ended():
        agent.send(signal.SIGSTOP)  # so that it starts nothing while its descendants are looked up
        seen.update(_start_times(procfs.descendants(agent.pid)))
    agent.send(signal.SIGKILL)
    try:
        async with asyncio.timeout(KILL_SECONDS):
            await agent.ended()
    except TimeoutError:
        raise StopTimedOut(pids=str(agent.pid), seconds=KILL_SECONDS) from None


async def _end_strays(label: Label, marker: str, seen: dict[int, int]) -> None:
    """KILL what outlived the agent, again and again until nothing new turns up."""
    for _ in range(_ROUNDS):
        seen.update(_start_times({*procfs.marked(marker), *cgroup.members(label.cgroups)}))
        for pid in list(seen):
            seen.update(_start_times(procfs.descendants(pid)))
        alive = [pid for pid, start_time in seen.items() if _kill(pid, start_time)]
        if not alive:
            return
        await asyncio.sleep(_ROUND_SECONDS)
    raise StopTimedOut(pids=", ".join(map(str, alive)), seconds=_ROUNDS * _ROUND_SECONDS)


async def _delete_groups(groups: Iterable[str]) -> None:
    for _ in range(_ROUNDS):  # the kernel counts a process a moment longer than its handle says
        if not cgroup.members(groups) and cgroup.delete(groups):
            return
        await asyncio.sleep(_ROUND_SECONDS)


def _start_times(pids: Iterable[int]) -> dict[int, int]:
    found = {pid: procfs.status(pid) for pid in pids}
    return {pid: status.start_time for pid, status in found.items() if status is not None}


def _kill(pid: int, start_time: int) -> bool:
    """Whether it was still there."""
    with procfs.opened(pid, start_time) as process:
        if process is None:
            return False
        process.send(signal.SIGKILL)
        return True
