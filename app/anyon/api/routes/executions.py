"""Executions and their logs, by HTTP for scripts and by WebSocket for browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, WebSocket
from fastapi.responses import StreamingResponse

from anyon.agent.answers import Execution, gap
from anyon.agent.client import AgentClient, AgentStream
from anyon.agent.client import Data as AgentData
from anyon.agent.errors import AgentProblem
from anyon.api.lasting import LastingAnswer, both, still_allowed, while_allowed
from anyon.api.schemas.base import Data
from anyon.api.schemas.tasks import ExecutionView
from anyon.api.security import CallerDep, accept, authenticated_socket
from anyon.api.sockets import BadMessage, Window, counted, no_bytes, receive, refuse
from anyon.api.state import ServicesDep, services_of
from anyon.api.views import execution_view
from anyon.auth import UserContext
from anyon.composition import Services
from anyon.domain.attempt_start import LIVE_EXECUTION
from anyon.domain.errors import ValueRefused
from anyon.domain.workspaces import Place
from anyon.errors import AnyonError
from anyon.model import ExecutionState
from anyon.store import ExecutionRow

router = APIRouter(prefix="/api/executions", tags=["executions"])

Offset = Annotated[int, Query(alias="from", ge=0, le=2**53, description="Byte offset at which to begin.")]

_PLAIN = "text/plain; charset=utf-8"
_NO_LOG = frozenset({ExecutionState.QUEUED, ExecutionState.FAILED})


async def _find(services: Services, caller: UserContext, execution_id: UUID) -> tuple[Place, ExecutionRow]:
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        row = await session.executions.get(execution_id)
        project = await session.projects.get(row.project_id)
    return Place(project.id, project.user_id), row


@router.get("/{execution_id}")
async def read_execution(services: ServicesDep, caller: CallerDep, execution_id: UUID) -> Data[ExecutionView]:
    _, row = await _find(services, caller, execution_id)
    return Data(data=execution_view(row))


@router.get("/{execution_id}/log", response_class=Response)
async def read_log(
    services: ServicesDep,
    request: Request,
    caller: CallerDep,
    execution_id: UUID,
    start: Offset = 0,
    follow: Annotated[bool, Query(description="Go on until the execution ends.")] = False,
) -> Response:
    """The log as plain text from a byte offset. Where the middle was dropped, a line says so.

    An answer that is followed is broken off, without its end, when the workspace goes or the caller's credential is
    revoked.
    """
    place, row = await _find(services, caller, execution_id)
    if row.state in _NO_LOG and not follow:
        return Response("", media_type=_PLAIN)
    if not await while_allowed(request, services.attempts.wait_for_log(place, row)):
        return Response("", media_type=_PLAIN)
    client = await services.workspaces.ensure(place)
    begins_with_it = follow and not start and row.state in LIVE_EXECUTION
    end = 0 if begins_with_it else await _end(client, execution_id)
    if start > end:
        raise ValueRefused(
            field="from", reason=f"the log has {end} bytes so far.", fix="Begin at an offset that was reached."
        )
    stream = client.stream("execution.follow", id=str(execution_id), **{"from": start})
    if follow:
        return LastingAnswer(request, _followed(services, place, row, stream), media_type=_PLAIN)
    return StreamingResponse(_text(stream, start, end), media_type=_PLAIN)


async def _followed(services: Services, place: Place, row: ExecutionRow, stream: AgentStream) -> AsyncIterator[bytes]:
    """The log to its end; whoever has read it finds the execution ended."""
    async for piece in _text(stream, 0, None):
        yield piece
    await services.attempts.wait_for_end(place, row)


async def _end(client: AgentClient, execution_id: UUID) -> int:
    """Bytes in the log until now."""
    return Execution.parse(await client.call("execution.get", id=str(execution_id))).log_bytes


async def _text(stream: AgentStream, start: int, end: int | None) -> AsyncIterator[bytes]:
    """The log from `start` up to `end`, or to the end of the execution."""
    if end is not None and end <= start:
        return
    async with stream:
        async for item in stream:
            if isinstance(item, AgentData):
                yield item.data if end is None else item.data[: max(0, end - item.offset)]
                if end is not None and item.offset + len(item.data) >= end:
                    return
            elif (dropped := gap(item.fields)) is not None:
                yield f"\n[{dropped.end - dropped.start} bytes of the log were dropped]\n".encode()


@router.websocket("/{execution_id}/log/socket")
async def follow_log(socket: WebSocket, execution_id: UUID, start: Offset = 0) -> None:
    """Binary frames of 8 bytes offset and the bytes there; text frames for gaps and the end."""
    services = services_of(socket)
    try:
        caller = await authenticated_socket(socket)
        place, row = await _find(services, caller, execution_id)
    except AnyonError as error:
        await refuse(socket, error)
        return
    await accept(socket)
    async with counted(socket, "log"):
        window = Window(start)

        async def on_text(message: dict[str, Any]) -> None:
            if "ack" not in message:
                raise BadMessage("expected ack")
            window.acknowledge(message["ack"])

        async def send() -> None:
            if await services.attempts.wait_for_log(place, row):
                client = await services.workspaces.ensure(place)
                try:
                    async with client.stream("execution.follow", id=str(execution_id), **{"from": start}) as stream:
                        await _forward(socket, stream, window)
                except AgentProblem as problem:
                    if problem.code == "bad-offset":  # the same again would not help
                        raise BadMessage(problem.describe()) from problem
                    raise
            ended = await services.attempts.wait_for_end(place, row)
            await socket.send_json({"event": "end", "execution": execution_view(ended).model_dump(mode="json")})
            await socket.close()

        await both(still_allowed(socket), send(), receive(socket, on_text, no_bytes))


async def _forward(socket: WebSocket, stream: AgentStream, window: Window) -> None:
    async for item in stream:
        if isinstance(item, AgentData):
            await socket.send_bytes(item.offset.to_bytes(8, "big") + item.data)
            await window.sent(item.offset + len(item.data))
        elif (dropped := gap(item.fields)) is not None:
            window.jump(dropped.end)
            await socket.send_json({"event": "gap", "from": dropped.start, "to": dropped.end})
