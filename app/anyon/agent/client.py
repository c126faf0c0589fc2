"""The control plane's client of one agent.

Works on uvloop and on asyncio's own loop. One connection carries every call and stream.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
from typing import Any

from anyon.agent import protocol
from anyon.agent.endpoint import AgentEndpoint
from anyon.agent.errors import AgentError, AgentRefused, AgentTimeout, AgentUnreachable
from anyon.agent.link import Link
from anyon.agent.protocol import Frame, Kind
from anyon.agent.stream import AgentStream, Data, Event

__all__ = ["AgentClient", "AgentStream", "Data", "Event"]

CLOSE_SECONDS = 1.0  # for what is under way; an agent that takes longer loses it
_PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class AgentClient:
    """Made by `connect`."""

    def __init__(self, link: Link, welcome: dict[str, Any]) -> None:
        self.generation: str = welcome["generation"]
        self.closed = link.closed  # set when the connection is over, whoever ended it
        self._link = link

    @classmethod
    async def connect(cls, endpoint: AgentEndpoint, *, timeout: float = 5.0) -> AgentClient:
        """Connect and greet. Raises AgentUnreachable, AgentRefused, AgentProtocolViolation."""
        try:
            async with asyncio.timeout(timeout):
                connection = await _connect(endpoint)
                loop = asyncio.get_running_loop()
                _, link = await loop.create_unix_connection(Link, sock=connection)
                try:
                    return cls(link, await _greet(link, endpoint))
                except BaseException:
                    link.abort(AgentUnreachable(reason="the greeting failed"))
                    raise
        except TimeoutError:
            raise AgentUnreachable(reason=f"no greeting within {timeout:g} seconds") from None
        except OSError as error:
            raise AgentUnreachable(reason=error.strerror or str(error)) from error

    async def call(self, op: str, /, *, timeout: float = 30.0, **arguments: Any) -> dict[str, Any]:
        """Run an operation; gives its result.

        Raises AgentProblem when the agent refuses, AgentTimeout, AgentUnreachable when the connection is lost,
        AgentProtocolViolation. A call that nobody waits for any more is cancelled in the agent.
        """
        answer = _Answer()
        number = 0
        try:
            async with asyncio.timeout(timeout):
                await self._link.ready()
                number = self._link.open(op, arguments, answer)
                return await answer.future
        except TimeoutError:
            raise AgentTimeout(operation=op, seconds=timeout) from None
        finally:
            self._link.cancel(number)

    def stream(self, op: str, /, **arguments: Any) -> AgentStream:
        """A streaming operation, which begins when the stream is entered."""
        return AgentStream(self._link, op, arguments)

    async def close(self) -> None:
        """End the connection within CLOSE_SECONDS; pending calls fail with AgentUnreachable."""
        self._link.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.closed.wait()
        except TimeoutError:
            self._link.abort(AgentUnreachable(reason="the connection was closed"))
            await self.closed.wait()


class _Answer:
    """Receives the end of a unary operation."""

    def __init__(self) -> None:
        self.future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def receive(self, frame: Frame) -> None:
        if frame.kind is not Kind.EVENT:
            raise protocol.BadPayload(frame.kind, "came for an operation that does not stream")

    def finish(self, result: dict[str, Any]) -> None:
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: AgentError) -> None:
        if not self.future.done():
            self.future.set_exception(error)


async def _connect(endpoint: AgentEndpoint) -> socket.socket:
    """A connection to exactly the socket in exactly that folder, made by the uid that we expect.

    The folder is writable from inside of the workspace: a link there must not lead the control plane elsewhere.
    """
    folder = os.open(endpoint.run_dir, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY)
    try:
        target = os.open(endpoint.socket_name, os.O_PATH | os.O_NOFOLLOW, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        if not stat.S_ISSOCK(os.fstat(target).st_mode):
            raise AgentRefused(reason_code="not-a-socket", reason=f"{endpoint.socket_name} is no socket.")
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            await asyncio.get_running_loop().sock_connect(connection, f"/proc/self/fd/{target}")
            _check_peer(connection, endpoint.peer_uid)
        except BaseException:
            connection.close()
            raise
    finally:
        os.close(target)
    return connection


async def _greet(link: Link, endpoint: AgentEndpoint) -> dict[str, Any]:
    hello = {"versions": [protocol.VERSION], "token": endpoint.token}
    link.write(protocol.encode_json(Kind.HELLO, 0, hello))
    welcome = await link.welcome
    if welcome.get("version") != protocol.VERSION:
        raise AgentRefused(reason_code="version-unsupported", reason="It speaks another version of the protocol.")
    if welcome.get("generation") != endpoint.generation:
        raise AgentRefused(reason_code="generation-differs", reason="Another agent than the expected one answers.")
    return welcome


def _check_peer(connection: socket.socket, expected: int) -> None:
    """Before the token is sent: who made the socket must be who runs the workspace."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    uid = _PEER_CREDENTIALS.unpack(raw)[1]
    if uid != expected:
        raise AgentRefused(reason_code="peer-refused", reason=f"The socket belongs to uid {uid}, not {expected}.")
