"""What wraps every request: its id, its measure, its largest body, and the headers of every answer."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anyon.api.problems import problem, unexpected
from anyon.domain.events import EventBus
from anyon.errors import AnyonError
from anyon.ids import new_id
from anyon.metrics import Metrics

_GIVEN_ID = re.compile(rb"[\w.-]{8,64}")
_log = structlog.get_logger()


class RequestEnvelope:
    """Outermost layer: request id, log line, metrics, security headers, and the last resort for unexpected errors.

    `Anyon-Sequence: EPOCH:NUMBER` says which events an answer is newer than: those up to this number.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, content_security_policy: str, https: bool) -> None:
        self._app = app
        self._requests = metrics.counter("anyon_http_requests_total")
        self._seconds = metrics.histogram("anyon_http_request_seconds")
        self._headers = {
            "Content-Security-Policy": content_security_policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        }
        if https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = self._request_id(scope)
        scope["request_id"] = request_id
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await self._http(scope, receive, send, request_id)

    async def _http(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        status = 500
        answering = False
        started = time.perf_counter()
        bus: EventBus = scope["app"].state.services.bus
        sequence = f"{bus.epoch}:{bus.sequence}"

        async def send_wrapped(message: Message) -> None:
            nonlocal answering, status
            if message["type"] == "http.response.start":
                answering = True
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
                    headers["Anyon-Sequence"] = sequence
            await send(message)

        try:
            await self._app(scope, receive, send_wrapped)
        except Exception as error:  # noqa: BLE001 - the last resort of every request; it is logged with its traceback
            if answering and isinstance(error.__cause__, AnyonError):
                # The answer's end stays away, by which the client knows that it is not whole.
                _log.info("answer broken off", path=scope["path"], reason=error.__cause__.describe())
                return
            _log.exception("unexpected error", method=scope["method"], path=scope["path"])
            if not answering:
                await unexpected(request_id)(scope, receive, send_wrapped)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "unmatched")
            self._requests.labels(scope["method"], route, str(status)).inc()
            self._seconds.labels(scope["method"], route).observe(seconds)
            _log.debug(
                "request", method=scope["method"], path=scope["path"], status=status, ms=round(seconds * 1000, 1)
            )

    @staticmethod
    def _request_id(scope: Scope) -> str:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _GIVEN_ID.fullmatch(value):
                return str(value.decode())
        return new_id().hex


class BodyLimit:
    """Refuses a body above `limit` bytes, announced or not, with the limit in the message."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._limit:
            await self._refuse(scope, receive, send)
            return
        limited = _LimitedBody(receive, self._limit)
        started = False

        async def send_wrapped(message: Message) -> None:
            nonlocal started
            if limited.exceeded and not started:
                return
            started = True
            await send(message)

        await self._app(scope, limited, send_wrapped)
        if limited.exceeded and not started:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = problem(
            413,
            code="body-too-large",
            title="The request is too large",
            detail=f"The body has more than {self._limit} bytes.",
            hint="Send less, or ask an administrator to raise ANYON_MAX_BODY_BYTES.",
            request_id=scope.get("request_id", ""),
            limit=self._limit,
        )
        await response(scope, receive, send)


class _LimitedBody:
    """A receive channel that ends the body as soon as it exceeds the limit."""

    def __init__(self, receive: Callable[[], Awaitable[Message]], limit: int) -> None:
        self._receive = receive
        self._left = limit
        self.exceeded = False

    async def __call__(self) -> Message:
        if self.exceeded:
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                self.exceeded = True
                return {"type": "http.disconnect"}
        return message
