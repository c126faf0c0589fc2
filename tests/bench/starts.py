"""How long a person waits for the first byte: of a task, of a command, of a workspace that was stopped."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

from anyon.agent.client import AgentClient, Data
from anyon.loadtest.service import Record, Service
from anyon.runtime.process import ProcessRuntime
from anyon.settings import Settings
from tests.bench.model import Row, Scale, Stopwatch, milliseconds
from tests.bench.repository import BareCommands, make_files
from tests.fixtures.installation import Installation, temporary_installation

_SPARE = Path(".worktrees") / ".spare"
_METHOD = (
    "1 service, 1 agent, 1 client over HTTP/1.1 on loopback, one task after the other; measured in the client from "
    "sending POST /api/tasks to the first byte of the followed log; "
)


@asynccontextmanager
async def imported(installation: Installation, source: Path) -> AsyncIterator[tuple[Service, Record]]:
    async with installation.service() as service:
        yield service, await service.create_project("bench", str(source))


@asynccontextmanager
async def prepared() -> AsyncIterator[tuple[Installation, Path, BareCommands]]:
    """An installation that may import a repository of 300 files, and the same repository for the bare commands."""
    with tempfile.TemporaryDirectory(prefix="anyon-bench-") as folder:
        source = make_files(Path(folder) / "source")
        bare = BareCommands(source, Path(folder) / "bare")
        async with temporary_installation(import_roots=(Path(folder),), log_level="warning") as installation:
            yield installation, source, bare


async def time_task(service: Service, project: Record) -> float:
    """One task from request to first byte; it is over when this returns."""
    watch = Stopwatch()
    task = await service.create_task(project["id"], "echo ready")
    attempt = task["latest_attempt"]
    seconds = 0.0
    async for _ in service.log(attempt["execution"]["id"]):
        seconds = seconds or watch.seconds()
    ended = await service.settled(attempt["id"])
    assert ended["state"] == "in_review", ended["problem"]
    return seconds


async def spare_is_ready(repository: Path, files: int) -> None:
    """The agent prepares it in the background and tells nobody; the pause covers what follows the files."""
    while sum(1 for _ in (repository / _SPARE).glob("*/*.py")) < files:  # noqa: ASYNC110 - another process does it
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.15)


async def warm_task_start(scale: Scale) -> list[Row]:
    async with prepared() as (installation, source, bare), imported(installation, source) as (service, project):
        repository = installation.data_dir / "workspaces" / project["id"] / "repo"
        files = sum(1 for _ in source.glob("*/*.py"))
        for _ in range(scale.repeats(5)):  # warm up
            await time_task(service, project)
            bare.start()
        without, with_spare, commands = [], [], []
        for _ in range(scale.repeats(60)):
            commands.append(bare.start())
            await spare_is_ready(repository, files)
            with_spare.append(await time_task(service, project))
            await spare_is_ready(repository, files)
            await asyncio.to_thread(shutil.rmtree, repository / _SPARE)
            without.append(await time_task(service, project))
    baseline = milliseconds(commands)
    return [
        Row(
            name,
            "ms",
            value,
            round(factor * baseline, 2),
            "git worktree add + sh -c",
            baseline,
            f"{_METHOD}{detail}; p95 of {len(commands)}, the three measured in turn",
        )
        for name, value, factor, detail in (
            ("warm task start", milliseconds(without), 2.0, "the spare worktree was removed before each"),
            ("warm task start, prepared worktree", milliseconds(with_spare), 0.5, "the spare worktree was there"),
        )
    ]


async def execution_start(scale: Scale) -> list[Row]:
    async with prepared() as (installation, source, bare), imported(installation, source) as (_, project):
        runtime = await ProcessRuntime.open(Settings.model_validate(installation.given))
        (workspace,) = [each for each in await runtime.list() if str(each.project_id) == project["id"]]
        client = await AgentClient.connect(workspace.endpoint)
        samples, commands = [], []
        for number in range(scale.repeats(200) + 5):
            seconds, bare_seconds = await _execute(client), bare.execute()
            if number >= 5:
                samples.append(seconds)
                commands.append(bare_seconds)
        await client.close()
        runtime.close()
    method = f"1 agent, 1 connection: execution.start, then execution.follow to its first byte; p95 of {len(samples)}"
    return [Row("execution start", "ms", milliseconds(samples), 30.0, "sh -c", milliseconds(commands), method)]


async def _execute(client: AgentClient) -> float:
    identity, watch, seconds = str(uuid4()), Stopwatch(), 0.0
    await client.call(
        "execution.start", id=identity, argv=["sh", "-c", "echo ready"], cwd=".", env={}, secrets={}, stdin=None
    )
    async with client.stream("execution.follow", id=identity, **{"from": 0}) as stream:
        async for item in stream:
            if isinstance(item, Data):
                seconds = seconds or watch.seconds()
    return seconds


async def stopped_workspace(scale: Scale) -> list[Row]:
    async with prepared() as (installation, source, bare), imported(installation, source) as (service, project):
        repository = installation.data_dir / "workspaces" / project["id"] / "repo"
        files = sum(1 for _ in source.glob("*/*.py"))
        samples, commands = [], []
        for number in range(scale.repeats(30) + 1):
            with suppress(FileNotFoundError):
                await spare_is_ready(repository, files)
            await service.request("POST", f"/api/projects/{project['id']}/workspace/stop")
            seconds, bare_seconds = await time_task(service, project), bare.start()
            if number:
                samples.append(seconds)
                commands.append(bare_seconds)
    method = f"{_METHOD}the workspace was stopped before each (process runtime, bubblewrap); p95 of {len(samples)}"
    return [
        Row(
            *("stopped workspace to first byte", "ms", milliseconds(samples), 300.0),
            *("git worktree add + sh -c", milliseconds(commands), method),
        )
    ]
