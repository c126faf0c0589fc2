"""The one place that turns failures into HTTP: RFC 9457 problem documents."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError, ValidationException, WebSocketRequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from anyon.agent.errors import AgentProblem
from anyon.api.schemas.base import Problem
from anyon.errors import AnyonError

MEDIA_TYPE = "application/problem+json"

_DOCUMENT = {"schema": {"$ref": "#/components/schemas/Problem"}}
DESCRIBED: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "What was asked for is refused.", "content": {MEDIA_TYPE: _DOCUMENT}},
    "5XX": {"description": "It failed on our side.", "content": {MEDIA_TYPE: _DOCUMENT}},
}
"""How every operation describes its failures in the OpenAPI document."""

_TITLES = {
    400: "The request could not be read",
    404: "Not found",
    405: "That method is not possible here",
    406: "That format is not available",
    413: "The request is too large",
    415: "That media type is not accepted",
    422: "A value is not acceptable",
}
_HINTS = {
    404: "Check the address, the id or the path.",
    405: "See /api/openapi.json for the methods of this address.",
}

_ANY_HINT = "Correct what the detail names and try again."

_OF_AGENTS = {
    "not-found": 404,
    "not-readable": 404,
    "bad-argument": 422,
    "bad-offset": 422,
    "path-escapes": 422,
    "not-a-file": 422,
    "too-many-executions": 429,
    "too-many-terminals": 429,
    "too-many-channels": 429,
}
"""The status of what an agent refuses, by its code; 409 for everything else."""

_log = structlog.get_logger()


def status_of(error: AnyonError) -> int:
    """The HTTP status of a failure."""
    return _OF_AGENTS.get(error.code, error.status_hint) if isinstance(error, AgentProblem) else error.status_hint


def problem(
    status: int, *, code: str, title: str, detail: str, hint: str, request_id: str, **members: Any
) -> JSONResponse:
    """A problem document with `code`, `hint` and `request_id` beside RFC 9457's members."""
    document = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "hint": hint,
        "code": code,
        "request_id": request_id,
        **members,
    }
    return JSONResponse(document, status_code=status, media_type=MEDIA_TYPE)


def as_problem(error: AnyonError) -> dict[str, Any]:
    """The same document as data, for a row or an event: `{"code", "title", "detail", "hint", …members}`."""
    return {
        "code": error.code,
        "title": error.title,
        "detail": error.describe(),
        "hint": error.advise(),
        **error.members(),
    }


def request_id_of(request: Request) -> str:
    return str(request.scope.get("request_id", ""))


async def _anyon_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AnyonError)  # noqa: S101 - registered for this type only
    if error.status_hint >= 500:
        _log.warning("request failed", code=error.code, detail=error.describe())
    status = status_of(error)
    response = problem(
        status,
        code=error.code,
        title=error.title,
        detail=error.describe(),
        hint=error.advise() or _HINTS.get(status, _ANY_HINT),
        request_id=request_id_of(request),
        **error.members(),
    )
    if error.status_hint == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in error.members():
        response.headers["Retry-After"] = str(error.members()["retry_after"])
    return response


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    return _refused_values(error, request_id_of(request))


async def _socket_validation_error(socket: WebSocket, error: Exception) -> None:
    assert isinstance(error, WebSocketRequestValidationError)  # noqa: S101 - registered for this type only
    await socket.send_denial_response(_refused_values(error, str(socket.scope.get("request_id", ""))))


def _refused_values(error: ValidationException, request_id: str) -> JSONResponse:
    mistakes = [
        {
            "field": ".".join(str(part) for part in mistake["loc"]),
            "reason": mistake["msg"].removeprefix("Value error, "),
        }
        for mistake in error.errors()
    ]
    detail = "; ".join(f"{mistake['field']}: {mistake['reason']}" for mistake in mistakes[:10])
    return problem(
        422,
        code="value-refused",
        title=_TITLES[422],
        detail=detail,
        hint="Correct the fields named in `errors`; /api/openapi.json describes each.",
        request_id=request_id,
        errors=mistakes[:50],
    )


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    status = error.status_code
    title = _TITLES.get(status, "The request was refused")
    response = problem(
        status,
        code=f"http-{status}",
        title=title,
        detail=f"{request.method} is not possible at {request.url.path}." if status == 405 else str(error.detail),
        hint=_HINTS.get(status, "See /api/openapi.json."),
        request_id=request_id_of(request),
    )
    response.headers.update(error.headers or {})
    return response


def unexpected(request_id: str) -> JSONResponse:
    """What a client sees of a bug: nothing but the number to look it up by."""
    return problem(
        500,
        code="internal",
        title="Something went wrong on our side",
        detail="The service met an error that it did not expect.",
        hint="Try again; if it stays, give an administrator the request id.",
        request_id=request_id,
    )


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(AnyonError, _anyon_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(WebSocketRequestValidationError, _socket_validation_error)


def describe(app: FastAPI) -> None:
    """Put the form of problems, to which DESCRIBED refers, into the OpenAPI document."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        document["components"]["schemas"].setdefault("Problem", Problem.model_json_schema())
        return document

    app.openapi = openapi  # type: ignore[method-assign] # the way that FastAPI documents
