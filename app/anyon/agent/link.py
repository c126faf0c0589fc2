"""The control plane's end of one connection: greeting, channels, and what a lost connection means for them.

Everything happens in callbacks of the transport; there is no task to own or to leak. The agent is not trusted: frames
are bounded by their headers, what it may leave unread here by windows, what it says unasked by a rate, what is looked
at in one turn of the loop by a number; and any violation ends the connection.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, NoReturn, Protocol

from anyon.agent import protocol
from anyon.agent.errors import (
    AgentError,
    AgentProblem,
    AgentProtocolViolation,
    AgentRefused,
    AgentUnreachable,
)
from anyon.agent.fields import MAX_BYTES, MAX_PATH, cleaned
from anyon.agent.filenames import shown
from anyon.agent.protocol import Frame, Kind, ProtocolViolation
from anyon.agent.pulse import Pulse
from anyon.agent.windows import RateLimit, ReceiveWindow

FRAMES_PER_TURN = 64
"""Then everybody else in this process has a turn: a connection that is never silent must not be all there is."""

UNASKED_BURST = 8192
UNASKED_PER_SECOND = 512
"""Frames that no window holds back: events, echoes, acknowledgements. An honest agent sends a few a second."""

_UNASKED = frozenset({Kind.EVENT, Kind.PING, Kind.ACK})
_UNASKED_BYTES = 4096  # a larger frame counts as several
_NO_DATA = 8  # bytes of a DATA frame's offset
_LATE = 16  # and one on a channel that has ended counts as many
_MAX_MEMBERS = 16
_MAX_NAMES = 100
_CODE = re.compile(r"[a-z][a-z0-9-]{0,63}")


class Receiver(Protocol):
    """Whoever opened a channel."""

    def receive(self, frame: Frame) -> None:
        """A DATA, ACK or EVENT frame. Raises ProtocolViolation."""

    def finish(self, result: dict[str, Any]) -> None:
        """The operation ended."""

    def fail(self, error: AgentError) -> None:
        """It was refused, or the connection is gone."""


class _Left:
    """Stands in for whoever does not wait any more: up to a window of bytes may be under way still."""

    def __init__(self) -> None:
        self._window = ReceiveWindow(jumps=True)

    def receive(self, frame: Frame) -> None:
        if frame.kind is Kind.DATA:
            offset, data = frame.data()
            self._window.received(offset, len(data))

    def finish(self, _result: dict[str, Any]) -> None: ...

    def fail(self, _error: AgentError) -> None: ...


class Link(asyncio.Protocol):
    """One connection; `closed` is set when it is over."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self.welcome: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._decoder = protocol.Decoder()
        self._frames: Iterator[Frame] = iter(())
        self._next_turn: asyncio.Handle | None = None
        self._unasked = RateLimit(UNASKED_BURST, UNASKED_PER_SECOND)
        self._loop = asyncio.get_running_loop()
        self._receivers: dict[int, Receiver] = {}
        self._last_channel = 0
        self._writable = True
        self._drained = Pulse()
        self._failure: AgentError | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # a stream socket gives an asyncio.Transport

    def data_received(self, data: bytes) -> None:
        self._frames = self._decoder.feed(data)
        if self._next_turn is None:
            self._take_turn()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._drained.fire()

    def connection_lost(self, _error: Exception | None) -> None:
        self._end(AgentUnreachable(reason="the connection was lost"))
        self.closed.set()

    async def ready(self) -> None:
        """Wait until the socket takes more. Raises AgentError when the connection is over."""
        while self._failure is None and not self._writable:
            await self._drained.wait()
        if self._failure is not None:
            raise self._failure

    def write(self, frame: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame)

    def open(self, operation: str, arguments: dict[str, Any], receiver: Receiver) -> int:
        """Open a channel; gives its number. Raises AgentProblem `too-many-channels`, `arguments-too-large`."""
        if self._failure is not None:
            raise self._failure
        if len(self._receivers) >= protocol.MAX_CHANNELS:
            raise AgentProblem(
                "too-many-channels", f"{protocol.MAX_CHANNELS} operations are under way, which is the limit."
            )
        number = self._last_channel + 1
        try:
            frame = protocol.encode_json(Kind.OPEN, number, {**arguments, "op": operation})
        except protocol.FrameTooLarge as error:
            raise AgentProblem("arguments-too-large", f"The arguments of {operation} do not fit: {error}.") from error
        self._last_channel = number
        self._receivers[number] = receiver
        self.write(frame)
        return number

    def cancel(self, number: int) -> None:
        """Nobody waits for this channel any more; what still comes on it, up to its end, is ignored."""
        if number in self._receivers:
            self._receivers[number] = _Left()
            self.write(protocol.encode_json(Kind.CLOSE, number, {}))

    def abort(self, error: AgentError) -> None:
        """End now; every open channel fails with `error`."""
        self._end(error)
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Send what is under way, then end."""
        if self._transport is not None:
            self._transport.close()

    def _take_turn(self) -> None:
        """Take some of the frames that are here; while more are left, nothing else is read from the socket."""
        waits, self._next_turn = self._next_turn is not None, None
        if self._failure is not None:
            return
        left = FRAMES_PER_TURN
        try:
            for frame in islice(self._frames, left):
                left -= 1
                self._receive(frame)
                if self._failure is not None:
                    return
        except ProtocolViolation as violation:
            self.abort(AgentProtocolViolation(reason=str(violation)))
            return
        if not left:
            self._next_turn = self._loop.call_soon(self._take_turn)
        if self._transport is not None and waits is not (self._next_turn is not None):
            (self._transport.resume_reading if waits else self._transport.pause_reading)()

    def _receive(self, frame: Frame) -> None:
        if frame.kind in _UNASKED or len(frame.payload) <= _NO_DATA:
            self._unasked.take(1 + len(frame.payload) // _UNASKED_BYTES, self._loop.time())
        if frame.channel == 0:
            self._receive_for_connection(frame)
        elif frame.channel > self._last_channel or not self.welcome.done():
            raise protocol.BadPayload(frame.kind, f"is for channel {frame.channel}, which was never opened")
        elif (receiver := self._receivers.get(frame.channel)) is None:
            self._unasked.take(_LATE, self._loop.time())
        elif frame.kind is Kind.CLOSE:
            self._settle(receiver, frame)
            # Only now: when the frame is a violation, this channel has to fail with all the others.
            self._receivers.pop(frame.channel, None)
        elif frame.kind in (Kind.DATA, Kind.ACK, Kind.EVENT):
            receiver.receive(frame)
        else:
            raise protocol.BadPayload(frame.kind, f"does not belong on channel {frame.channel}")

    def _receive_for_connection(self, frame: Frame) -> None:
        if frame.kind is Kind.WELCOME and not self.welcome.done():
            self.welcome.set_result(frame.json())
        elif frame.kind is Kind.PING:
            if self._writable:  # an agent that asks without reading the answers gets none
                self.write(protocol.encode(Kind.PONG, 0, frame.payload))
        elif frame.kind is Kind.CLOSE:
            problem = problem_in(frame)
            self.abort(AgentRefused(reason_code=problem.code, reason=problem.detail))
        else:  # also PONG: nothing here asks for one
            raise protocol.BadPayload(frame.kind, "does not belong to the connection")

    def _settle(self, receiver: Receiver, frame: Frame) -> None:
        value = frame.json()
        result = value.get("result")
        if isinstance(result, dict):
            receiver.finish(result)
        else:
            receiver.fail(problem_in(frame))

    def _end(self, error: AgentError) -> None:
        if self._failure is not None:
            return
        self._failure = error
        if not self.welcome.done():
            self.welcome.set_exception(error)
            with suppress(AgentError):
                self.welcome.exception()
        receivers, self._receivers = self._receivers, {}
        for receiver in receivers.values():
            receiver.fail(error)
        self._drained.fire()


def problem_in(frame: Frame) -> AgentProblem:
    """The problem that a CLOSE frame carries. Raises BadPayload."""
    problem = frame.json().get("problem")
    if not isinstance(problem, dict):
        _refuse(frame, "holds neither a result nor a problem")
    code, detail, hint = (problem.pop(key, "") for key in ("code", "detail", "hint"))
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        _refuse(frame, "holds a problem without a valid code")
    if not isinstance(detail, str) or not isinstance(hint, str):
        _refuse(frame, "holds a problem whose detail or hint is no string")
    return AgentProblem(code, cleaned(detail), cleaned(hint), _members(problem))


def _members(problem: dict[str, Any]) -> dict[str, Any]:
    """Whole numbers, names and lists of names: nothing else is needed of what a problem brings with it."""
    members: dict[str, Any] = {}
    for key, value in list(problem.items())[:_MAX_MEMBERS]:
        if type(value) is int and abs(value) <= MAX_BYTES:
            members[cleaned(key)] = value
        elif isinstance(value, str):
            members[cleaned(key)] = shown(value[:MAX_PATH])
        elif isinstance(value, list):
            members[cleaned(key)] = [shown(name[:MAX_PATH]) for name in value[:_MAX_NAMES] if isinstance(name, str)]
    return members


def _refuse(frame: Frame, reason: str) -> NoReturn:
    raise protocol.BadPayload(frame.kind, reason)
