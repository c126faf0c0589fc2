"""Processes of this host, named so that a reused pid is never mistaken for the one that was meant."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

WORKSPACE_MARKER = "ANYON_WORKSPACE"
"""Variable that the programs of a workspace inherit; its value is the path of the working copy, as they see it."""

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Status:
    """What /proc/<pid>/stat says: `start_time` in clock ticks since boot, `cpu_seconds` with reaped children."""

    parent: int
    start_time: int
    cpu_seconds: float
    memory_bytes: int


@cache
def boot_id() -> str:
    """Identifier of the current boot: start times of an earlier one mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def status(pid: int) -> Status | None:
    """None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the name may hold spaces and brackets
    return Status(
        parent=int(fields[1]),
        start_time=int(fields[19]),
        cpu_seconds=sum(int(field) for field in fields[11:15]) / _TICKS,
        memory_bytes=int(fields[21]) * _PAGE,
    )


@dataclass(frozen=True)
class Process:
    """A handle: as long as it is open, signals reach this process or nobody."""

    pid: int
    descriptor: int

    def has_ended(self) -> bool:
        """Whether it has exited; true of one that nobody has reaped yet."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        return bool(poll.poll(0))

    def send(self, number: signal.Signals) -> None:
        """Does nothing to one that has ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.descriptor, number)

    async def ended(self) -> None:
        """Return once it has exited. As the first process of a pid namespace it ends after all the others in there."""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        watched = os.dup(self.descriptor)  # an event loop knows one reader per descriptor
        loop.add_reader(watched, done.set)
        try:
            await done.wait()
        finally:
            loop.remove_reader(watched)
            os.close(watched)


@contextmanager
def opened(pid: int, start_time: int | None = None) -> Iterator[Process | None]:
    """The process with this pid, or None when it has ended or is not the one that began at `start_time`."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        process = Process(pid, descriptor)
        found = status(pid)  # read after the handle exists: it cannot be another's any more
        same = found is not None and start_time in (None, found.start_time)
        yield process if same and not process.has_ended() else None
    finally:
        os.close(descriptor)


def all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208  # names only, thousands of them


def command_line(pid: int) -> list[str]:
    """Its arguments; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="surrogateescape").split("\0")[:-1]
    except OSError:
        return []


def descendants(pid: int) -> list[int]:
    """Children of a process, their children, and so on, without itself, in no particular order."""
    children: dict[int, list[int]] = {}
    for candidate in all_pids():
        found = status(candidate)
        if found is not None:
            children.setdefault(found.parent, []).append(candidate)
    tree: list[int] = []
    pending = children.pop(pid, [])
    while pending:
        tree.extend(pending)
        pending = [child for parent in pending for child in children.pop(parent, ())]
    return tree


def marked(working_copy: str) -> list[int]:
    """Processes whose environment at their start named this working copy."""
    needle = f"{WORKSPACE_MARKER}={working_copy}".encode()
    pids = []
    for pid in all_pids():
        with suppress(OSError):  # it has ended, or belongs to somebody else
            if needle in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                pids.append(pid)
    return pids
