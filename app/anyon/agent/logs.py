"""The log of an execution on disk: a stream of bytes addressed by offset, cut into segments.

A segment is a file named by the offset of its first byte. When the log grows past its limit the oldest segment after
the first is deleted, so that the beginning and the newest part stay; a reader meets a gap between them.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

SEGMENT_BYTES = 4_194_304
_SUFFIX = ".log"
_SEGMENTS_AT_LEAST = 4  # a small limit gets small segments, so that there is a middle to drop


class Piece(NamedTuple):
    """Bytes of a log; `offset` is larger than the one asked for when what lay between was dropped."""

    offset: int
    data: bytes


class LogWriter:
    """Appends; one per log. A full disk drops bytes, which readers see as a gap, and never fails the execution."""

    def __init__(self, folder: Path, limit: int) -> None:
        """`limit` bytes are kept at the most. The folder is made."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._limit = limit
        self._segment_bytes = min(SEGMENT_BYTES, max(1, limit // _SEGMENTS_AT_LEAST))
        self._sizes: dict[int, int] = {}  # bytes by start offset, oldest first
        self._file: int | None = None
        self.end = 0  # offset after the last byte, dropped ones included
        self.dropped = 0

    def append(self, data: bytes) -> None:
        """Write all of `data`."""
        view = memoryview(data)
        while view:
            written = self._write_some(view)
            if not written:
                self._sizes = {start: size for start, size in self._sizes.items() if size}
                self.dropped += len(view)
                self.end += len(view)
                self.close()
                return
            view = view[written:]

    def close(self) -> None:
        """Let go of the open segment; appending again begins another one."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write_some(self, view: memoryview) -> int:
        """Bytes written into the current segment; 0 when the disk takes none."""
        try:
            start = self._current_segment()
            size = self._sizes[start]
            written = os.write(self._descriptor(start), view[: self._segment_bytes - size])
        except OSError:
            return 0
        self._sizes[start] = size + written
        self.end += written
        return written

    def _descriptor(self, start: int) -> int:
        if self._file is None:
            self._file = os.open(
                self._folder / _name(start), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, mode=0o600
            )
        return self._file

    def _current_segment(self) -> int:
        """Start of the segment that takes the next byte; a new one makes room for itself."""
        if self._sizes and self._file is not None:
            last = next(reversed(self._sizes))
            if self._sizes[last] < self._segment_bytes:
                return last
        self.close()
        while len(self._sizes) > 1 and sum(self._sizes.values()) + self._segment_bytes > self._limit:
            self._drop_oldest_after_first()
        self._sizes[self.end] = 0
        return self.end

    def _drop_oldest_after_first(self) -> None:
        start = list(self._sizes)[1]
        with suppress(FileNotFoundError):
            (self._folder / _name(start)).unlink()
        self.dropped += self._sizes.pop(start)


class Extent(NamedTuple):
    """How far a log on disk goes."""

    end: int
    dropped: int


def read_piece(folder: Path, offset: int, limit: int) -> Piece | None:
    """Up to `limit` bytes from `offset` on, or from where the log goes on after it; None at the end.

    Looks at the disk each time: segments may vanish while somebody reads.
    """
    for start, size in _segments(folder):
        if offset < start + size:
            begin = max(offset, start)
            data = _read(folder / _name(start), begin - start, limit)
            if data:
                return Piece(begin, data)
    return None


def extent(folder: Path) -> Extent:
    """Measure a log whose writer is gone."""
    segments = _segments(folder)
    if not segments:
        return Extent(0, 0)
    end = segments[-1][0] + segments[-1][1]
    return Extent(end, end - sum(size for _, size in segments))


def _segments(folder: Path) -> list[tuple[int, int]]:
    """(start, size) of each, in order."""
    found: list[tuple[int, int]] = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            start = entry.name.removesuffix(_SUFFIX)
            if start.isdecimal() and entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    found.append((int(start), entry.stat(follow_symlinks=False).st_size))
    return sorted(found)


def _read(path: Path, position: int, limit: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return b""
    try:
        return os.pread(descriptor, limit, position)
    finally:
        os.close(descriptor)


def _name(start: int) -> str:
    return f"{start:020d}{_SUFFIX}"
