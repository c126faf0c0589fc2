"""For what another process does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_PATIENCE = 20.0
T = TypeVar("T")


def eventually(look: Callable[[], T | None]) -> T:
    """What `look` sees as soon as it sees something true; fails after 20 s."""
    deadline = time.monotonic() + _PATIENCE
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
    return seen
