"""Trees of processes: stopped as a whole, reaped last, strangers collected."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from anyon.agent import tree
from anyon.agent.processes import ExitStatus, Process, Processes
from anyon.agent.spawning import Streams
from tests.agent.support import is_there, run_shell

ENVIRONMENT = {"PATH": os.environ["PATH"]}

pytestmark = pytest.mark.usefixtures("subreaper")


@pytest.fixture(params=["pidfd", "thread"])
def watching(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pidfd, and as on a kernel that has none."""
    if request.param == "thread":

        def missing(_pid: int) -> int:
            raise OSError(38, "Function not implemented")

        monkeypatch.setattr(os, "pidfd_open", missing)


@asynccontextmanager
async def shell(
    root: int, script: str, processes: Processes | None = None
) -> AsyncIterator[tuple[Process, asyncio.StreamReader]]:
    """A running `sh -c script` and its output."""
    reading, writing = os.pipe()
    process = (processes or Processes()).start(
        ["sh", "-c", script], ENVIRONMENT, root, Streams(None, writing, None), "MARK=1"
    )
    os.close(writing)
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb")
    )
    try:
        yield process, reader
    finally:
        await process.stop(0)
        transport.close()
        await asyncio.sleep(0)


@pytest.mark.usefixtures("watching")
@pytest.mark.parametrize(("script", "status"), [("exit 3", ExitStatus(3, None)), ("kill -9 $$", ExitStatus(None, 9))])
async def test_the_exit_status_is_kept(root: int, script: str, status: ExitStatus) -> None:
    async with shell(root, script) as (process, _):
        assert await process.finish() == status
        assert process.status == status


async def test_a_stopped_process_gets_term_and_its_grace(root: int) -> None:
    async with shell(root, "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.01; done") as (process, output):
        assert await output.readline() == b"up\n"
        assert await process.stop(5) == ExitStatus(7, None)
        assert await output.readline() == b"bye\n"


async def test_what_ignores_term_is_killed_after_its_grace(root: int) -> None:
    async with shell(root, "trap '' TERM; echo up; while :; do sleep 0.01; done") as (process, output):
        await output.readline()
        assert await process.stop(0.05) == ExitStatus(None, signal.SIGKILL)


async def test_children_in_the_group_end_with_a_stop(root: int) -> None:
    async with shell(root, "trap '' TERM; sleep 60 & echo $!; wait; wait") as (process, output):
        child = int(await output.readline())
        await process.stop(0.05)
        assert not is_there(child)


@pytest.mark.parametrize(
    "escape",
    [
        "setsid sh -c 'echo $$; exec sleep 60'",
        "setsid sh -c 'setsid sh -c \"echo \\$\\$; exec sleep 60\" & exit'",
        "env -i setsid sh -c 'echo $$; exec sleep 60'",
    ],
    ids=["own session", "double fork", "own session and clean environment"],
)
async def test_what_left_the_session_ends_with_a_stop(root: int, escape: str) -> None:
    async with shell(root, f"{escape} &\necho up; while :; do sleep 0.01; done") as (process, output):
        lines = {await output.readline(), await output.readline()}
        child = int(next(line for line in lines if line != b"up\n"))
        await process.stop(0)
        assert not is_there(child)


async def test_what_a_process_leaves_behind_ends_with_it(root: int) -> None:
    async with shell(root, "setsid sleep 60 & echo $!; exit 0") as (process, output):
        child = int(await output.readline())
        assert await process.finish() == ExitStatus(0, None)
        assert not is_there(child)


async def test_an_orphan_in_the_middle_of_an_exec_is_looked_at_again(
    root: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows no environment for a moment; the marker comes with the new program."""
    read = tree._environment
    looks: list[int] = []

    def first_nothing(pid: int) -> bytes:
        looks.append(pid)
        return b"" if looks.count(pid) == 1 else read(pid)

    monkeypatch.setattr(tree, "_environment", first_nothing)
    async with shell(root, "setsid sh -c 'echo $$; exec sleep 1000' & wait $!; exit 0") as (process, output):
        child = int(await output.readline())
        process.signal_group(signal.SIGKILL)
        await process.finish()
        assert looks.count(child) > 1
        assert not is_there(child)


async def test_stopping_twice_gives_the_same_answer(root: int) -> None:
    async with shell(root, "exec sleep 60") as (process, _):
        first, second = await asyncio.gather(process.stop(1), process.stop(1))
        assert first == second == await process.stop(0) == ExitStatus(None, signal.SIGTERM)


async def test_strangers_are_reaped_and_owned_children_are_not(root: int) -> None:
    processes = Processes()
    async with shell(root, "exit 4", processes) as (owned, _):
        await owned.exited.wait()  # a zombie of ours, in front of the stranger's
        orphan = int(run_shell("sleep 0.01 >&- & echo $!"))
        while orphan in tree.children_of(os.getpid()):
            processes.reap_strangers()
            await asyncio.sleep(0.005)
        assert await owned.finish() == ExitStatus(4, None)
    processes.reap_strangers()  # with nobody left


async def test_a_stranger_alone_is_reaped() -> None:
    processes = Processes()
    orphan = int(run_shell("sleep 0.01 >&- & echo $!"))
    while orphan in tree.children_of(os.getpid()):
        processes.reap_strangers()
        await asyncio.sleep(0.005)


async def test_another_process_with_the_marker_of_somebody_else_survives(root: int) -> None:
    async with shell(root, "exec sleep 60") as (other, _):
        processes = Processes()
        processes.owned.add(other.pid)
        async with shell(root, "exit 0", processes) as (process, _):
            await process.finish()
        assert other.status is None
        assert tree.is_running(next(iter(m for m in tree.descendants_of(os.getpid()) if m.pid == other.pid)))


async def test_signals_to_a_reaped_process_go_nowhere(root: int) -> None:
    async with shell(root, "exit 0") as (process, _):
        await process.finish()
        process.signal_group(signal.SIGKILL)
