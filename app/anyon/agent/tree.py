"""The tree of processes below the agent, read from /proc.

The agent is PID 1 of its sandbox, or a subreaper: whatever loses its parent becomes the agent's child, so every process
of the workspace is a descendant. What left its session (`setsid`) and lost its parent is recognised by a variable in
its environment.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_START_TIME_FIELD = 19  # of /proc/<pid>/stat, counted after the name


class Member(NamedTuple):
    """One process, told apart from a later one with the same number by when it started (clock ticks since boot)."""

    pid: int
    started: int


class Strays(NamedTuple):
    """Orphans with a marker and all below them.

    `unclear` when some orphan shows no environment: one in the middle of an exec has none yet, so look again.
    """

    found: set[Member]
    unclear: bool


class _Stat(NamedTuple):
    state: str
    parent: int
    started: int


def _stat(pid: int) -> _Stat | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name in parentheses may hold anything, so count from the last one.
    fields = text.rpartition(")")[2].split()
    return _Stat(fields[0], int(fields[1]), int(fields[_START_TIME_FIELD]))


def children_of(pid: int) -> list[int]:
    """Pids of direct children, zombies included; empty when the process is gone."""
    try:
        tasks = list((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return []
    try:
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except FileNotFoundError:
        return _children_by_scan(pid)
    except OSError:
        return []


def _children_by_scan(pid: int) -> list[int]:
    """The same where the kernel keeps no list of children (CONFIG_PROC_CHILDREN)."""
    numbers = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
    return [number for number in numbers if (stat := _stat(number)) is not None and stat.parent == pid]


def descendants_of(pid: int) -> set[Member]:
    """Children, their children and so on."""
    found: set[Member] = set()
    level = [pid]
    while level:
        level = [child for parent in level for child in children_of(parent)]
        found.update(Member(child, stat.started) for child in level if (stat := _stat(child)) is not None)
    return found


def is_running(member: Member) -> bool:
    """Neither gone nor a zombie, and still the same process."""
    stat = _stat(member.pid)
    return stat is not None and stat.started == member.started and stat.state not in "ZX"


def strays_of(marker: str, owned: Collection[int]) -> Strays:
    """Of what the agent inherited: who was started with this `NAME=value` in its environment."""
    found: set[Member] = set()
    unclear = False
    for child in children_of(os.getpid()):
        stat = None if child in owned else _stat(child)
        if stat is None or stat.state in "ZX":
            continue
        environment = _environment(child)
        unclear = unclear or not environment
        if marker.encode() in environment.split(b"\0"):
            found |= {Member(child, stat.started), *descendants_of(child)}
    return Strays(found, unclear)


def _environment(pid: int) -> bytes:
    """What the process was started with; empty as well when it is gone or somebody else's."""
    try:
        return (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""


def kill(member: Member) -> None:
    """SIGKILL, if it is still the same process."""
    if is_running(member):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(member.pid, signal.SIGKILL)
