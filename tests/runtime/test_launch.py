"""Spawning: the agent gets its token, its log and its limits, and nothing else."""

from __future__ import annotations

import asyncio
import fcntl
import os
from io import FileIO
from pathlib import Path

import pytest
import uvloop

from anyon.runtime import launch
from anyon.runtime.launch import _agent_pid


async def spawn(tmp_path: Path, script: str) -> str:
    with launch.open_log(tmp_path) as log:
        async with launch.launched(["/bin/sh", "-c", script], {"A": "b"}, log, sandboxed=False) as agent:
            assert agent.pid == agent.child.pid
            agent.hand_over("sesame")
        await agent.child.ended.wait()
    return launch.tail_of_log(tmp_path, 0)


async def test_a_spawned_program_reads_its_token_and_then_the_end_of_its_input(tmp_path: Path) -> None:
    assert await spawn(tmp_path, "cat; echo end >&2") == "sesame\nend"


async def test_a_spawned_program_leads_a_session_and_inherits_three_descriptors(tmp_path: Path) -> None:
    output = await spawn(tmp_path, "cut -d' ' -f1,6 /proc/$$/stat; env; ls /proc/$$/fd | tr '\\n' ' '")
    session, *environment, descriptors = output.splitlines()
    assert len(set(session.split())) == 1
    assert "A=b" in environment
    assert not any("PATH=/" in line and "venv" in line for line in environment)
    assert {int(name) for name in descriptors.split() if int(name) < 10} == {0, 1, 2}  # 10 is the shell's own


async def test_a_descriptor_that_the_service_inherited_stays_with_it(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as file:
        descriptor = fcntl.fcntl(file.fileno(), fcntl.F_DUPFD, 200)
        try:
            assert os.get_inheritable(descriptor)
            assert "secret" not in await spawn(tmp_path, "ls -l /proc/$$/fd")
        finally:
            os.close(descriptor)


async def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with launch.open_log(tmp_path) as log, pytest.raises(FileNotFoundError):
        async with launch.launched(["/absent"], {}, log, sandboxed=False):
            pass


async def test_bubblewrap_that_gives_up_leaves_no_pid(tmp_path: Path) -> None:
    with launch.open_log(tmp_path) as log:
        async with launch.launched(["/bin/sh", "-c", "echo no >&2"], {}, log, sandboxed=True) as agent:
            assert agent.pid is None
        await agent.child.ended.wait()
    assert launch.tail_of_log(tmp_path, 0) == "no"


async def test_the_pid_that_bubblewrap_reports_is_the_agents(tmp_path: Path) -> None:
    script = """printf '{"child-'  >&3; printf 'pid": 4711}\n' >&3; exec 3>&-; read token"""
    with launch.open_log(tmp_path) as log:
        async with launch.launched(["/bin/sh", "-c", script], {}, log, sandboxed=True) as agent:
            assert agent.pid == 4711
        await agent.child.ended.wait()


def test_a_large_log_is_put_aside_and_a_link_is_not_followed(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    log.write_bytes(b"x" * (launch.LOG_BYTES + 1))
    launch.open_log(tmp_path).close()
    assert log.stat().st_size == 0
    assert (tmp_path / "agent.log.1").stat().st_size == launch.LOG_BYTES + 1
    log.unlink()
    log.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="Too many levels"):
        launch.open_log(tmp_path)


def test_the_tail_of_a_log_is_bounded_printable_and_from_this_start_only(tmp_path: Path) -> None:
    (tmp_path / "agent.log").write_bytes(b"earlier\n" + b"\x1b[31m\xff" + b"y" * 5000 + b"\nlast\n")
    assert launch.tail_of_log(tmp_path, 5011) == "yyy\nlast"
    assert len(launch.tail_of_log(tmp_path, 0)) <= 2000
    assert launch.tail_of_log(tmp_path, 8, most=10_000).startswith("[31m\ufffdyyy")
    assert launch.tail_of_log(tmp_path / "absent", 0) == ""


def test_a_limit_is_in_the_command_only_when_it_is_set() -> None:
    with_limit = launch.agent_command(Path("/python"), "/opt", "/", launch.AgentLimits(100, 7), ["--x"])
    without = launch.agent_command(Path("/python"), "/opt", "/", launch.AgentLimits(100, None), ["--x"])
    assert "limit(resource.RLIMIT_NPROC, 7)" in with_limit[4]
    assert "NPROC" not in without[4]
    assert with_limit[:4] == ["/python", "-I", "-S", "-c"]
    assert with_limit[-1] == "--x"


async def _report_in_two_parts() -> int | None:
    read_end, write_end = os.pipe()
    with FileIO(read_end, "rb") as info, FileIO(write_end, "wb") as bubblewrap:
        pid = asyncio.ensure_future(_agent_pid(info))
        bubblewrap.write(b'{\n    "child-pid": 4711')
        for _ in range(5):
            await asyncio.sleep(0)
        bubblewrap.write(b"\n}\n")
        return await pid


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_pid_that_bubblewrap_reports_in_two_writes_is_read_whole(run) -> None:  # type: ignore[no-untyped-def] # either loop's run
    assert run(_report_in_two_parts()) == 4711
