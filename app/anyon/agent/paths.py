"""Opens paths beneath a folder, and nothing outside of it, whatever symbolic links are there or appear meanwhile."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from pathlib import Path

from anyon.agent.problems import Problem, not_found, path_escapes

MAX_PLAIN_BYTES = 1_048_576
_SYS_OPENAT2 = 437  # the same number on every architecture
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_BENEATH = 0x08
_RACES_TOLERATED = 8  # openat2 gives up with EAGAIN while somebody renames folders on the way
_KERNEL_LACKS_IT = (errno.ENOSYS, errno.EPERM)  # some sandboxes answer EPERM to calls that they do not know

_libc = ctypes.CDLL(None, use_errno=True)


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_beneath(root: int, path: str, flags: int) -> int:
    """Open the relative `path` below the folder of descriptor `root`; gives a descriptor that children do not inherit.

    Raises Problem `path-escapes` when it leads outside (`..`, absolute, a link), `not-found`, `not-readable`.
    """
    if path.startswith("/"):
        raise path_escapes(path)
    flags |= os.O_CLOEXEC
    if not flags & os.O_PATH:
        flags |= os.O_NONBLOCK  # nobody waits for the other end of a FIFO
    try:
        try:
            return _openat2(root, path or ".", flags)
        except OSError as error:
            if error.errno not in _KERNEL_LACKS_IT:
                raise
            return _walk(root, path, flags)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.ELOOP):
            raise path_escapes(path) from error
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise not_found("file or folder", path) from error
        raise Problem("not-readable", f"{path!r} cannot be opened: {error.strerror}.", path=path) from error


def open_folder(root: int, path: str) -> int:
    """A folder beneath `root`, for use as a working directory."""
    return open_beneath(root, path, os.O_PATH | os.O_DIRECTORY)


def read_plain(path: Path | str, limit: int = MAX_PLAIN_BYTES) -> str:
    """The text of a small regular file that anybody in the workspace may have replaced. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return os.read(descriptor, limit).decode(errors="surrogateescape")
    finally:
        os.close(descriptor)


def _openat2(root: int, path: str, flags: int) -> int:
    how = _OpenHow(flags, 0, _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS)
    number = errno.EAGAIN
    for _ in range(_RACES_TOLERATED):
        descriptor = _libc.syscall(
            ctypes.c_long(_SYS_OPENAT2),
            ctypes.c_int(root),
            ctypes.c_char_p(os.fsencode(path)),
            ctypes.byref(how),
            ctypes.c_size_t(ctypes.sizeof(how)),
        )
        if descriptor >= 0:
            return int(descriptor)
        number = ctypes.get_errno()
        if number != errno.EAGAIN:
            break
    raise OSError(number, os.strerror(number))


def _walk(root: int, path: str, flags: int) -> int:
    """For kernels before 5.6: one component at a time, following no link at all."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    folder = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root)
    try:
        for part in parts[:-1]:
            deeper = _open_without_links(part, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, folder)
            os.close(folder)
            folder = deeper
        return _open_without_links(parts[-1] if parts else ".", flags, folder)
    finally:
        os.close(folder)


def _open_without_links(name: str, flags: int, folder: int) -> int:
    if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    # The name may become a link between the look and the open: O_NOFOLLOW refuses it then as well.
    return os.open(name, flags | os.O_NOFOLLOW, dir_fd=folder)
