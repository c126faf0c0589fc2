"""Frames of the agent protocol, version 1. Pure: no socket, loop, clock or log.

A frame is a header (payload length u32, kind u8, channel u32, big-endian) and a payload. JSON payloads are objects; a
DATA payload is a byte offset (u64) and bytes; an ACK payload is an offset (u64). `docs/reference/agent.md` has an
example of every message.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

VERSION = 1
MAX_JSON_BYTES = 1_048_576
MAX_DATA_BYTES = 65_536  # payload of one DATA frame, without its offset
MAX_CHANNELS = 1024  # open at a time on one connection
MAX_CHANNEL_NUMBER = 2**32 - 1
WINDOW_BYTES = 262_144  # unacknowledged bytes that a sender may have in flight on one channel

_HEADER = struct.Struct(">IBI")
_OFFSET = struct.Struct(">Q")
_ECHO_BYTES = 8


class Kind(IntEnum):
    """What a frame means; the numbers are the wire format."""

    HELLO = 1
    WELCOME = 2
    OPEN = 3
    DATA = 4
    ACK = 5
    EVENT = 6
    CLOSE = 7
    PING = 8
    PONG = 9


LIMITS: dict[Kind, int] = {
    Kind.HELLO: MAX_JSON_BYTES,
    Kind.WELCOME: MAX_JSON_BYTES,
    Kind.OPEN: MAX_JSON_BYTES,
    Kind.DATA: MAX_DATA_BYTES + _OFFSET.size,
    Kind.ACK: _OFFSET.size,
    Kind.EVENT: MAX_JSON_BYTES,
    Kind.CLOSE: MAX_JSON_BYTES,
    Kind.PING: _ECHO_BYTES,
    Kind.PONG: _ECHO_BYTES,
}


class ProtocolViolation(Exception):
    """The peer broke the protocol; the connection cannot go on.

    ProtocolViolation
    ├── FrameTooLarge       the header announces more than its kind may carry
    ├── UnknownKind         the header's kind is not in the table
    ├── BadPayload          the payload is not what its kind promises
    ├── WindowExceeded      more bytes than the window allows, or an offset that cannot be
    └── TooFast             more frames than anybody asked for
    """

    code = "protocol-error"


class FrameTooLarge(ProtocolViolation):
    def __init__(self, kind: Kind, size: int, limit: int) -> None:
        self.kind, self.size, self.limit = kind, size, limit
        super().__init__(f"a {kind.name} frame of {size} bytes is larger than the limit of {limit} bytes")


class UnknownKind(ProtocolViolation):
    def __init__(self, kind: int) -> None:
        self.kind = kind
        super().__init__(f"{kind} is no kind of frame; known are 1 to {max(Kind)}")


class BadPayload(ProtocolViolation):
    def __init__(self, kind: Kind, reason: str) -> None:
        self.kind, self.reason = kind, reason
        super().__init__(f"the payload of a {kind.name} frame {reason}")


class WindowExceeded(ProtocolViolation):
    pass


class TooFast(ProtocolViolation):
    pass


class Frame(NamedTuple):
    """One frame as it was received."""

    kind: Kind
    channel: int
    payload: bytes

    def json(self) -> dict[str, Any]:
        """The payload as an object. Raises BadPayload."""
        try:
            value = json.loads(self.payload, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise BadPayload(self.kind, "is not JSON") from error
        if not isinstance(value, dict):
            raise BadPayload(self.kind, "is not a JSON object")
        return value

    def data(self) -> tuple[int, bytes]:
        """Offset of the first byte, and the bytes. Raises BadPayload."""
        if len(self.payload) < _OFFSET.size:
            raise BadPayload(self.kind, f"is {len(self.payload)} bytes, shorter than its offset of {_OFFSET.size}")
        return _OFFSET.unpack_from(self.payload)[0], self.payload[_OFFSET.size :]

    def offset(self) -> int:
        """The offset that an ACK carries. Raises BadPayload."""
        if len(self.payload) != _OFFSET.size:
            raise BadPayload(self.kind, f"is {len(self.payload)} bytes instead of {_OFFSET.size}")
        return int(_OFFSET.unpack(self.payload)[0])


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


class Decoder:
    """Turns received bytes into frames; holds at most one incomplete frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes; iterate over the frames that they complete.

        Raises FrameTooLarge and UnknownKind from the header alone, after the frames before it were given.
        """
        self._buffer += data
        return iter(self._take_one, None)

    def _take_one(self) -> Frame | None:
        if len(self._buffer) < _HEADER.size:
            return None
        size, number, channel = _HEADER.unpack_from(self._buffer)
        try:
            kind = Kind(number)
        except ValueError:
            raise UnknownKind(number) from None
        if size > LIMITS[kind]:
            raise FrameTooLarge(kind, size, LIMITS[kind])
        end = _HEADER.size + size
        if len(self._buffer) < end:
            return None
        payload = bytes(memoryview(self._buffer)[_HEADER.size : end])
        del self._buffer[:end]
        return Frame(kind, channel, payload)


def encode(kind: Kind, channel: int, payload: bytes = b"") -> bytes:
    """One frame as bytes. Raises FrameTooLarge: a sender must not produce what its peer refuses."""
    if len(payload) > LIMITS[kind]:
        raise FrameTooLarge(kind, len(payload), LIMITS[kind])
    return _HEADER.pack(len(payload), kind, channel) + payload


def encode_json(kind: Kind, channel: int, value: dict[str, Any]) -> bytes:
    """A frame with a JSON object, in ASCII, so that file names that are no UTF-8 survive. Raises FrameTooLarge."""
    return encode(kind, channel, json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii"))


def encode_data(channel: int, offset: int, data: bytes) -> bytes:
    """A DATA frame; `data` is at most MAX_DATA_BYTES."""
    return encode(Kind.DATA, channel, _OFFSET.pack(offset) + data)


def encode_ack(channel: int, offset: int) -> bytes:
    """An ACK frame: everything before `offset` was consumed."""
    return encode(Kind.ACK, channel, _OFFSET.pack(offset))
