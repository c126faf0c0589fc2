"""Answers only under the names by which the service is known: a foreign name pointed at it gets nothing (rebinding)."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from anyon.api.problems import problem
from anyon.settings import Settings

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_PROBES = frozenset({"/healthz", "/readyz"})


def known_hosts(settings: Settings) -> frozenset[str]:
    """Names without ports: the public one, the bound address, and this machine's own."""
    bound = f"[{settings.host}]" if ":" in settings.host else settings.host
    return _LOOPBACK | {bound.lower(), _without_port(urlsplit(settings.origin).netloc.rpartition("@")[2].lower())}


class KnownHosts:
    """Health checks come by whatever address they have and are let through; so are scrapers, if they show a token."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._hosts = known_hosts(settings)
        self._open = _PROBES if settings.metrics_token is None else _PROBES | {"/metrics"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in self._open or _name(Headers(scope=scope)) in self._hosts:
            await self._app(scope, receive, send)
            return
        response = problem(
            421,
            code="host-unknown",
            title="The service is not known by this name",
            detail="The Host header names another service.",
            hint="If people reach the service under that name, set ANYON_PUBLIC_URL to it.",
            request_id=scope.get("request_id", ""),
        )
        await response(scope, receive, send)


def _name(headers: Headers) -> str:
    return _without_port(headers.get("host", "").lower())


def _without_port(host: str) -> str:
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
