"""The newest output of a terminal: a bounded run of bytes addressed by offset. Pure."""

from __future__ import annotations

RING_BYTES = 262_144

# What empties the whole screen, so that nothing before it shows: erase, reset, and the switch to the other screen.
_CLEARS = (b"\x1b[2J", b"\x1b[3J", b"\x1bc", b"\x1b[?1049h")
_LINE_SEARCH_BYTES = 65_536


class Ring:
    """Bytes [start, end) of a stream, at most RING_BYTES of them."""

    def __init__(self, limit: int = RING_BYTES) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self.start = 0
        self.end = 0

    def append(self, data: bytes) -> None:
        """Add bytes; the oldest fall out."""
        self._buffer += data
        self.end += len(data)
        excess = len(self._buffer) - self._limit
        if excess > 0:
            del self._buffer[:excess]
            self.start += excess

    def read(self, offset: int, limit: int) -> bytes:
        """Up to `limit` bytes from `offset` on, which must be inside of the ring."""
        begin = offset - self.start
        return bytes(self._buffer[begin : begin + limit])

    def holds(self, offset: int) -> bool:
        """Whether a reader at this offset misses nothing."""
        return self.start <= offset <= self.end

    def safe_start(self) -> int:
        """Where a replay may begin so that it is not inside an escape sequence or a character.

        The last full clear; else the very beginning if it is still there; else after the first newline; else the end.
        """
        clear = max(self._buffer.rfind(sequence) for sequence in _CLEARS)
        if clear != -1:
            return self.start + clear
        if self.start == 0:
            return 0
        newline = self._buffer.find(b"\n", 0, _LINE_SEARCH_BYTES)
        return self.end if newline == -1 else self.start + newline + 1
