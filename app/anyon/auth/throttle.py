"""Slows down whoever guesses: guessing 256 bits is hopeless, but it need not be free."""

from __future__ import annotations

import math
from collections import OrderedDict

from anyon.auth.errors import TooManyFailures
from anyon.clock import Clock


class FailureThrottle:
    """Refuses an address after `limit` failures until `window` seconds passed since the first of them.

    Remembers at most `addresses`, dropping the one that failed longest ago: memory stays bounded under any attack.
    """

    def __init__(self, clock: Clock, *, limit: int = 20, window: float = 60.0, addresses: int = 10_000) -> None:
        self._clock = clock
        self._limit = limit
        self._window = window
        self._addresses = addresses
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def check(self, address: str) -> None:
        """Raises TooManyFailures."""
        began, count = self._failures.get(address, (0.0, 0))
        left = began + self._window - self._clock.monotonic()
        if count >= self._limit and left > 0:
            raise TooManyFailures(retry_after=math.ceil(left))

    def failed(self, address: str) -> None:
        """Count a failure."""
        now = self._clock.monotonic()
        began, count = self._failures.pop(address, (now, 0))
        if now >= began + self._window:
            began, count = now, 0
        self._failures[address] = (began, count + 1)
        if len(self._failures) > self._addresses:
            self._failures.popitem(last=False)
