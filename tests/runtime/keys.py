"""Keys of the kernel, by its system calls: Python has no others, and the tools are seldom installed."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.needs import lacking

SESSION_KEYRING = -3
SEARCH, READ, INVALIDATE = 10, 11, 21

KEYCTL = {"x86_64": 250, "aarch64": 219}.get(os.uname().machine, 0)
_ADD_KEY = KEYCTL - 2

FIND = f"""
import ctypes, sys
kernel = ctypes.CDLL(None)
found = kernel.syscall({KEYCTL}, {SEARCH}, {SESSION_KEYRING}, b"user", sys.argv[1].encode(), 0)
held = kernel.syscall({KEYCTL}, {READ}, int(sys.argv[2]), None, 0)
sys.exit(0 if found > 0 or held > 0 else 1)
"""
"""Ends with 0 when the key with the name argv[1] and the number argv[2] can be found or read."""


@contextmanager
def session_key(name: str) -> Iterator[int]:
    """A key in this thread's session keyring; gives its number."""
    kernel = ctypes.CDLL(None, use_errno=True)
    key = kernel.syscall(_ADD_KEY, b"user", name.encode(), b"sesame", 6, SESSION_KEYRING) if KEYCTL else -1
    if key < 0:
        raise lacking("This kernel has no keyrings, or forbids them", "run the tests where keyctl is permitted")
    try:
        yield key
    finally:
        kernel.syscall(KEYCTL, INVALIDATE, key)


def finds(name: str, key: int) -> bool:
    """Whether this thread has the key."""
    found = ctypes.CDLL(None).syscall(KEYCTL, SEARCH, SESSION_KEYRING, b"user", name.encode(), 0)
    return int(found) == key
