"""The folders of a workspace on the host.

What lies in them was made by hostile programs: every step goes from an open folder to a name in it, never follows a
link, and is bounded in open files, depth and memory.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PARTS = ("repo", "home", "state", "run")
"""The only folders that a workspace sees; `run` is made anew at every start."""

_DEEPEST = 40
_BATCH = 4096
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextmanager
def opened(name: str | Path, parent: int | None = None) -> Iterator[int]:
    """Descriptor of a folder. Raises OSError for anything else, a link to a folder included."""
    descriptor = os.open(name, _FOLDER, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def prepare(folder: Path, owner: tuple[int, int] | None) -> None:
    """Make the workspace's folder and its parts, those owned by `owner` (uid, gid) when given.

    What stands in the way of a part (a link, a file) is an OSError, never followed; `run` is emptied, which takes as
    long as the workspace put files into it.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    with opened(folder) as parent:
        delete_tree(parent, "run")
        for part in PARTS:
            with suppress(FileExistsError):
                os.mkdir(part, 0o700, dir_fd=parent)
            with opened(part, parent) as descriptor:
                if owner is not None and os.fstat(descriptor).st_uid != owner[0]:
                    os.fchown(descriptor, *owner)


def delete_tree(parent: int, name: str) -> None:
    """Delete what `name` in the open folder `parent` is: anything, however deep, read-only or absent."""
    try:
        top = _opened_for_deletion(parent, name)
    except FileNotFoundError:
        return
    except OSError:  # no folder: ENOTDIR or ELOOP
        os.unlink(name, dir_fd=parent)
        return
    try:
        _empty(top, top, itertools.count(), depth=0)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=parent)


def _empty(folder: int, top: int, numbers: Iterator[int], depth: int) -> None:
    """Delete all entries. What lies too deep is first moved up into `top`, so that open files and calls stay few."""
    while True:
        with os.scandir(folder) as entries:
            batch = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in itertools.islice(entries, _BATCH)]
        if not batch:
            return
        for name, is_folder in batch:
            if not is_folder:
                os.unlink(name, dir_fd=folder)
                continue
            child = _opened_for_deletion(folder, name)
            try:
                if depth < _DEEPEST:
                    _empty(child, top, numbers, depth + 1)
            finally:
                os.close(child)
            if depth < _DEEPEST:
                os.rmdir(name, dir_fd=folder)
            else:
                _move_up(folder, name, top, numbers)


def _move_up(folder: int, name: str, top: int, numbers: Iterator[int]) -> None:
    for number in numbers:  # until a name is free: users may have taken some
        try:
            os.rename(name, f"moved-{number}", src_dir_fd=folder, dst_dir_fd=top)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
        else:
            return


def _opened_for_deletion(parent: int, name: str) -> int:
    """Descriptor of a folder that was made readable and writable, whatever its mode was."""
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        itself = f"/proc/self/fd/{handle}"
        if stat.S_IMODE(os.fstat(handle).st_mode) & 0o700 != 0o700:
            os.chmod(itself, 0o700)  # noqa: PTH101  # not a path: the open handle
        return os.open(itself, os.O_RDONLY | os.O_DIRECTORY)
    finally:
        os.close(handle)


@dataclass
class DiskUsage:
    """Bytes that files occupy, each counted once; `is_partial` when the budget did not last."""

    size: int = 0
    is_partial: bool = False


def disk_usage(
    folder: Path, monotonic: Callable[[], float], *, seconds: float = 1.0, entries: int = 200_000
) -> DiskUsage:
    """Measure all parts of a workspace within a budget of time and entries. An absent one counts nothing."""
    usage = DiskUsage()
    walk = _Walk(usage, monotonic, monotonic() + seconds, entries)
    with suppress(FileNotFoundError), opened(folder) as parent:
        for part in PARTS:
            walk.count(parent, part, 0)
    return usage


@dataclass
class _Walk:
    usage: DiskUsage
    monotonic: Callable[[], float]
    deadline: float
    left: int

    def __post_init__(self) -> None:
        self._linked: set[tuple[int, int]] = set()

    def count(self, parent: int, name: str, depth: int) -> None:
        if depth > _DEEPEST:
            self.usage.is_partial = True
            return
        try:
            with opened(name, parent) as descriptor, os.scandir(descriptor) as found:
                for entry in found:
                    self.left -= 1
                    if self.left < 0 or self.monotonic() > self.deadline:
                        self.usage.is_partial = True
                        return
                    self._add(entry, descriptor, depth)
        except FileNotFoundError:
            pass  # deleted meanwhile
        except OSError:
            self.usage.is_partial = True

    def _add(self, entry: os.DirEntry[str], parent: int, depth: int) -> None:
        with suppress(FileNotFoundError):
            found = entry.stat(follow_symlinks=False)
            key = (found.st_dev, found.st_ino)
            if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
                if key in self._linked:
                    return
                self._linked.add(key)
            self.usage.size += found.st_blocks * 512
            if stat.S_ISDIR(found.st_mode):
                self.count(parent, entry.name, depth + 1)
