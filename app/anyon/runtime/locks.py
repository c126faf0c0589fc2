"""One actor per workspace: among the tasks of this process, and among all processes on the host."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID
from weakref import WeakValueDictionary

from anyon.runtime.errors import WorkspaceBusy

FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.05
"""Seconds between two tries, doubling from the first to the longest: the kernel tells nobody that a lock is free."""


class WorkspaceLocks:
    """Lock files in a folder of their own, which no workspace sees."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tasks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def held(self, project_id: UUID, patience: float) -> AsyncIterator[None]:
        """Hold the workspace. Raises WorkspaceBusy when another process does for more than `patience` seconds.

        A task of this process waits for its fellows without limit, since each of them is bounded itself; only without
        any patience it does not.
        """
        lock = self._tasks.setdefault(project_id, asyncio.Lock())
        if patience <= 0 and lock.locked():
            raise WorkspaceBusy(seconds=patience)
        async with lock:
            descriptor = await self._locked_file(project_id, patience)
            try:
                yield
            finally:
                os.close(descriptor)

    def forget(self, project_id: UUID) -> None:
        """Delete the lock file; only while holding it."""
        self._path(project_id).unlink(missing_ok=True)

    async def _locked_file(self, project_id: UUID, patience: float) -> int:
        deadline = asyncio.get_running_loop().time() + patience
        pause = FIRST_PAUSE
        while (descriptor := self._try(project_id)) is None:
            if asyncio.get_running_loop().time() >= deadline:
                raise WorkspaceBusy(seconds=patience)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return descriptor

    def _try(self, project_id: UUID) -> int | None:
        path = self._path(project_id)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        except (BlockingIOError, FileNotFoundError):
            pass  # held elsewhere, or deleted by `forget` between the two calls: a new file, a new try
        os.close(descriptor)
        return None

    def _path(self, project_id: UUID) -> Path:
        return self._folder / f"{project_id}.lock"
