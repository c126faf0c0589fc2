"""The clock that the product runs by: injected, so that tests advance it instead of sleeping."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

JUMP_SECONDS = 60.0
"""A smaller step is what keeping time takes."""


class Clock(Protocol):
    """Stored instants are aware UTC datetimes; durations come from the monotonic clock."""

    def now(self) -> datetime:
        """The current instant, timezone-aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean anything."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class ClockJumps:
    """Notices that the wall clock moved by itself: somebody set it, or the machine slept.

    Instants from before then say nothing about how long ago they were.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen = (clock.now(), clock.monotonic())
        self._latest: datetime | None = None

    def latest(self) -> datetime | None:
        """The instant, by the present wall clock, at which a jump was last noticed; ask often."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        before, monotonic_before = self._seen
        self._seen = (now, monotonic)
        if abs((now - before).total_seconds() - (monotonic - monotonic_before)) > JUMP_SECONDS:
            self._latest = now
        return self._latest


class ManualClock:
    """A clock that moves only when it is told to."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self.jump(seconds)
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward, or back, without time passing."""
        self._now += timedelta(seconds=seconds)
