"""API reads under an open-loop load, with 10,000 tasks in the database."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.bench.model import Row, Scale, milliseconds
from tests.bench.seeding import Seeded, seed
from tests.fixtures.installation import Installation, temporary_installation

RATE = 350.0
_PROJECTS, _TASKS_EACH = 50, 200

MIX = {
    "task": 40,
    "attempt": 25,
    "session": 10,
    "project": 10,
    "page of 20 tasks": 10,
    "projects": 3,
    "board of 200 tasks": 2,
}
"""Percent of the requests: mostly what one open page asks for, now and then what a whole board does."""

_PATHS = {
    "task": "/api/tasks/{task}",
    "attempt": "/api/attempts/{attempt}",
    "session": "/api/session",
    "project": "/api/projects/{project}",
    "page of 20 tasks": "/api/tasks?project_id={project}&limit=20",
    "projects": "/api/projects",
    "board of 200 tasks": "/api/tasks?project_id={project}",
}


def paths(seeded: Seeded, number: int) -> list[str]:
    """A reproducible mixture."""
    draw = random.Random(350)  # noqa: S311 - a mixture, not a secret
    kinds = draw.choices(list(MIX), weights=list(MIX.values()), k=number)
    project, task, attempt = (draw.choices(ids, k=number) for ids in seeded)
    return [
        _PATHS[kind].format(project=project[index], task=task[index], attempt=attempt[index])
        for index, kind in enumerate(kinds)
    ]


class Answer(NamedTuple):
    samples: list[float]
    errors: int


async def api_reads(scale: Scale) -> list[Row]:
    tasks_each = scale.size(_TASKS_EACH, 5)
    async with temporary_installation(log_level="warning") as installation:
        token = await installation.token()
        await installation.stop()
        database = installation.data_dir / "anyon.db"
        seeded = await asyncio.to_thread(seed, database, projects=_PROJECTS, tasks=tasks_each)
        await installation.start()
        number = scale.size(30 * int(RATE), 300)
        warm_up = scale.size(5 * int(RATE), 50)
        before = cpu_seconds(installation.process.pid)
        wall = time.perf_counter()
        answer = await asyncio.to_thread(_generate, installation, token, paths(seeded, warm_up + number), warm_up)
        busy = (cpu_seconds(installation.process.pid) - before) / (time.perf_counter() - wall)
    assert answer.errors == 0, f"{answer.errors} requests failed"
    method = (
        f"1 service on SQLite with {_PROJECTS * tasks_each} tasks, 1 generator process, open loop at {RATE:g}/s over "
        f"64 connections, timed from each request's due moment; {json.dumps(MIX)} %; p95 of {number}"
    )
    return [
        Row("API reads at 350/s", "ms", milliseconds(answer.samples), 25.0, "", None, method),
        Row("API reads at 350/s, processor", "cores", round(busy, 3), None, "", None, "the service's own CPU time"),
    ]


def _generate(installation: Installation, token: str, targets: list[str], warm_up: int) -> Answer:
    job = {
        "host": "127.0.0.1",
        "port": installation.port,
        "headers": {"Authorization": f"Bearer {token}"},
        "paths": targets,
        "rate": RATE,
        "warm_up": warm_up,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.generator"],
        input=json.dumps(job),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Answer(**json.loads(done.stdout))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
