"""Terminals: opened by HTTP, used by WebSocket."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response, WebSocket

from anyon.agent.answers import Attached, Terminal, gap
from anyon.agent.client import AgentStream
from anyon.agent.client import Data as AgentData
from anyon.agent.errors import AgentError, AgentProblem
from anyon.api.lasting import both, still_allowed
from anyon.api.schemas.base import Data, ListData
from anyon.api.schemas.terminals import NewTerminalBody, TerminalView
from anyon.api.security import CallerDep, accept, authenticated_socket
from anyon.api.sockets import CLOSE_RETRY, BadMessage, Window, counted, receive, refuse
from anyon.api.state import ServicesDep, services_of
from anyon.auth import UserContext
from anyon.composition import Services
from anyon.domain.errors import ValueRefused
from anyon.domain.workspaces import Place
from anyon.errors import AnyonError
from anyon.model import Role, TerminalState
from anyon.store import TerminalRow

router = APIRouter(tags=["terminals"])

Size = Annotated[int | None, Query(ge=2, le=1000)]


async def load_terminal(services: Services, user_id: UUID, terminal_id: UUID) -> TerminalView:
    async with services.store.for_user(user_id, read_only=True) as session:
        return TerminalView.model_validate(await session.terminals.get(terminal_id))


async def _find(services: Services, caller: UserContext, terminal_id: UUID, role: Role) -> tuple[Place, TerminalRow]:
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        row = await session.terminals.get(terminal_id, role)
        project = await session.projects.get(row.project_id)
    return Place(project.id, project.user_id), row


@router.get("/api/projects/{project_id}/terminals")
async def list_terminals(services: ServicesDep, caller: CallerDep, project_id: UUID) -> ListData[TerminalView]:
    """The open terminals of a project."""
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        await session.projects.get(project_id)
        rows = await session.terminals.open(project_id)
    return ListData(data=[TerminalView.model_validate(row) for row in rows])


@router.post("/api/projects/{project_id}/terminals", status_code=201)
async def open_terminal(
    services: ServicesDep, caller: CallerDep, project_id: UUID, body: NewTerminalBody
) -> Data[TerminalView]:
    """Open a shell in the working copy, or in the worktree of an attempt."""
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        project = await session.projects.get(project_id, Role.EDITOR)
        attempt = await session.attempts.get(body.attempt_id) if body.attempt_id else None
    if attempt is not None and attempt.project_id != project_id:
        raise ValueRefused(
            field="attempt_id", reason="it belongs to another project.", fix="Name an attempt of this one."
        )
    place = Place(project.id, project.user_id)
    row = await services.terminals.open(caller.user_id, place, attempt, body.cols, body.rows)
    return Data(data=TerminalView.model_validate(row))


@router.delete("/api/terminals/{terminal_id}", status_code=204)
async def close_terminal(services: ServicesDep, caller: CallerDep, terminal_id: UUID) -> Response:
    """End its shell and what runs in it."""
    place, row = await _find(services, caller, terminal_id, Role.EDITOR)
    await services.terminals.close(place, row, caller.user_id)
    return Response(status_code=204)


@router.websocket("/api/terminals/{terminal_id}/socket")
async def use_terminal(
    socket: WebSocket,
    terminal_id: UUID,
    start: Annotated[int | None, Query(alias="from", ge=0, le=2**53)] = None,
    cols: Size = None,
    rows: Size = None,
) -> None:
    """Binary frames carry output (8 bytes offset, then the bytes) and input; text frames carry everything else."""
    services = services_of(socket)
    try:
        caller = await authenticated_socket(socket)
        place, row = await _find(services, caller, terminal_id, Role.EDITOR)
    except AnyonError as error:
        await refuse(socket, error)
        return
    await accept(socket)
    async with counted(socket, "terminal"):
        if row.state is TerminalState.CLOSED:
            await _end(socket, row.exit_code)
            return
        try:
            async with await services.terminals.attach(place, row, start, cols, rows) as stream:
                await _use(socket, stream)
        except AgentProblem as problem:
            if problem.code != "not-found":
                raise
            await services.terminals.close(place, row)
            await _end(socket, None)
        except AgentError as error:
            await socket.send_json({"event": "detached", "reason": error.describe()})
            await socket.close(CLOSE_RETRY)


async def _use(socket: WebSocket, stream: AgentStream) -> None:
    window = Window(0)

    async def on_text(message: dict[str, Any]) -> None:
        if "ack" in message:
            window.acknowledge(message["ack"])
        elif isinstance(size := message.get("resize"), dict):
            await stream.send_event(event="resize", cols=_extent(size, "cols"), rows=_extent(size, "rows"))
        else:
            raise BadMessage("expected ack or resize")

    async def send() -> None:
        async for item in stream:
            if isinstance(item, AgentData):
                await socket.send_bytes(item.offset.to_bytes(8, "big") + item.data)
                await window.sent(item.offset + len(item.data))
            else:
                await socket.send_json(_moved(item.fields, window))
        await _end(socket, Terminal.parse(stream.result).exit_code)

    await both(still_allowed(socket), send(), receive(socket, on_text, stream.send))


def _moved(fields: dict[str, Any], window: Window) -> dict[str, Any]:
    """The event with which the output goes on elsewhere, as the browser gets it."""
    if (jump := gap(fields)) is not None:
        window.jump(jump.end)
        return {"event": "gap", "from": jump.start, "to": jump.end, "reset": jump.reset}
    attached = Attached.parse(fields)
    window.jump(attached.start)
    return {
        "event": "attached",
        "from": attached.start,
        "reset": attached.reset,
        "shown": attached.shown,
        "cols": attached.cols,
        "rows": attached.rows,
    }


async def _end(socket: WebSocket, exit_code: int | None) -> None:
    await socket.send_json({"event": "end", "exit_code": exit_code})
    await socket.close()


def _extent(size: dict[str, Any], name: str) -> int:
    value = size.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 2 <= value <= 1000:
        raise BadMessage(f"resize.{name} must be a number from 2 to 1000")
    return value
