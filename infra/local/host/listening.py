"""The service's address, held by the supervisor so that it stays taken while the service restarts.

A workspace that takes the port in between would get what browsers send to the service, their cookies and keys included.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence

_BACKLOG = 2048
_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})  # no IPv6, so nobody else can have it either


class Listening:
    """The sockets of one port at a time."""

    def __init__(self) -> None:
        self._what: tuple[tuple[str, ...], int] | None = None
        self._sockets: list[socket.socket] = []

    def take(self, addresses: Sequence[str], port: int) -> list[int]:
        """Listen there, giving up what was held before; the descriptors. Raises OSError, then nothing is held."""
        wanted = (tuple(addresses), port)
        if self._what != wanted:
            self.close()
            self._sockets, self._what = bound(addresses, port), wanted
        return [held.fileno() for held in self._sockets]

    def close(self) -> None:
        """Give up what is held."""
        for held in self._sockets:
            held.close()
        self._sockets, self._what = [], None


def bound(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """A listening socket for each of the addresses, of which this host may lack all but the first. Raises OSError."""
    taken: list[socket.socket] = []
    try:
        for address in addresses:
            try:
                taken.append(_bound(address, port))
            except OSError as error:
                if error.errno not in _NOT_HERE or not taken:
                    raise
    except OSError:
        for held in taken:
            held.close()
        raise
    return taken


def _bound(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=_BACKLOG, reuse_port=False)
