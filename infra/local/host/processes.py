"""Processes by an identity that survives the reuse of process numbers."""

from __future__ import annotations

import errno
import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class ProcessId:
    """A process number with its start time (clock ticks since boot) and the boot it belongs to."""

    pid: int
    started: int
    boot: str


def identify(pid: int) -> ProcessId | None:
    """The identity of a living process; None when there is none or it only waits to be reaped."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the program's name may hold spaces and parentheses
    if fields[0] in "ZX":
        return None
    return ProcessId(pid, int(fields[19]), boot)


def is_alive(process: ProcessId | None) -> bool:
    return process is not None and identify(process.pid) == process


def send(process: ProcessId, number: signal.Signals) -> None:
    """Signal this process alone, never its group; nothing happens when it is gone."""
    if is_alive(process):
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def stop(process: ProcessId, grace: float) -> None:
    """TERM, up to `grace` seconds, KILL. Returns when the process is gone."""
    send(process, signal.SIGTERM)
    if not wait_gone(process, grace):
        send(process, signal.SIGKILL)
        wait_gone(process, grace)


def wait_gone(process: ProcessId, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while is_alive(process):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def port_is_free(host: str, port: int) -> bool:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            if (host, error.errno) != ("::1", errno.EADDRNOTAVAIL):  # without IPv6 nobody has it
                raise
    return True


def listens(pid: int, port: int) -> bool:
    """Whether this process holds a socket that listens on the port; False as well when this user may not know it."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    with suppress(OSError):
        return any(os.readlink(descriptor) in sockets for descriptor in Path(f"/proc/{pid}/fd").iterdir())  # noqa: PTH115 - the text of the link, no path
    return False


def holder_of(port: int) -> str | None:
    """Name and number of the process that listens on this port, when this user may know it."""
    for entry in Path("/proc").iterdir() if _listening_inodes(port) else ():
        with suppress(OSError):
            if entry.name.isdigit() and listens(int(entry.name), port):
                return f"{(entry / 'comm').read_text().strip()} (process {entry.name})"
    return None


def _listening_inodes(port: int) -> set[str]:
    inodes: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(fields[9])
    return inodes
