"""The service's log: bounded, and never the reason why the service stops."""

from __future__ import annotations

import shutil
from pathlib import Path

LOG_BYTES = 10_000_000
KEPT_LOGS = 3
_TAIL_BYTES = 65536


def rotate(log: Path, limit: int = LOG_BYTES, kept: int = KEPT_LOGS) -> None:
    """Copy a log above `limit` bytes to LOG.1 and empty it.

    The service holds the file open for appending, so it goes on writing into the emptied file; a pipe through the
    supervisor would break with the supervisor. Lines written between the copy and the cut are lost.
    """
    if not log.exists() or log.stat().st_size <= limit:
        return
    for number in range(kept - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    log.with_name(f"{log.name}.1").chmod(0o600)
    with log.open("r+b") as stream:
        stream.truncate(0)


def tail(log: Path, lines: int) -> str:
    """The last lines, from the last 64 KiB."""
    if not log.exists():
        return ""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        text = stream.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])
