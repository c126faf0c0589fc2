"""What every WebSocket here shares: refusal as a problem document, a byte window, and an orderly end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect

from anyon.api.problems import as_problem, problem, status_of
from anyon.api.state import services_of
from anyon.auth import AuthError
from anyon.errors import AnyonError

WINDOW_BYTES = 262_144
"""Bytes that may be under way to a browser before it must acknowledge some."""

MAX_MESSAGE_BYTES = 65_536
"""Largest message that a browser may send."""

CLOSE_RETRY = 1012
CLOSE_BAD_MESSAGE = 1008
CLOSE_UNAUTHENTICATED = 4401

_log = structlog.get_logger()


class BadMessage(Exception):
    """A browser's message that is not one of ours; the socket is closed."""


class Window:
    """Lets `sent` run ahead of `acknowledge` by at most WINDOW_BYTES."""

    def __init__(self, start: int) -> None:
        self._sent = start
        self._acknowledged = start
        self._room = asyncio.Event()
        self._room.set()

    async def sent(self, offset: int) -> None:
        """Note that everything before `offset` was sent; returns when more may follow."""
        self._sent = max(self._sent, offset)
        while self._sent - self._acknowledged >= WINDOW_BYTES:
            self._room.clear()
            await self._room.wait()

    def acknowledge(self, offset: object) -> None:
        """Raises BadMessage for what was never sent."""
        if not isinstance(offset, int) or isinstance(offset, bool) or offset > self._sent:
            raise BadMessage("ack must be an offset that was sent")
        self._acknowledged = max(self._acknowledged, offset)
        self._room.set()

    def jump(self, offset: int) -> None:
        """Go on from `offset`, before or behind: a gap, or a repaint."""
        self._sent = self._acknowledged = offset
        self._room.set()


async def refuse(socket: WebSocket, error: AnyonError) -> None:
    """Answer the handshake with a problem document instead of a connection."""
    response = problem(
        status_of(error),
        **{key: value for key, value in as_problem(error).items() if key in {"code", "title", "detail", "hint"}},
        request_id=str(socket.scope.get("request_id", "")),
    )
    await socket.send_denial_response(response)


@asynccontextmanager
async def counted(socket: WebSocket, purpose: str) -> AsyncIterator[None]:
    """Count the socket in the metrics while the block runs, and end it in order whatever happens inside."""
    gauge = services_of(socket).metrics.gauge("anyon_sockets_open").labels(purpose)
    gauge.inc()
    try:
        yield
    except WebSocketDisconnect:
        pass
    except BadMessage as error:
        await _close(socket, CLOSE_BAD_MESSAGE, str(error))
    except AuthError as error:
        await _close(socket, CLOSE_UNAUTHENTICATED, error.describe())
    except AnyonError as error:
        _log.info("socket ended", purpose=purpose, reason=error.describe())
        await _close(socket, CLOSE_RETRY, error.describe())
    finally:
        gauge.dec()


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    try:
        await socket.close(code, reason.encode()[:120].decode(errors="ignore"))
    except (RuntimeError, WebSocketDisconnect):
        _log.debug("socket was closed already")


async def receive(
    socket: WebSocket,
    on_text: Callable[[dict[str, Any]], Awaitable[None]],
    on_bytes: Callable[[bytes], Awaitable[None]],
) -> None:
    """Dispatch what the browser sends until it leaves. Raises BadMessage, WebSocketDisconnect."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text, data = message.get("text"), message.get("bytes")
        if len(text or data or b"") > MAX_MESSAGE_BYTES:
            raise BadMessage(f"a message may have {MAX_MESSAGE_BYTES} bytes")
        if text is not None:
            await on_text(_document(text))
        else:
            await on_bytes(data or b"")


async def no_bytes(_data: bytes) -> None:
    raise BadMessage("this socket takes text only")


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMessage("a text message must be JSON") from None
    if not isinstance(document, dict):
        raise BadMessage("a text message must be a JSON object")
    return document
