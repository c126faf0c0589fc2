"""Whole commands: the load test beside a bare shell, `make up` cold and again, the evaluation of a stack."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from anyon.loadtest import Plan, run
from tests.bench.footprint import memory
from tests.bench.model import Row, Scale, Stopwatch, p95
from tests.fixtures.installation import free_port, temporary_installation

_REPOSITORY = Path(__file__).resolve().parents[2]
_PYTHON = shutil.which("python3.11") or sys.executable


async def load_test(scale: Scale) -> list[Row]:
    return await _load(scale.size(10, 2), 5, "10 x 5")


async def large_load_test(_scale: Scale) -> list[Row]:
    return await _load(50, 10, "50 x 10")


async def _load(projects: int, tasks: int, name: str) -> list[Row]:
    async with temporary_installation(log_level="warning") as installation:
        token = await installation.token()
        plan = Plan(projects, tasks, seconds=600, compare=True)
        with tempfile.TemporaryDirectory() as folder:
            report = await asyncio.to_thread(run, installation.url, token, plan, f"{folder}/report.json")
    bare = report.summary["bare_seconds"]
    method = (
        f"{projects} projects with {tasks} tasks each, all at once: 1 service, {projects} agents, 1 client; creating "
        "project, repository, worktrees, running, following, committing, diff; the shell does it without the service"
    )
    seconds = report.summary["seconds"]
    return [
        Row(f"load test {name}", "s", seconds, round(1.5 * bare, 2), "bare shell", bare, method),
        Row(f"load test {name}, errors", "errors", report.summary["errors"], 0.0, "", None, method),
    ]


async def evaluation(scale: Scale) -> list[Row]:
    """Of the stack `local` under the recorder, in a cold process."""
    ours = [
        await _python("from tests.infra.inventory import inventory; inventory('local')") for _ in range(_few(scale))
    ]
    theirs = [await _python("import pulumi") for _ in range(_few(scale))]
    method = f"a cold process that imports and evaluates the program under the recorder; p95 of {len(ours)}"
    return [Row("program evaluation", "s", round(p95(ours), 2), 3.0, "import pulumi", round(p95(theirs), 2), method)]


def _few(scale: Scale) -> int:
    return scale.size(10, 1)


async def _python(script: str) -> float:
    watch = Stopwatch()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=_REPOSITORY)
    assert await process.wait() == 0
    return watch.seconds()


async def make_up(scale: Scale) -> list[Row]:
    """In a clean clone, with the packages in pip's cache; the memory of the service there is measured too."""
    with tempfile.TemporaryDirectory(prefix="anyon-up-") as folder:
        clone = Path(folder) / "clone"
        await _run(Path(folder), "git", "clone", "-q", "--no-hardlinks", str(_REPOSITORY), str(clone))
        port = {"ANYON_PORT": str(free_port())}
        try:
            cold = await _run(clone, _PYTHON, "infra/bootstrap.py", "up", **port)
            again = await _run(clone, _PYTHON, "infra/bootstrap.py", "up", **port)
        finally:
            await _run(clone, _PYTHON, "infra/bootstrap.py", "purge", YES="1", **port)
        measured = await memory(scale, python=(str(clone / ".venv" / "bin" / "python"),))
    method = "in a clone with nothing in it, pip's cache filled, no Pulumi CLI on PATH unless the machine has one"
    return [
        Row("make up, cold", "s", round(cold, 1), 60.0, "", None, method),
        Row("make up, again", "s", round(again, 1), 10.0, "", None, "the same clone, nothing changed"),
        *measured,
    ]


async def _run(folder: Path, *command: str, **environment: str) -> float:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANYON_", "VIRTUAL_ENV"))}
    watch = Stopwatch()
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**kept, **environment}, stdout=subprocess.DEVNULL
    )
    assert await process.wait() == 0, f"{' '.join(command)} failed"
    return watch.seconds()
