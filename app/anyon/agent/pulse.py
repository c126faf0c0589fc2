"""Wakes everybody who waits for something to change; nobody polls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Pulse:
    """Look at the state, then `await wait()` without anything between: no change is missed."""

    def __init__(self) -> None:
        self._waiters: dict[asyncio.Future[None], None] = {}  # woken in the order in which they came
        self.listener: Callable[[], None] | None = None  # called at once, before any waiter runs

    def fire(self) -> None:
        """Something changed."""
        if self.listener is not None:
            self.listener()
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        """Return at the next `fire`."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = None
        try:
            await waiter
        finally:
            self._waiters.pop(waiter, None)
