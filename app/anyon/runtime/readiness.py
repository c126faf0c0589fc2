"""Whether an agent's socket accepts connections, asked without trusting the folder that it lies in."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from anyon.runtime import folders

SOCKET_NAME = "agent.sock"


def accepts(folder: Path) -> bool:
    """Try to connect to the agent of the workspace in `folder`; the connection is closed at once.

    Users can put anything in the place of the socket. A link is not followed, and what is connected to is the very file
    that was looked at.
    """
    try:
        with folders.opened(folder) as parent, folders.opened("run", parent) as run:
            handle = os.open(SOCKET_NAME, os.O_PATH | os.O_NOFOLLOW, dir_fd=run)
    except OSError:
        return False
    try:
        return stat.S_ISSOCK(os.fstat(handle).st_mode) and _connects(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)


def _connects(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
        try:
            connection.connect(address)
        except BlockingIOError:  # it listens; its queue is full
            return True
        except OSError:
            return False
    return True
