"""What changed, in order, for everybody who watches.

The bus carries names, never content: a watcher loads what it may see through its own session. Sequence numbers start at
1 within an epoch (one life of the process); a watcher that asks for a number the ring no longer holds is told to
reload.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from uuid import UUID

RING_EVENTS = 2000
"""Events kept for watchers that come back."""


class Topic(StrEnum):
    PROJECT = "project"
    WORKSPACE = "workspace"
    TASK = "task"
    ATTEMPT = "attempt"
    PROGRESS = "progress"  # of an attempt that is still in the same state
    TERMINAL = "terminal"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Event:
    """`text` is only used by LINE: the last line of an attempt's log."""

    sequence: int
    topic: Topic
    project_id: UUID
    subject: UUID
    deleted: bool = False
    text: str = ""


class EventBus:
    """One writer side, many watchers; nothing is buffered per watcher."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.sequence = 0
        self._ring: deque[Event] = deque(maxlen=RING_EVENTS)
        self._news = asyncio.Event()

    def publish(self, topic: Topic, project_id: UUID, subject: UUID, *, deleted: bool = False, text: str = "") -> None:
        """Append one event and wake the watchers."""
        self.sequence += 1
        self._ring.append(Event(self.sequence, topic, project_id, subject, deleted, text))
        news, self._news = self._news, asyncio.Event()
        news.set()

    def can_resume(self, epoch: str, sequence: int) -> bool:
        """Whether everything after `sequence` of `epoch` is still here."""
        if epoch != self.epoch or sequence > self.sequence:
            return False
        oldest = self._ring[0].sequence if self._ring else self.sequence + 1
        return sequence >= oldest - 1

    async def after(self, sequence: int) -> AsyncIterator[list[Event]]:
        """Batches of events newer than `sequence`, for as long as the caller iterates.

        An empty batch means that the caller was too slow and has missed events; iteration then continues from now.
        """
        while True:
            news = self._news
            if sequence < self.sequence:
                if not self.can_resume(self.epoch, sequence):
                    sequence = self.sequence
                    yield []
                    continue
                batch = list(islice(reversed(self._ring), self.sequence - sequence))[::-1]
                sequence = self.sequence
                yield batch
                continue
            await news.wait()

    async def wait_for(self, sequence: int, *subjects: tuple[Topic, UUID | None]) -> None:
        """Return when one of `subjects` has changed after `sequence`, or when that can no longer be told."""
        await self.wait_until(sequence, lambda event: (event.topic, event.subject) in subjects)

    async def wait_until(self, sequence: int, matters: Callable[[Event], bool]) -> None:
        """Return at an event after `sequence` that `matters`, or when that can no longer be told."""
        async for batch in self.after(sequence):
            if not batch or any(map(matters, batch)):
                return
