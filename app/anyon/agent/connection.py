"""The agent's end of one connection: who is there, which channels are open, what flows on them."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from _operator import _compare_digest  # as `hmac` does; `hmac` itself would load OpenSSL
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

from anyon import __version__
from anyon.agent import protocol
from anyon.agent.problems import Problem
from anyon.agent.protocol import Frame, Kind, ProtocolViolation, WindowExceeded
from anyon.agent.pulse import Pulse
from anyon.agent.windows import ReceiveWindow, SendWindow

_log = logging.getLogger(__name__)

HELLO_SECONDS = 10.0
CLOSE_SECONDS = 1.0
MAX_EARLY_EVENTS = 16  # kept until the operation listens
_PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class Identity(NamedTuple):
    """Who the agent is, and whom it lets in."""

    token: str
    generation: str
    pid: int
    allowed_uids: frozenset[int]
    limits: dict[str, int]


class Channel:
    """One open operation: the sink of its bytes and events, and the source of its input."""

    def __init__(self, number: int, connection: Connection) -> None:
        self.number = number
        self.acknowledged = Pulse()
        self.window = SendWindow()
        self._received = ReceiveWindow()
        self._connection = connection
        self._on_data: Callable[[bytes], None] | None = None
        self._on_event: Callable[[dict[str, Any]], None] | None = None
        self._early: list[bytearray | dict[str, Any]] = []  # input in its order: at most a window, and so many events

    def listen(self, on_data: Callable[[bytes], None], on_event: Callable[[dict[str, Any]], None]) -> None:
        """Take input, beginning with what came before. `on_data` says by `consumed` what it used up."""
        self._on_data, self._on_event = on_data, on_event
        early, self._early = self._early, []
        for item in early:
            if isinstance(item, dict):
                on_event(item)
            else:
                on_data(bytes(item))

    async def ready(self) -> int:
        """Wait until the peer has room and the socket takes more; gives the bytes that may be sent now."""
        while True:
            if not self._connection.writable:
                await self._connection.drained.wait()
            elif self.window.available <= 0:
                await self.acknowledged.wait()
            else:
                return min(self.window.available, protocol.MAX_DATA_BYTES)

    def send(self, offset: int, data: bytes) -> None:
        """Send bytes for which `ready` said that there is room."""
        self.window.sent(offset, len(data))
        self._connection.write(protocol.encode_data(self.number, offset, data))

    async def event(self, **fields: Any) -> None:
        """Send an event once the socket takes more."""
        while not self._connection.writable:
            await self._connection.drained.wait()
        self._connection.write(protocol.encode_json(Kind.EVENT, self.number, fields))

    def consumed(self, size: int) -> None:
        """Input of `size` bytes is used up, so that the peer may send more."""
        offset = self._received.consumed(self._received.consumed_to + size)
        if offset is not None:
            self._connection.write(protocol.encode_ack(self.number, offset))

    def receive(self, frame: Frame) -> None:
        """A DATA, ACK or EVENT frame came. Raises ProtocolViolation, Problem."""
        if frame.kind is Kind.ACK:
            self.window.acknowledge(frame.offset())
            self.acknowledged.fire()
        elif frame.kind is Kind.DATA:
            offset, data = frame.data()
            self._received.received(offset, len(data))
            if self._on_data is not None:
                self._on_data(data)
            elif self._early and isinstance(self._early[-1], bytearray):
                self._early[-1] += data
            else:
                self._early.append(bytearray(data))
        else:
            self._receive_event(frame.json())

    def _receive_event(self, event: dict[str, Any]) -> None:
        if self._on_event is not None:
            self._on_event(event)
        elif sum(isinstance(item, dict) for item in self._early) < MAX_EARLY_EVENTS:
            self._early.append(event)
        else:
            raise WindowExceeded(f"more than {MAX_EARLY_EVENTS} events on channel {self.number}, which takes none")


Operate = Callable[[str, dict[str, Any], Channel], Awaitable[dict[str, Any]]]


class Connection(asyncio.Protocol):
    """Reads frames, starts an operation per OPEN, answers with CLOSE. `operate` runs one operation."""

    def __init__(
        self,
        identity: Identity,
        operate: Operate,
        tasks: asyncio.TaskGroup,
        open_connections: set[Connection],
        max_connections: int,
    ) -> None:
        self.writable = True
        self.drained = Pulse()
        self._identity = identity
        self._operate = operate
        self._owner = tasks
        self._open_connections = open_connections
        self._max_connections = max_connections
        self._decoder = protocol.Decoder()
        self._channels: dict[int, tuple[Channel, asyncio.Task[None]]] = {}
        self._last_channel = 0
        self._welcomed = False
        self._lost = asyncio.Event()
        self._transport: asyncio.Transport
        self._tasks: asyncio.TaskGroup
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a unix socket is one
        self._transport = transport
        uid = _peer_uid(transport.get_extra_info("socket"))
        if uid not in self._identity.allowed_uids or len(self._open_connections) >= self._max_connections:
            _log.warning("refused a connection of uid %d; %d are open", uid, len(self._open_connections))
            transport.abort()
            return
        self._open_connections.add(self)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(HELLO_SECONDS, transport.abort)
        self._owner.create_task(self._serve(), name="connection")

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._decoder.feed(data):
                self._receive(frame)
        except ProtocolViolation as violation:
            self._refuse(Problem(violation.code, str(violation)))
        except Problem as problem:
            self._refuse(problem)

    def pause_writing(self) -> None:
        # A peer that does not read gets no more answers to cause either: what it may make the agent hold is bounded.
        self.writable = False
        with suppress(RuntimeError):
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self.writable = True
        with suppress(RuntimeError):
            self._transport.resume_reading()
        self.drained.fire()

    def connection_lost(self, _error: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._open_connections.discard(self)
        self._lost.set()

    def write(self, frame: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(frame)

    def close(self) -> None:
        """Send what is under way, then end; a peer that does not take it is not waited for."""
        self._transport.close()
        asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._transport.abort)

    async def _serve(self) -> None:
        """Own the operations of this connection: they end with it."""
        async with asyncio.TaskGroup() as self._tasks:
            await self._lost.wait()
            for _, task in self._channels.values():
                task.cancel()

    def _receive(self, frame: Frame) -> None:
        if not self._welcomed:
            self._hello(frame)
        elif frame.kind is Kind.PING:
            self.write(protocol.encode(Kind.PONG, 0, frame.payload))
        elif frame.kind is Kind.OPEN:
            self._open(frame)
        elif frame.kind in (Kind.HELLO, Kind.WELCOME):
            raise protocol.BadPayload(frame.kind, "came after the greeting")
        elif frame.channel in self._channels:
            self._receive_on(frame)

    def _receive_on(self, frame: Frame) -> None:
        channel, task = self._channels[frame.channel]
        if frame.kind is Kind.CLOSE:
            task.cancel()
            return
        try:
            channel.receive(frame)
        except Problem as problem:
            self._close_channel(channel.number, {"problem": problem.as_json()})
            task.cancel()

    def _hello(self, frame: Frame) -> None:
        if frame.kind is not Kind.HELLO:
            raise protocol.BadPayload(frame.kind, "came before HELLO")
        hello = frame.json()
        token, versions = hello.get("token"), hello.get("versions")
        if not isinstance(token, str) or not _compare_digest(_bytes_of(token), _bytes_of(self._identity.token)):
            raise Problem("token-refused", "The token is not that of this workspace.")
        if not isinstance(versions, list) or protocol.VERSION not in versions:
            raise Problem(
                "version-unsupported",
                f"This agent speaks version {protocol.VERSION} only.",
                versions=[protocol.VERSION],
            )
        self._welcomed = True
        if self._deadline is not None:
            self._deadline.cancel()
        welcome = {
            "version": protocol.VERSION,
            "agent": __version__,
            "generation": self._identity.generation,
            "pid": self._identity.pid,
            "limits": self._identity.limits,
        }
        self.write(protocol.encode_json(Kind.WELCOME, 0, welcome))

    def _open(self, frame: Frame) -> None:
        if frame.channel <= self._last_channel:
            raise protocol.BadPayload(Kind.OPEN, f"names channel {frame.channel}, not one above {self._last_channel}")
        self._last_channel = frame.channel
        arguments = frame.json()
        if len(self._channels) >= protocol.MAX_CHANNELS:
            limit = protocol.MAX_CHANNELS
            problem = Problem("too-many-channels", f"{limit} channels are open, which is the limit.", limit=limit)
            self.write(protocol.encode_json(Kind.CLOSE, frame.channel, {"problem": problem.as_json()}))
            return
        channel = Channel(frame.channel, self)
        task = self._tasks.create_task(self._run(channel, arguments))
        self._channels[frame.channel] = (channel, task)
        # Not in the task itself: one that is cancelled before its first step never runs a line.
        task.add_done_callback(lambda _: self._close_channel(channel.number, {"result": {"cancelled": True}}))

    async def _run(self, channel: Channel, arguments: dict[str, Any]) -> None:
        """Run an operation to its CLOSE, whatever happens in it but a cancellation."""
        try:
            operation = arguments.pop("op", None)
            answer = {"result": await self._operate(str(operation), arguments, channel)}
        except Problem as refusal:
            answer = {"problem": refusal.as_json()}
        except Exception:  # noqa: BLE001 - logged here; one failure must not end the agent
            _log.exception("operation %r failed", operation)
            problem = Problem(
                "agent-failed", "The agent met an error of its own.", "Its log in the workspace's state has more."
            )
            answer = {"problem": problem.as_json()}
        self._close_channel(channel.number, answer)

    def _close_channel(self, number: int, answer: dict[str, Any]) -> None:
        if self._channels.pop(number, None) is None:
            return
        try:
            frame = protocol.encode_json(Kind.CLOSE, number, answer)
        except protocol.FrameTooLarge as error:
            problem = Problem("answer-too-large", f"The answer does not fit: {error}.", limit=error.limit)
            frame = protocol.encode_json(Kind.CLOSE, number, {"problem": problem.as_json()})
        self.write(frame)

    def _refuse(self, problem: Problem) -> None:
        """End the connection, telling the peer why."""
        _log.warning("closing a connection: %s", problem)
        self.write(protocol.encode_json(Kind.CLOSE, 0, {"problem": problem.as_json()}))
        self.close()


def _bytes_of(token: str) -> bytes:
    return token.encode(errors="surrogatepass")


def _peer_uid(connection: socket.socket) -> int:
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    return int(_PEER_CREDENTIALS.unpack(raw)[1])
