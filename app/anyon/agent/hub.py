"""Tells watchers what changed, and remembers when something last happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from anyon.agent.messages import Execution, Terminal
from anyon.agent.pulse import Pulse

MAX_PENDING = 4096  # subjects that a watcher may be behind by; then it gets a new snapshot instead


class Watcher:
    """What one watcher has not seen yet: the newest event per subject, so that a slow one cannot make it grow."""

    def __init__(self) -> None:
        self.pulse = Pulse()
        self.overflowed = False
        self._pending: dict[tuple[str, str], dict[str, Any]] = {}

    def offer(self, kind: str, subject: str, event: dict[str, Any]) -> None:
        if len(self._pending) >= MAX_PENDING:
            self.overflowed = True
            self._pending.clear()
        # Taken out first, so that the order is that of the last change.
        self._pending.pop((kind, subject), None)
        self._pending[kind, subject] = event
        self.pulse.fire()

    def take(self) -> dict[str, Any] | None:
        """The oldest event, or None."""
        if not self._pending:
            return None
        return self._pending.pop(next(iter(self._pending)))


class Hub:
    """`now` gives Unix seconds."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.started_at = now()
        self.last_activity = self.started_at
        self.heartbeat_until: float | None = None
        self._watchers: set[Watcher] = set()

    def touch(self) -> float:
        """A person or a task did something: gives the instant."""
        self.last_activity = self.now()
        return self.last_activity

    def beat(self, seconds: float) -> float:
        """Somebody inside asks to be kept awake for so long; gives until when. Never shortens an earlier wish."""
        self.heartbeat_until = max(self.heartbeat_until or 0.0, self.now() + seconds)
        return self.heartbeat_until

    def watch(self) -> Watcher:
        """Begin to collect; give it back to `leave`."""
        watcher = Watcher()
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def execution(self, execution: Execution) -> None:
        self.touch()
        self._publish("execution", execution.id, {"execution": execution.as_json()})

    def terminal(self, terminal: Terminal) -> None:
        self._publish("terminal", terminal.id, {"terminal": terminal.as_json()})

    def progress(self, subject: str, text: str) -> None:
        self._publish("progress", subject, {"subject": subject, "text": text})

    def _publish(self, kind: str, subject: str, event: dict[str, Any]) -> None:
        for watcher in self._watchers:
            watcher.offer(kind, subject, {"event": kind, **event})
