"""`anyon workspaces stop`, on workspaces that run."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from anyon.cli import FAILED, main
from anyon.ids import new_id, new_token
from anyon.runtime.errors import StopTimedOut
from anyon.runtime.process import ProcessRuntime
from anyon.runtime.protocol import RunningWorkspace, WorkspaceSpec
from anyon.settings import Isolation, Settings
from tests.fixtures.product import processes_below, remove_workspaces


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Those of the command too."""
    for name in [name for name in os.environ if name.startswith("ANYON_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ANYON_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ANYON_ISOLATION", "none")
    settings = Settings(data_dir=tmp_path / "data", isolation=Isolation.NONE)
    yield settings
    if settings.data_dir.exists():
        asyncio.run(remove_workspaces(settings))


async def started(settings: Settings, *projects: UUID) -> list[RunningWorkspace]:
    """Workspaces that a service left running when it ended."""
    runtime = await ProcessRuntime.open(settings)
    try:
        for project_id in projects:
            await runtime.ensure(WorkspaceSpec(project_id, new_id(), None, new_id().hex, new_token()))
        return await runtime.list()
    finally:
        runtime.close()


def test_every_workspace_is_stopped_and_keeps_its_files(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    running = asyncio.run(started(settings, new_id(), new_id()))
    notes = [settings.data_dir / "workspaces" / str(workspace.project_id) / "repo" / "notes" for workspace in running]
    for note in notes:
        note.write_text("mine")
    assert len({workspace.pid for workspace in running} & set(processes_below(settings.data_dir))) == 2
    assert main(["workspaces", "stop"]) == 0
    assert capsys.readouterr().out == "2 workspaces stopped\n"
    assert processes_below(settings.data_dir) == []
    assert [note.read_text() for note in notes] == ["mine", "mine"]
    for workspace in running:
        os.waitpid(workspace.pid, 0)  # they are this process's children, as they would not be after a service's end
    assert main(["workspaces", "stop"]) == 0
    assert capsys.readouterr().out == "0 workspaces stopped\n"


def test_one_that_does_not_stop_keeps_no_other_running(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = asyncio.run(started(settings, new_id(), new_id()))
    stuck, other = running
    stop = ProcessRuntime.stop

    async def stops(self: ProcessRuntime, project_id: UUID, grace: float) -> None:
        if project_id == stuck.project_id:
            raise StopTimedOut(pids="1", seconds=1.0)
        await asyncio.sleep(0)
        await stop(self, project_id, grace)

    monkeypatch.setattr(ProcessRuntime, "stop", stops)
    assert main(["workspaces", "stop"]) == 1
    assert StopTimedOut.title in capsys.readouterr().err
    os.waitpid(other.pid, 0)
    assert asyncio.run(started(settings)) == [stuck]
    monkeypatch.undo()


def test_a_data_folder_that_is_not_there_is_refused_and_not_made(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["workspaces", "stop"]) == FAILED
    assert f"{settings.data_dir}, which ANYON_DATA_DIR names, is not a folder" in capsys.readouterr().err
    assert not settings.data_dir.exists()
