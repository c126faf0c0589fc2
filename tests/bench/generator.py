"""An open-loop load generator, in a process of its own: `python -m tests.bench.generator` with a job as JSON on stdin.

Requests leave on schedule whether or not earlier ones were answered, and each is timed from the moment at which it
should have left, so that a slow server cannot hide behind a generator that waits for it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from typing import Any

CONNECTIONS = 64


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request at a time; knows as much of HTTP/1.1 as the service's answers need."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # a stream socket gives an asyncio.Transport

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(self._buffer) < end + 4 + length:
            return
        del self._buffer[: end + 4 + length]
        self._pool.answered(self, int(head[9:12]), self._due)


class Pool:
    def __init__(self) -> None:
        self.samples: list[float] = []
        self.errors = 0
        self.free: deque[Connection] = deque()
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._left = 0
        self._done = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def run(self, requests: list[bytes], rate: float) -> None:
        """Send each at its time; returns when all are answered."""
        self._left = len(requests)
        self._done.clear()
        started = self._loop.time() + 0.1
        for number, request in enumerate(requests):
            due = started + number / rate
            if (pause := due - self._loop.time()) > 0:
                await asyncio.sleep(pause)
            self._waiting.append((request, due))
            self._send()
        await self._done.wait()

    def answered(self, connection: Connection, status: int, due: float) -> None:
        self.samples.append(self._loop.time() - due)
        self.errors += status != 200
        self.free.append(connection)
        self._send()
        self._left -= 1
        if not self._left:
            self._done.set()

    def _send(self) -> None:
        while self.free and self._waiting:
            self.free.popleft().send(*self._waiting.popleft())


async def generate(job: dict[str, Any]) -> dict[str, Any]:
    """`job`: host, port, headers, paths, rate, warm-up requests. Gives `samples` in seconds and `errors`."""
    pool = Pool()
    headers = "".join(f"{name}: {value}\r\n" for name, value in job["headers"].items())
    head = f"Host: {job['host']}:{job['port']}\r\n{headers}\r\n"
    requests = [f"GET {path} HTTP/1.1\r\n{head}".encode() for path in job["paths"]]
    for _ in range(CONNECTIONS):
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(pool), job["host"], job["port"]
        )
        pool.free.append(connection)
    warm_up = job["warm_up"]
    await pool.run(requests[:warm_up], job["rate"])
    pool.samples.clear()
    await pool.run(requests[warm_up:], job["rate"])
    return {"samples": pool.samples, "errors": pool.errors}


if __name__ == "__main__":
    import uvloop

    sys.stdout.write(json.dumps(uvloop.run(generate(json.loads(sys.stdin.read())))))
