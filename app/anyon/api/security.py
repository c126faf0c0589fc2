"""Who is asking: a browser's cookie with its CSRF token and Origin, or a script's bearer token (A2, X8).

The cookie alone proves nothing, not even for reading: browsers send it to every port of this host, a workspace's
development server included. The CSRF token is given out once, at the login, and a page keeps it where only its own
origin, port and all, can read it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, WebSocket
from starlette.requests import HTTPConnection

from anyon.api.state import services_of
from anyon.auth import UserContext
from anyon.errors import AnyonError

SOCKET_PROTOCOL = "anyon"
_SOCKET_KEY = "anyon.key."


class NotAdministrator(AnyonError):
    code, status_hint = "not-administrator", 403
    title = "This is for administrators"
    detail = "Your account is not an administrator's"
    hint = "Ask an administrator."


async def _identify(connection: HTTPConnection) -> UserContext:
    auth = services_of(connection).auth
    return await auth.authenticate(
        authorization=connection.headers.get("authorization"), cookie=connection.cookies.get(auth.sessions.cookie)
    )


def check_origin(request: Request) -> None:
    """Refuse what a page of another site sends; scripts send no Origin. Raises OriginRefused."""
    origin = request.headers.get("origin")
    if origin is not None:
        services_of(request).auth.origins.check(origin)


async def authenticated(request: Request) -> UserContext:
    """The caller of a request. Raises AuthError (401), CsrfRefused and OriginRefused (403)."""
    caller = await _identify(request)
    if caller.session_id is not None:
        check_origin(request)
        services_of(request).auth.csrf.check(caller.session_id, request.headers.get("x-csrf-token"))
    return caller


async def administrator(request: Request) -> UserContext:
    """The same, refusing everybody but administrators."""
    caller = await authenticated(request)
    if not caller.is_admin:
        raise NotAdministrator
    return caller


async def authenticated_socket(socket: WebSocket) -> UserContext:
    """The caller of a WebSocket, whose CSRF token comes as a subprotocol: browsers let a page set no header there."""
    caller = await _identify(socket)
    if caller.session_id is not None:
        services = services_of(socket)
        services.auth.origins.check(socket.headers.get("origin"))
        offered = [name.removeprefix(_SOCKET_KEY) for name in _subprotocols(socket) if name.startswith(_SOCKET_KEY)]
        services.auth.csrf.check(caller.session_id, offered[0] if offered else None)
    return caller


async def accept(socket: WebSocket) -> None:
    """Open the socket, in our protocol if the browser offers it."""
    await socket.accept(SOCKET_PROTOCOL if SOCKET_PROTOCOL in _subprotocols(socket) else None)


def _subprotocols(socket: WebSocket) -> list[str]:
    names: list[str] = socket.scope.get("subprotocols", [])
    return names


CallerDep = Annotated[UserContext, Depends(authenticated)]
AdminDep = Annotated[UserContext, Depends(administrator)]
