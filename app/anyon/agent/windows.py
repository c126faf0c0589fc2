"""Flow control of one channel, both ends, and the limit of what no window holds back. Pure.

A sender has at most WINDOW_BYTES unacknowledged in flight; then it waits, it does not buffer. Offsets may jump forward
(bytes that were dropped), so the bytes in flight are counted, not computed from the offsets.
"""

from __future__ import annotations

from collections import deque

from anyon.agent.protocol import WINDOW_BYTES, TooFast, WindowExceeded

MAX_GAPS = 1024  # in the bytes that wait to be consumed; more would cost more memory than the bytes


class _Flight:
    """Contiguous runs of offsets that are sent and not acknowledged: [start, end) pairs, oldest first."""

    def __init__(self) -> None:
        self._runs: deque[tuple[int, int]] = deque()
        self.size = 0

    @property
    def runs(self) -> int:
        return len(self._runs)

    def add(self, start: int, end: int) -> None:
        if end == start:
            return
        if self._runs and self._runs[-1][1] == start:
            self._runs[-1] = (self._runs[-1][0], end)
        else:
            self._runs.append((start, end))
        self.size += end - start

    def remove_before(self, offset: int) -> None:
        while self._runs and self._runs[0][0] < offset:
            start, end = self._runs.popleft()
            self.size -= min(end, offset) - start
            if end > offset:
                self._runs.appendleft((offset, end))


class SendWindow:
    """The sender's end."""

    def __init__(self, limit: int = WINDOW_BYTES) -> None:
        self._flight = _Flight()
        self._limit = limit
        self.position = 0  # offset after the last byte sent
        self.acknowledged = 0

    @property
    def available(self) -> int:
        """Bytes that may be sent now."""
        return self._limit - self._flight.size

    def skip_to(self, offset: int) -> None:
        """What lies between is not going to be sent: the stream begins, or goes on, at `offset`."""
        self.position = offset
        if not self._flight.size:
            self.acknowledged = offset

    def sent(self, offset: int, size: int) -> None:
        """Account for bytes that go out. Raises ValueError when the caller did not look at `available`."""
        if size > self.available or offset < self.position:
            raise ValueError(f"{size} bytes at {offset}: only {self.available} may be sent, from {self.position} on")
        self._flight.add(offset, offset + size)
        self.position = offset + size

    def acknowledge(self, offset: int) -> None:
        """The peer consumed everything before `offset`; an older one changes nothing. Raises WindowExceeded."""
        if offset > self.position:
            raise WindowExceeded(f"acknowledged offset {offset}, but only {self.position} was sent")
        if offset > self.acknowledged:
            self.acknowledged = offset
            self._flight.remove_before(offset)


class ReceiveWindow:
    """The receiver's end: checks what comes in and says when to acknowledge."""

    def __init__(self, limit: int = WINDOW_BYTES, *, jumps: bool = False) -> None:
        self._flight = _Flight()
        self._limit = limit
        self._jumps = jumps
        self.position = 0  # offset after the last byte received
        self.consumed_to = 0
        self._acknowledged = 0

    def received(self, offset: int, size: int) -> None:
        """Account for a DATA frame. Raises WindowExceeded for too many bytes or an impossible offset."""
        if offset < self.position or (offset > self.position and not self._jumps):
            raise WindowExceeded(f"data at offset {offset}, expected {self.position}")
        if self._flight.size + size > self._limit:
            raise WindowExceeded(f"{self._flight.size + size} unacknowledged bytes; the limit is {self._limit}")
        self._flight.add(offset, offset + size)
        if self._flight.runs > MAX_GAPS:
            raise WindowExceeded(f"more than {MAX_GAPS} gaps in one window")
        self.position = offset + size

    def consumed(self, offset: int) -> int | None:
        """Everything before `offset` is used up: the offset to acknowledge now, or None while that can wait.

        An acknowledgement goes out each quarter of the window, which keeps the sender busy and frames few.
        """
        self.consumed_to = max(self.consumed_to, min(offset, self.position))
        if self.consumed_to - self._acknowledged < self._limit // 4:
            return None
        self._acknowledged = self.consumed_to
        self._flight.remove_before(self.consumed_to)
        return self.consumed_to


class RateLimit:
    """What a peer may send without being asked: `burst` at once, `per_second` in the long run."""

    def __init__(self, burst: float, per_second: float) -> None:
        self._burst = self._left = burst
        self._per_second = per_second
        self._seen = 0.0

    def take(self, amount: float, now: float) -> None:
        """Account for it at a monotonic instant. Raises TooFast."""
        self._left = min(self._burst, self._left + (now - self._seen) * self._per_second) - amount
        self._seen = now
        if self._left < 0:
            raise TooFast(f"more unasked frames than {self._burst:g} at once and {self._per_second:g} a second")
