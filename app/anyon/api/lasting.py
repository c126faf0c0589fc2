"""What outlasts one look at its caller's credential: sockets, and answers that go on for as long as work does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable
from typing import Any, TypeVar

from fastapi import Request, WebSocket
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from anyon.api.security import authenticated, authenticated_socket
from anyon.api.state import services_of

RECHECK_SECONDS = 60.0
"""Between two looks at a credential; a revocation by this process is noticed at once."""

_Result = TypeVar("_Result")


async def both(*directions: Awaitable[Any]) -> None:
    """Run until the first of the directions ends, then end the others; their errors are raised."""
    tasks = [asyncio.ensure_future(direction) for direction in directions]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def still_allowed(connection: Request | WebSocket) -> None:
    """Runs until what opened the connection no longer counts, then raises AuthError: revoked, expired, disabled."""
    revocations = services_of(connection).revocations
    while True:
        await revocations.wait(RECHECK_SECONDS)
        if isinstance(connection, Request):
            await authenticated(connection)
        else:
            await authenticated_socket(connection)


async def while_allowed(request: Request, work: Awaitable[_Result]) -> _Result:
    """What `work` gives. It is cancelled, and AuthError raised, as soon as the caller's credential no longer counts."""
    working = asyncio.ensure_future(work)
    await both(still_allowed(request), working)
    return working.result()


class LastingAnswer(StreamingResponse):
    """Is broken off by AuthError once `request`'s credential no longer counts, also while the client reads nothing."""

    def __init__(self, request: Request, content: AsyncIterable[bytes], *, media_type: str) -> None:
        super().__init__(content, media_type=media_type)
        self._request = request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await while_allowed(self._request, super().__call__(scope, receive, send))
