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
        self._recorded = (clock.monotonic(), 0)

    def check(self, address: str) -> None:
        """Raises TooManyFailures."""
        began, count = self._failures.get(address, (0.0, 0))
        left = began + self._window - self._clock.monotonic()
        if count >= self._limit and left > 0:
            raise TooManyFailures(retry_after=math.ceil(left))

    def failed(self, address: str) -> bool:
        """Count a failure. Whether to record it: the address's first in a while, and no flood from many addresses."""
        now = self._clock.monotonic()
        self._failures[address] = entry = self._one_more(self._failures.pop(address, (now, 0)), now)
        if len(self._failures) > self._addresses:
            self._failures.popitem(last=False)
        if entry[1] > 1:
            return False
        self._recorded = self._one_more(self._recorded, now)
        return self._recorded[1] <= self._limit

    def _one_more(self, entry: tuple[float, int], now: float) -> tuple[float, int]:
        began, count = entry
        return (began, count + 1) if now < began + self._window else (now, 1)
