"""The lock of a workspace: one holder, in this process and among several."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path
from uuid import uuid4

import pytest

from anyon.runtime.errors import WorkspaceBusy
from anyon.runtime.locks import WorkspaceLocks


async def test_tasks_of_one_process_take_turns(tmp_path: Path) -> None:
    locks, project_id, inside = WorkspaceLocks(tmp_path), uuid4(), 0

    async def enter() -> None:
        nonlocal inside
        async with locks.held(project_id, patience=5):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(enter() for _ in range(10)))


async def test_another_holder_is_waited_for_and_then_an_error(tmp_path: Path) -> None:
    mine, other, project_id = WorkspaceLocks(tmp_path), WorkspaceLocks(tmp_path), uuid4()
    async with other.held(project_id, patience=5):
        with pytest.raises(WorkspaceBusy):
            async with mine.held(project_id, patience=0.01):
                pytest.fail("both hold it")
        waiting = asyncio.create_task(enter_and_leave(mine, project_id))
        await asyncio.sleep(0)
    await waiting


async def enter_and_leave(locks: WorkspaceLocks, project_id: object) -> None:
    async with locks.held(project_id, patience=5):  # type: ignore[arg-type]  # any hashable name does
        pass


async def test_without_patience_a_fellow_task_is_not_waited_for(tmp_path: Path) -> None:
    locks, project_id = WorkspaceLocks(tmp_path), uuid4()
    async with locks.held(project_id, patience=5):
        with pytest.raises(WorkspaceBusy):
            await locks.held(project_id, patience=0).__aenter__()


async def test_a_lock_whose_file_was_deleted_meanwhile_is_taken_on_the_new_file(tmp_path: Path) -> None:
    locks, project_id = WorkspaceLocks(tmp_path), uuid4()
    path = tmp_path / f"{project_id}.lock"
    async with locks.held(project_id, patience=5):
        locks.forget(project_id)
        locks.forget(project_id)
    async with locks.held(project_id, patience=5):
        descriptor = os.open(path, os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
