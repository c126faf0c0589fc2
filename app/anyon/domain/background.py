"""Owns every background job of the service, so that none outlives it and none fails silently."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import chain, repeat
from typing import Any, Self, TypeVar

import structlog

from anyon.errors import AnyonError
from anyon.store.errors import OUTAGES

_log = structlog.get_logger()

_PAUSES = (0.1, 0.5, 2.0)
_LAST_PAUSE = 5.0
_T = TypeVar("_T")


class Background:
    """Jobs that end with the service: `async with Background() as background: background.start("sweep", sweep())`.

    A job that raises is logged with its name, and with a traceback unless it is an AnyonError; it does not disturb the
    others.
    """

    def __init__(self) -> None:
        self._jobs: set[asyncio.Task[None]] = set()
        self._following: dict[str, Callable[[], Coroutine[Any, Any, None]] | None] = {}
        self._closing = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    def start(self, name: str, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `job` until it ends or the service stops."""
        if self._closing:
            job.close()
            raise RuntimeError(f"the service is stopping; {name} was not started")
        task = asyncio.create_task(job, name=name)
        self._jobs.add(task)
        task.add_done_callback(self._ended)
        return task

    def persist(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """`persistently`, in the background."""
        return self.start(name, persistently(name, work))

    def persist_one(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """`persist`, one job of this name at a time: of what comes while it runs, the newest is done after it."""
        if name in self._following:
            self._following[name] = work
        else:
            self.start(name, self._one_after_another(name, work))
            self._following[name] = None

    async def _one_after_another(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        following: Callable[[], Coroutine[Any, Any, None]] | None = work
        try:
            while following is not None:
                try:
                    await persistently(name, following)
                except AnyonError as error:
                    if self._following[name] is None:
                        raise
                    _log.warning("background job begins again", job=name, reason=error.describe())
                following, self._following[name] = self._following[name], None
        finally:
            del self._following[name]

    async def close(self) -> None:
        """Cancel every job and wait until each has cleaned up."""
        self._closing = True
        while self._jobs:
            jobs = list(self._jobs)
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)

    async def idle(self) -> None:
        """Return when no job is left; for tests and for an orderly end of one-shot commands."""
        while self._jobs:
            await asyncio.wait(list(self._jobs))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._jobs.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, AnyonError):
            _log.error("background job failed", job=task.get_name(), reason=error.describe())
        elif error is not None:
            _log.error("background job failed", job=task.get_name(), exc_info=error)


async def persistently(name: str, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """What `work` gives once it gets through: while the database is away it is begun again after a pause.

    For steps that may be repeated, and whose result nobody else would bring about.
    """
    pauses = chain(_PAUSES, repeat(_LAST_PAUSE))
    while True:
        try:
            return await work()
        except OUTAGES as error:
            _log.warning("background job waits for the database", job=name, reason=error.describe())
            await asyncio.sleep(next(pauses))
