"""A terminal as the browser holds it: the bytes with their offsets, acknowledged, and input."""

from __future__ import annotations

import asyncio
import json
import re
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from anyon.loadtest.service import Service
from tests.faults.support import PATIENCE

ACKNOWLEDGE_EVERY = 65_536


class Terminal:
    """`start` is the offset from which to go on; None asks for a repaint."""

    def __init__(self, service: Service, terminal_id: str, start: int | None = None) -> None:
        self.id = terminal_id
        self.output = bytearray()  # what came since the connection was made
        self.attached: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.position = 0  # offset after the last byte that came
        self.ended = False
        self._service = service
        self._start = start
        self._acknowledged = 0
        self._socket: ClientConnection
        self._reader: asyncio.Task[None]
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        query = "" if self._start is None else f"?from={self._start}"
        self._socket = await self._service.socket(f"/api/terminals/{self.id}/socket{query}")
        self._reader = asyncio.create_task(self._read())
        await self.until(lambda: bool(self.attached) or self.ended)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()

    async def type(self, text: str) -> None:
        await self._socket.send(text.encode())

    async def seen(self, pattern: str) -> re.Match[bytes]:
        """The first match in the output, once there is one."""
        expression = re.compile(pattern.encode())
        await self.until(lambda: expression.search(self.output) is not None)
        found = expression.search(self.output)
        assert found is not None
        return found

    async def until(self, happened: Any) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not happened():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            tail = bytes(self.output[-500:])
            raise AssertionError(f"it did not happen; {self.events=} {self.position=} {tail=}") from None

    async def pid(self, mark: str) -> int:
        """The shell's own process id, asked for under a mark that nothing else prints."""
        await self.type(f"echo {mark}=$$=\n")
        return int((await self.seen(f"{mark}=([0-9]+)="))[1])

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                await self._receive(message)
        except ConnectionClosed:
            pass
        self.ended = True
        self._news.set()

    async def _receive(self, message: str | bytes) -> None:
        if isinstance(message, str):
            event = json.loads(message)
            self.events.append(event)
            if event["event"] == "attached":
                self.attached = event
                self.position = self._acknowledged = event["from"]
            elif event["event"] == "gap":
                self.position = self._acknowledged = event["to"]
        else:
            offset, data = int.from_bytes(message[:8], "big"), message[8:]
            assert offset == self.position, f"bytes at {offset}, expected {self.position}"
            self.output += data
            self.position += len(data)
            if self.position - self._acknowledged >= ACKNOWLEDGE_EVERY:
                self._acknowledged = self.position
                await self._socket.send(json.dumps({"ack": self.position}))
        self._news.set()


async def open_terminal(service: Service, project_id: str) -> str:
    """A new shell; its id."""
    made = await service.request("POST", f"/api/projects/{project_id}/terminals", {"cols": 120, "rows": 40})
    return str(made["id"])
