"""How often something is done that others ask for."""

from __future__ import annotations

import asyncio
from collections import deque


class Pace:
    """Lets `at_once` through, then one each `seconds`; who comes earlier waits."""

    def __init__(self, at_once: int, seconds: float) -> None:
        self._seconds = at_once * seconds
        self._turns: deque[float] = deque(maxlen=at_once)

    async def turn(self) -> None:
        """Wait until it is time, for one caller after another."""
        loop = asyncio.get_running_loop()
        if len(self._turns) == self._turns.maxlen:
            await asyncio.sleep(self._turns[0] + self._seconds - loop.time())
        self._turns.append(loop.time())
