"""The newest line of an output, told at most twice a second: what a card on the board shows of a running task."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

PAUSE_SECONDS = 0.5
MAX_LINE_BYTES = 500

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class LastLine:
    """`feed` takes the output as it comes; `tell` gets a line as plain text, the very last one on `close` too."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._line = b""
        self._unfinished = b""
        self._told = ""
        self._timer: asyncio.TimerHandle | None = None

    def feed(self, data: bytes) -> None:
        tail = self._unfinished + data[-2 * MAX_LINE_BYTES :]
        lines = tail.replace(b"\r", b"\n").split(b"\n")
        self._unfinished = lines.pop()[:MAX_LINE_BYTES]
        self._line = next((line for line in reversed(lines) if line.strip()), self._line)
        if self._timer is None:
            self._publish()
            self._timer = self._loop.call_later(PAUSE_SECONDS, self._pause_over)

    def close(self) -> None:
        """Tell what was not told yet."""
        if self._timer is not None:
            self._timer.cancel()
        self._publish()

    def _pause_over(self) -> None:
        self._timer = None
        self._publish()

    def _publish(self) -> None:
        line = self._unfinished if self._unfinished.strip() else self._line
        text = _ESCAPE_SEQUENCE.sub("", line[:MAX_LINE_BYTES].decode(errors="replace"))
        text = _CONTROL.sub("", text).strip()
        if text and text != self._told:
            self._told = text
            self._tell(text)
