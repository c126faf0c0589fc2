"""Agents that a test speaks for: they behave, lie, stall, flood and vanish as told."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anyon.agent import protocol
from anyon.agent.endpoint import AgentEndpoint
from anyon.agent.protocol import Frame, Kind
from tests.agent.support import GENERATION, TOKEN

WELCOME = {"version": 1, "agent": "0", "generation": GENERATION, "pid": 1, "limits": {}}


class Wire:
    """The agent's end of a connection, spoken by a test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = protocol.Decoder()
        self._frames: list[Frame] = []

    async def receive(self) -> Frame:
        while not self._frames:
            data = await self._reader.read(65_536)
            if not data:
                raise EOFError
            self._frames += self._decoder.feed(data)
        return self._frames.pop(0)

    def send(self, wire: bytes) -> None:
        self._writer.write(wire)

    async def send_all(self, wire: bytes) -> None:
        """Send, and wait until the socket took most of it."""
        self.send(wire)
        await self._writer.drain()

    def send_json(self, kind: Kind, channel: int, **value: Any) -> None:
        self.send(protocol.encode_json(kind, channel, value))

    async def flood(self, wire: bytes) -> None:
        """Send the same for as long as anybody takes it."""
        while True:
            await self.send_all(wire)

    async def welcome(self) -> None:
        assert (await self.receive()).kind is Kind.HELLO
        self.send_json(Kind.WELCOME, 0, **WELCOME)

    async def answer(self, answers: dict[str, dict[str, Any]]) -> None:
        """Answer each operation with what stands under its name, `{"result": …}` or `{"problem": …}`."""
        await self.welcome()
        while True:
            opened = await self.receive()
            if opened.kind is Kind.OPEN and (answer := answers.get(opened.json()["op"])) is not None:
                self.send_json(Kind.CLOSE, opened.channel, **answer)

    def close(self) -> None:
        self._writer.close()


Script = Callable[[Wire], Awaitable[None]]


@asynccontextmanager
async def agent_that(tmp_path: Path, script: Script) -> AsyncIterator[AgentEndpoint]:
    """An agent that follows a script, then waits until the client leaves."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer)
        try:
            await script(wire)
            while True:
                await wire.receive()
        except (EOFError, ConnectionError):
            pass
        finally:
            writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(serve(reader, writer)))

    run_dir = tmp_path / "run"
    run_dir.mkdir(exist_ok=True)
    server = await asyncio.start_unix_server(connected, run_dir / "agent.sock")
    try:
        yield AgentEndpoint(run_dir, "agent.sock", os.getuid(), TOKEN, GENERATION)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        (run_dir / "agent.sock").unlink(missing_ok=True)


async def never_reads(wire: Wire) -> None:
    """Lets the client in and takes nothing more."""
    await wire.welcome()
    await asyncio.Event().wait()
