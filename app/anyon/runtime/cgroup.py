"""Control groups, where the host lets the service make them: one per workspace, for limits, accounting and a sure end.

Both versions of the interface may be mounted at once. Groups are made below the service's own, so that whatever limits
the service limits its workspaces too.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

GROUP = "anyon-workspaces"
_CONTROLLERS = ("memory", "pids")


@dataclass(frozen=True)
class Hierarchy:
    """A mounted tree of groups, and the one in it that holds this process. Version 2 lists no controllers here."""

    version: int
    own: Path
    controllers: tuple[str, ...]


@dataclass(frozen=True)
class Limits:
    """None is no limit."""

    processes: int | None
    memory_bytes: int | None


@dataclass(frozen=True)
class Usage:
    memory_bytes: int | None
    processes: int | None
    cpu_seconds: float | None


def hierarchies(mounts: str, own: str) -> list[Hierarchy]:
    """Those of use among the texts of /proc/self/mounts and /proc/self/cgroup."""
    groups: dict[str, str] = {}
    for line in own.splitlines():
        number, names, path = line.split(":", 2)
        groups.update(dict.fromkeys(names.split(",") if number != "0" else [""], path))
    found = []
    for line in mounts.splitlines():
        _, target, kind, options, *_ = line.split(" ")
        if kind == "cgroup2" and "" in groups:
            found.append(Hierarchy(2, Path(target + groups[""]), ()))
        elif kind == "cgroup":
            here = tuple(name for name in _CONTROLLERS if name in options.split(",") and name in groups)
            if here:
                found.append(Hierarchy(1, Path(target + groups[here[0]]), here))
    return found


def most_memory() -> int:
    """What a workspace gets for which nobody set a limit: four fifths of the host's, so that the host goes on."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 4 // 5


class Cgroups:
    """Makes, limits, counts and ends groups. With no usable hierarchy every method does nothing."""

    def __init__(self, parents: Sequence[Path]) -> None:
        self._parents = tuple(parents)

    @classmethod
    def detect(cls, found: Iterable[Hierarchy] | None = None) -> Cgroups:
        """Try each hierarchy; one that cannot be written is left alone."""
        if found is None:
            mounts, own = Path("/proc/self/mounts"), Path("/proc/self/cgroup")
            found = hierarchies(mounts.read_text(encoding="utf-8"), own.read_text(encoding="utf-8"))
        parents = (parent for hierarchy in found for parent in _writable(hierarchy))
        return cls(tuple(dict.fromkeys(parents)))

    @property
    def usable(self) -> bool:
        return bool(self._parents)

    def create(self, name: str, limits: Limits) -> list[str]:
        """Make the groups of a workspace; the paths of those that could be made."""
        made = []
        for parent in self._parents:
            group = parent / name
            with suppress(OSError):
                group.mkdir(exist_ok=True)
                made.append(str(group))
                _limit(group, limits)
        return made

    def limits_processes(self, groups: Iterable[str]) -> bool:
        return any((Path(group) / "pids.max").exists() for group in groups)


def add(groups: Iterable[str], pid: int) -> None:
    """Move a process, with the children that it will have, into its groups."""
    for group in groups:
        with suppress(OSError):
            (Path(group) / "cgroup.procs").write_text(str(pid), encoding="ascii")


def members(groups: Iterable[str]) -> set[int]:
    pids: set[int] = set()
    for group in groups:
        with suppress(OSError):
            pids.update(int(line) for line in (Path(group) / "cgroup.procs").read_text(encoding="ascii").split())
    return pids


def kill(groups: Iterable[str]) -> None:
    """KILL every process in the groups."""
    for group in map(Path, groups):
        with suppress(OSError):
            (group / "cgroup.kill").write_text("1", encoding="ascii")
    for pid in members(groups):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def delete(groups: Iterable[str]) -> bool:
    """Delete groups that are empty. Whether all are gone."""
    for group in groups:
        with suppress(OSError):
            Path(group).rmdir()
    return not any(Path(group).exists() for group in groups)


def usage(groups: Iterable[str]) -> Usage:
    """What the groups account for; None for what they do not. Memory without the file cache that could be dropped."""
    memory = _first_number(groups, ("memory.current", "memory.usage_in_bytes"))
    if memory is not None:
        memory = max(0, memory - (_of_table(groups, "memory.stat", ("total_inactive_file", "inactive_file")) or 0))
    cpu = _of_table(groups, "cpu.stat", ("usage_usec",))
    return Usage(memory, _first_number(groups, ("pids.current",)), None if cpu is None else cpu / 1_000_000)


def _writable(hierarchy: Hierarchy) -> list[Path]:
    if hierarchy.version == 1:
        return _made(hierarchy.own)
    # A group that holds processes cannot limit its children. systemd with DelegateSubgroup= puts the service one below.
    for base in (hierarchy.own, hierarchy.own.parent):
        if base == hierarchy.own or _delegated(base):
            with suppress(OSError):
                (base / "cgroup.subtree_control").write_text("+memory +pids", encoding="ascii")
                parents = _made(base)
                for parent in parents:
                    (parent / "cgroup.subtree_control").write_text("+memory +pids", encoding="ascii")
                return parents
    return _made(hierarchy.own)


def _made(base: Path) -> list[Path]:
    parent = base / GROUP
    with suppress(OSError):
        parent.mkdir(exist_ok=True)
        if os.access(parent / "cgroup.procs", os.W_OK):
            return [parent]
    return []


def _delegated(base: Path) -> bool:
    for name in ("user.delegate", "trusted.delegate"):
        with suppress(OSError):
            if os.getxattr(base, name) == b"1":
                return True
    return False


def _limit(group: Path, limits: Limits) -> None:
    wanted = {
        "pids.max": limits.processes,
        "memory.max": limits.memory_bytes,
        "memory.limit_in_bytes": limits.memory_bytes,
    }
    for name, value in wanted.items():
        if value is not None and (group / name).exists():
            (group / name).write_text(str(value), encoding="ascii")


def _first_number(groups: Iterable[str], names: Iterable[str]) -> int | None:
    for group in groups:
        for name in names:
            with suppress(OSError, ValueError):
                return int((Path(group) / name).read_text(encoding="ascii"))
    return None


def _of_table(groups: Iterable[str], file: str, keys: Iterable[str]) -> int | None:
    """The value of the first of `keys` in a file of lines `key value`."""
    for group in groups:
        with suppress(OSError, ValueError):
            table = dict(line.split(" ", 1) for line in (Path(group) / file).read_text(encoding="ascii").splitlines())
            for key in keys:
                if key in table:
                    return int(table[key])
    return None
