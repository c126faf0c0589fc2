"""The same work by a bare shell and git, to compare with: no service, no isolation, no record of anything."""

from __future__ import annotations

import asyncio
import os
import shlex
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from anyon.loadtest.work import Work

_IDENTITY = "git -c user.name=bare -c user.email=bare@localhost -c gc.auto=0"


async def bare_seconds(projects: Sequence[Sequence[Work]]) -> float:
    """Wall time of all projects at once, each with its tasks at once: worktree, command, commit, diff."""
    with tempfile.TemporaryDirectory(prefix="anyon-bare-") as root:
        started = time.perf_counter()
        await asyncio.gather(
            *(_project(Path(root) / str(number), tasks) for number, tasks in enumerate(projects, start=1))
        )
        return time.perf_counter() - started


async def _project(folder: Path, tasks: Sequence[Work]) -> None:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder)}
    command = f"mkdir {shlex.quote(str(folder))}; cd {shlex.quote(str(folder))}\n{script(tasks)}"
    process = await asyncio.create_subprocess_exec("sh", "-ec", command, env=environment)
    if await process.wait() != 0:
        raise RuntimeError(f"the bare commands failed in {folder}")


def script(tasks: Sequence[Work]) -> str:
    """What a person would type: the worktrees one after the other, since git locks the repository, the rest at once."""
    lines = ["git init -q -b main .", f"{_IDENTITY} commit -q --allow-empty -m 'Initial commit'"]
    for work in tasks:
        command = f"sh -c {shlex.quote(work.command)} > ../{work.task}.log || true"
        review = f"git add -A; {_IDENTITY} commit -q -m 'Task {work.task}'; git diff --numstat main > /dev/null"
        lines.append(f"git worktree add -q -b task-{work.task} .worktrees/{work.task} main")
        lines.append(f"(cd .worktrees/{work.task}; {command}; {review}) &")
    return "\n".join([*lines, "wait"])
