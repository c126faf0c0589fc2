"""Who is asking: a browser's cookie with its CSRF token and Origin, or a script's bearer token (A2, X8)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, WebSocket
from starlette.requests import HTTPConnection

from anyon.api.state import services_of
from anyon.auth import COOKIE, UserContext
from anyon.errors import AnyonError

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class NotAdministrator(AnyonError):
    code, status_hint = "not-administrator", 403
    title = "This is for administrators"
    detail = "Your account is not an administrator's"
    hint = "Ask an administrator."


async def _identify(connection: HTTPConnection) -> UserContext:
    return await services_of(connection).auth.authenticate(
        authorization=connection.headers.get("authorization"), cookie=connection.cookies.get(COOKIE)
    )


def check_origin(request: Request) -> None:
    """Refuse what a page of another site sends; scripts send no Origin. Raises OriginRefused."""
    origin = request.headers.get("origin")
    if origin is not None:
        services_of(request).auth.origins.check(origin)


async def authenticated(request: Request) -> UserContext:
    """The caller of a request. Raises AuthError (401), CsrfRefused and OriginRefused (403)."""
    caller = await _identify(request)
    if caller.session_id is not None and request.method not in _SAFE_METHODS:
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
    """The caller of a WebSocket: a cookie counts only with an Origin of ours, since browsers send it from anywhere."""
    caller = await _identify(socket)
    if caller.session_id is not None:
        services_of(socket).auth.origins.check(socket.headers.get("origin"))
    return caller


CallerDep = Annotated[UserContext, Depends(authenticated)]
AdminDep = Annotated[UserContext, Depends(administrator)]
