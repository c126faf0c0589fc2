"""Runtimes to test, each on a data folder of its own, and the guard that they leave no process behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from anyon.runtime import procfs
from anyon.runtime.errors import IsolationUnavailable
from anyon.runtime.process import ProcessRuntime
from anyon.settings import Settings
from tests.needs import lacking
from tests.runtime.workspaces import STANDIN

OpenRuntime = Callable[..., Awaitable[ProcessRuntime]]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
async def open_runtime(data_dir: Path) -> AsyncIterator[OpenRuntime]:
    """Opens runtimes on one data folder; at the end their workspaces must leave no process."""
    opened: list[ProcessRuntime] = []

    async def open_one(package: Path = STANDIN, **settings: Any) -> ProcessRuntime:
        try:
            runtime = await ProcessRuntime.open(Settings(data_dir=data_dir, **settings), package=package)
        except IsolationUnavailable as error:
            raise lacking(error.describe(), error.advise()) from error
        opened.append(runtime)
        return runtime

    yield open_one
    if opened:
        running = await opened[0].list()
        for runtime in opened:
            for workspace in running:
                await runtime.remove(workspace.project_id)
            runtime.close()
    assert processes_in(data_dir) == []


@pytest.fixture
async def sandboxed(open_runtime: OpenRuntime) -> ProcessRuntime:
    return await open_runtime(isolation="bubblewrap")


@pytest.fixture
async def unisolated(open_runtime: OpenRuntime) -> ProcessRuntime:
    return await open_runtime(isolation="none")


@pytest.fixture(params=[pytest.param("bubblewrap", marks=pytest.mark.bubblewrap), "none"])
def isolation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def runtime(open_runtime: OpenRuntime, isolation: str) -> ProcessRuntime:
    """Each form of the process runtime; another runtime adds its fixture, not its tests."""
    return await open_runtime(isolation=isolation)


def processes_in(folder: Path) -> list[int]:
    """Processes with this folder on their command line or in their environment."""
    needle = str(folder).encode()
    found = []
    for pid in procfs.all_pids():
        try:
            texts = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
        except OSError:
            continue
        if any(needle in text for text in texts):
            found.append(pid)
    return found
