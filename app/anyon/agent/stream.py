"""A streaming operation as the control plane sees it: items to iterate over, input to send."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Any, NamedTuple, Self

from anyon.agent import protocol
from anyon.agent.errors import AgentError, AgentProtocolViolation
from anyon.agent.link import Link
from anyon.agent.protocol import Frame, Kind, ProtocolViolation, WindowExceeded
from anyon.agent.pulse import Pulse
from anyon.agent.windows import ReceiveWindow, SendWindow

MAX_UNREAD_EVENTS = 4096
MAX_UNREAD_EVENT_BYTES = 4_194_304


class Data(NamedTuple):
    """Bytes of a log or terminal; `offset` is that of the first."""

    offset: int
    data: bytes


class Event(NamedTuple):
    """An event's fields, unchecked: they come out of the workspace."""

    fields: dict[str, Any]


class AgentStream:
    """`async with client.stream(…) as stream: async for item in stream: …`

    Taking an item acknowledges it, so a slow consumer slows the agent down. Iteration ends when the operation does;
    then `result` is set. It raises AgentProblem when the operation was refused, AgentUnreachable when the connection is
    lost, AgentProtocolViolation when the agent broke the protocol, which an event that is no object does once it is
    taken. Leaving the block detaches.
    """

    def __init__(self, link: Link, operation: str, arguments: dict[str, Any]) -> None:
        self.result: dict[str, Any] | None = None
        self._link = link
        self._operation = operation
        self._arguments = arguments
        self._number = 0
        self._inbox: deque[_Bytes | Frame] = deque()
        self._event_bytes = 0
        self._events = 0
        self._received = ReceiveWindow(jumps=True)
        self._sending = SendWindow()
        self._error: AgentError | None = None
        self._changed = Pulse()

    async def __aenter__(self) -> Self:
        await self._link.ready()
        self._number = self._link.open(self._operation, self._arguments, self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._link.cancel(self._number)
        self._inbox.clear()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Data | Event:
        while not self._inbox:
            if self._error is not None:
                raise self._error
            if self.result is not None:
                raise StopAsyncIteration
            await self._changed.wait()
        item = self._inbox.popleft()
        if isinstance(item, Frame):
            self._events -= 1
            self._event_bytes -= len(item.payload)
            return Event(self._fields_of(item))
        offset = self._received.consumed(item.offset + len(item.content))
        if offset is not None and not self.ended:
            self._link.write(protocol.encode_ack(self._number, offset))
        return Data(item.offset, bytes(item.content))

    @property
    def ended(self) -> bool:
        """Nothing more comes; items may be left to take."""
        return self.result is not None or self._error is not None

    async def send(self, data: bytes) -> None:
        """Send input, as fast as the agent uses it up; what comes after the end of the operation is dropped.

        Raises the error that ended it.
        """
        view = memoryview(data)
        while view and not self.ended:
            await self._link.ready()
            room = min(self._sending.available, protocol.MAX_DATA_BYTES)
            if room <= 0:
                await self._changed.wait()
                continue
            piece, view = bytes(view[:room]), view[room:]
            offset = self._sending.position
            self._sending.sent(offset, len(piece))
            self._link.write(protocol.encode_data(self._number, offset, piece))
        if self._error is not None:
            raise self._error

    async def send_event(self, **fields: Any) -> None:
        """Send an event; dropped after the end of the operation. Raises the error that ended it."""
        if not self.ended:
            await self._link.ready()
            self._link.write(protocol.encode_json(Kind.EVENT, self._number, fields))
        if self._error is not None:
            raise self._error

    def receive(self, frame: Frame) -> None:
        """From the link. Raises ProtocolViolation."""
        if frame.kind is Kind.ACK:
            self._sending.acknowledge(frame.offset())
        elif frame.kind is Kind.DATA:
            self._receive_data(*frame.data())
        else:
            self._receive_event(frame)
        self._changed.fire()

    def finish(self, result: dict[str, Any]) -> None:
        """From the link."""
        self.result = result
        self._changed.fire()

    def fail(self, error: AgentError) -> None:
        """From the link."""
        self._error = error
        self._changed.fire()

    def _receive_data(self, offset: int, data: bytes) -> None:
        expected = self._received.position
        self._received.received(offset, len(data))
        last = self._inbox[-1] if self._inbox else None
        # Small frames are joined: a window of single bytes must not cost a hundred times its size.
        if isinstance(last, _Bytes) and offset == expected and len(last.content) + len(data) <= protocol.MAX_DATA_BYTES:
            last.content.extend(data)
        elif data:
            self._inbox.append(_Bytes(offset, bytearray(data)))

    def _receive_event(self, frame: Frame) -> None:
        """Kept as it came: parsed, it can take twenty times its bytes."""
        self._events += 1
        self._event_bytes += len(frame.payload)
        if self._events > MAX_UNREAD_EVENTS or self._event_bytes > MAX_UNREAD_EVENT_BYTES:
            raise WindowExceeded(
                f"{self._events} unread events of {self._event_bytes} bytes; the limits are "
                f"{MAX_UNREAD_EVENTS} and {MAX_UNREAD_EVENT_BYTES}"
            )
        self._inbox.append(frame)

    def _fields_of(self, event: Frame) -> dict[str, Any]:
        """Ends the connection and raises AgentProtocolViolation for what is no object."""
        try:
            return event.json()
        except ProtocolViolation as violation:
            error = AgentProtocolViolation(reason=str(violation))
            self._inbox.clear()
            self._link.abort(error)
            raise error from violation


class _Bytes(NamedTuple):
    offset: int
    content: bytearray
