"""A running service as one of its users sees it: requests, and events instead of polling."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from anyon.errors import AnyonError

Record = dict[str, Any]

_REQUEST_SECONDS = 60.0


class RequestFailed(AnyonError):
    code, status_hint = "request-failed", 502
    title = "The service refused a request"
    detail = "{request}: status {status}, {reason}"


class ConnectionLost(AnyonError):
    code, status_hint = "connection-lost", 502
    title = "The service does not answer"
    detail = "{url}: {reason}"
    hint = "Look at the service's log."


class Service:
    """`async with Service(url, token) as service: …`; every method raises RequestFailed and ConnectionLost.

    `on_line` gets each last line of an import or an attempt, with the subject's id.
    """

    def __init__(self, url: str, token: str, on_line: Callable[[str, str], None] | None = None) -> None:
        self.url = url.rstrip("/")
        self._on_line = on_line
        self.headers = {"Authorization": f"Bearer {token}"}
        self._http: httpx.AsyncClient
        self._seen: dict[str, Record] = {}
        self._news = asyncio.Event()
        self._lost: str | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        async with AsyncExitStack() as stack:
            self._http = await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=self.url, headers=self.headers, limits=limits, timeout=_REQUEST_SECONDS, trust_env=False
                )
            )
            events = await stack.enter_async_context(await self.socket("/api/events"))
            reader = asyncio.create_task(self._read(events))
            stack.push_async_callback(_cancelled, reader)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def request(self, method: str, path: str, body: Mapping[str, Any] | None = None, /, **query: Any) -> Any:
        """The answer's `data`; None when it has no body."""
        try:
            response = await self._http.request(method, path, json=body, params=query or None)
        except httpx.TransportError as error:
            raise ConnectionLost(url=self.url, reason=str(error) or type(error).__name__) from error
        if not response.is_success:
            raise RequestFailed(request=f"{method} {path}", status=response.status_code, reason=_reason(response))
        return response.json()["data"] if response.content else None

    async def get(self, path: str, /, **query: Any) -> Any:
        return await self.request("GET", path, **query)

    async def text(self, path: str) -> str:
        """An answer that is not JSON: the metrics."""
        response = await self._http.get(path)
        if not response.is_success:
            raise RequestFailed(request=f"GET {path}", status=response.status_code, reason=_reason(response))
        return response.text

    async def socket(self, path: str) -> ClientConnection:
        """A WebSocket of the service, connected; it compresses nothing, as a browser's does not here."""
        try:
            return await connect(
                self.url.replace("http", "ws", 1) + path,
                additional_headers=self.headers,
                compression=None,
                max_size=None,
                proxy=None,
            )
        except (OSError, WebSocketException) as error:
            raise ConnectionLost(url=self.url + path, reason=error) from error

    async def create_project(self, name: str, source: str = "") -> Record:
        """A project, once its repository is there. Raises RequestFailed when the import failed."""
        made = await self.request("POST", "/api/projects", {"name": name, "git_repo_path": source})
        path = f"/api/projects/{made['id']}"
        project = await self.until(made["id"], path, lambda seen: seen["state"] != "creating")
        if project["state"] != "ready":
            raise RequestFailed(request=f"create {name}", status=201, reason=f"its import failed: {project['problem']}")
        return project

    async def create_task(self, project_id: str, description: str, **fields: Any) -> Record:
        body = {"project_id": project_id, "description": description, **fields}
        task: Record = await self.request("POST", "/api/tasks", body)
        return task

    async def log(self, execution_id: str, start: int = 0) -> AsyncIterator[bytes]:
        """The log from an offset, followed to the end of the execution."""
        path = f"/api/executions/{execution_id}/log"
        query: dict[str, Any] = {"follow": "true", "from": start}
        try:
            async with self._http.stream("GET", path, params=query, timeout=None) as response:
                if not response.is_success:
                    await response.aread()
                    raise RequestFailed(request=f"GET {path}", status=response.status_code, reason=_reason(response))
                async for piece in response.aiter_raw():
                    yield piece
        except httpx.TransportError as error:
            raise ConnectionLost(url=self.url, reason=str(error) or type(error).__name__) from error

    async def settled(self, attempt_id: str) -> Record:
        """The attempt, once it needs nothing more of the service."""
        unfinished = {"queued", "starting", "running", "finishing"}
        return await self.until(
            attempt_id, f"/api/attempts/{attempt_id}", lambda attempt: attempt["state"] not in unfinished
        )

    async def until(self, subject: str, path: str, done: Callable[[Record], bool]) -> Record:
        """The object, once `done` says so: asked for once, then as the events show it."""
        self._seen.pop(subject, None)
        record: Record = await self.get(path)
        while not done(record):
            record = await self._next(subject)
        return record

    async def _next(self, subject: str) -> Record:
        while subject not in self._seen:
            if self._lost is not None:
                raise ConnectionLost(url=self.url, reason=self._lost)
            await self._news.wait()
        return self._seen.pop(subject)

    async def _read(self, events: ClientConnection) -> None:
        """Keep the newest record of each subject."""
        with suppress(WebSocketException):
            async for message in events:
                event = json.loads(message)
                if event["type"] == "resync":
                    break
                record = event.get("data") or {}
                if event["type"] == "line":
                    if self._on_line is not None:
                        self._on_line(record["id"], record["text"])
                elif "id" in record:
                    self._seen[record["id"]] = record
                    self._wake()
        self._lost = "its events ended"
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _reason(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return response.text[:200]
