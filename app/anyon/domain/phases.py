"""The phases between a task's creation and its first output byte, as people see them and as metrics count them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from anyon.clock import Clock
from anyon.metrics import Metrics


class Phase(StrEnum):
    """In the order in which a task passes through them."""

    QUEUE = "queue"
    ENSURE = "ensure"
    WORKTREE = "worktree"
    EXEC = "exec"
    FIRST_BYTE = "first_byte"


class PhaseLog:
    """Collects `{"name", "started_at", "seconds", "state", "detail"}`, one per phase, in order.

    `changed` is called after every change, to tell those who watch.
    """

    def __init__(self, clock: Clock, metrics: Metrics, changed: Callable[[], None]) -> None:
        self._clock = clock
        self._seconds = metrics.histogram("anyon_start_phase_seconds")
        self._changed = changed
        self._begun: list[float] = []  # of each entry
        self.entries: list[dict[str, Any]] = []

    def begin(self, phase: Phase) -> None:
        """Enter `phase`."""
        self._begun.append(self._clock.monotonic())
        self.entries.append(
            {
                "name": phase.value,
                "started_at": self._clock.now().isoformat(),
                "seconds": None,
                "state": "running",
                "detail": "",
            }
        )
        self._changed()

    def end(self, state: str = "done", detail: str = "", seconds: float | None = None) -> None:
        """Leave the present phase; without one, nothing happens. `seconds` overrides what the clock measured."""
        if not self.entries or self.entries[-1]["state"] != "running":
            return
        entry = self.entries[-1]
        entry["seconds"] = round(self._clock.monotonic() - self._begun[-1] if seconds is None else seconds, 4)
        entry["state"] = state
        entry["detail"] = detail
        self._seconds.labels(entry["name"]).observe(entry["seconds"])
        self._changed()

    def end_if(self, phase: Phase, seconds: float) -> None:
        """Leave `phase` if that is the present one."""
        if self.entries and self.entries[-1]["name"] == phase.value:
            self.end(seconds=seconds)

    def explain(self, detail: str) -> None:
        """Say what the present phase is doing."""
        if self.entries and self.entries[-1]["state"] == "running":
            self.entries[-1]["detail"] = detail
            self._changed()

    def back_to(self, phase: Phase, detail: str) -> None:
        """Be in an earlier phase again, as if it had never ended; what came after it is forgotten."""
        kept = 1 + [entry["name"] for entry in self.entries].index(phase.value)
        del self.entries[kept:], self._begun[kept:]
        self.entries[-1].update(seconds=None, state="running", detail=detail)
        self._changed()

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """Spend the block in `phase`; an exception marks it failed and goes on."""
        self.begin(phase)
        try:
            yield
        except BaseException as error:
            self.end("failed", str(error))
            raise
        self.end()
