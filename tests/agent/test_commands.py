"""Short-lived programs: bounded in output, time and number."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from anyon.agent.commands import MAX_AT_A_TIME, Commands, Output
from anyon.agent.problems import Problem
from anyon.agent.processes import Processes
from tests.agent.support import eventually

ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.fixture
def commands(root: int) -> Commands:
    return Commands(root, Processes())


async def run(commands: Commands, script: str, **more: Any) -> Output:
    argv: Sequence[str] = ("sh", "-c", script)
    return await commands.run(argv, ENVIRONMENT, **{"cwd": "", "timeout": 10, "limit": 1000, **more})


async def test_output_errors_and_status_are_given(commands: Commands) -> None:
    output = await run(commands, "cat; echo err >&2; exit 3", stdin="in\n")
    assert output == Output(3, b"in\n", b"err\n", truncated=False)
    assert output.text == "in"


async def test_fields_are_split_at_nul(commands: Commands) -> None:
    assert (await run(commands, r"printf 'a b\0c\0'")).fields == ["a b", "c"]


async def test_a_flood_is_stopped_at_the_limit(commands: Commands) -> None:
    output = await run(commands, "exec yes")
    assert output.truncated
    assert output.stdout == b"y\n" * 500


async def test_of_the_errors_the_end_is_kept(commands: Commands) -> None:
    output = await run(commands, "seq 100000 >&2; echo last >&2")
    assert len(output.stderr) == 65_536
    assert output.stderr.endswith(b"100000\nlast\n")


async def test_a_program_that_takes_too_long_is_killed(commands: Commands) -> None:
    with pytest.raises(Problem, match=r"sh -c took longer than 0.05 seconds") as problem:
        await run(commands, "sleep 60", timeout=0.05)
    assert problem.value.code == "command-timeout"


async def test_a_caller_that_gives_up_ends_the_program(commands: Commands) -> None:
    waiting = asyncio.create_task(run(commands, "sleep 60"))
    await eventually(lambda: bool(commands._processes.owned))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_only_so_many_run_at_a_time(commands: Commands, tmp_path: Path) -> None:
    async def one() -> None:
        await run(commands, "while [ ! -e go ]; do sleep 0.01; done")

    tasks = [asyncio.create_task(one()) for _ in range(MAX_AT_A_TIME + 3)]
    await eventually(lambda: len(commands._processes.owned) >= MAX_AT_A_TIME)
    await asyncio.sleep(0)  # a turn for those that must wait
    assert len(commands._processes.owned) == MAX_AT_A_TIME
    (tmp_path / "go").touch()
    await asyncio.gather(*tasks)


async def test_progress_gives_the_newest_line(commands: Commands) -> None:
    lines: list[str] = []
    await run(commands, r"printf 'one\rtwo\r\nthree' >&2; sleep 0.02; printf '\n\n' >&2", progress=lines.append)
    assert lines[-1] == "three"
