"""The kernel's session keyring, which every process hands on to what it starts."""

from __future__ import annotations

import ctypes
import errno
import os

_KEYCTL = {"x86_64": 250, "aarch64": 219}.get(os.uname().machine)
_JOIN_SESSION_KEYRING = 1
_ABSENT = (errno.ENOSYS, errno.EPERM)


def leave() -> None:
    """Give the calling thread, and what it spawns from now on, a session keyring of its own: new and empty.

    Other threads keep theirs. Where the kernel has no keyrings, or forbids them, nothing happens. Raises OSError when
    the thread's user has as many keys as `kernel.keys.maxkeys` permits.
    """
    if _KEYCTL is None:
        return
    kernel = ctypes.CDLL(None, use_errno=True)
    if kernel.syscall(ctypes.c_long(_KEYCTL), ctypes.c_long(_JOIN_SESSION_KEYRING), None) < 0:
        number = ctypes.get_errno()
        if number not in _ABSENT:
            raise OSError(number, os.strerror(number), "a session keyring of its own")
