"""Everything that changes, live, over one WebSocket that resumes where it was cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, WebSocket
from pydantic import BaseModel

from anyon.api.lasting import both, still_allowed
from anyon.api.routes.attempts import load_attempt
from anyon.api.routes.projects import load_project
from anyon.api.routes.tasks import load_task
from anyon.api.routes.terminals import load_terminal
from anyon.api.schemas.projects import WorkspaceView
from anyon.api.security import accept, authenticated_socket
from anyon.api.sockets import BadMessage, counted, no_bytes, receive, refuse
from anyon.api.state import services_of
from anyon.composition import Services
from anyon.domain.events import Event, Topic
from anyon.errors import AnyonError
from anyon.store import NotFound

router = APIRouter(tags=["events"])

GATHER_SECONDS = 0.03
"""After each batch; what changes meanwhile is told together, since a frame shows its subject as it is then."""


async def _load_workspace(services: Services, user_id: UUID, project_id: UUID) -> WorkspaceView:
    async with services.store.for_user(user_id, read_only=True) as session:
        return WorkspaceView.model_validate(await session.workspaces.get(project_id))


_LOADERS: Mapping[Topic, Callable[[Services, UUID, UUID], Awaitable[BaseModel]]] = {
    Topic.PROJECT: load_project,
    Topic.WORKSPACE: _load_workspace,
    Topic.TASK: load_task,
    Topic.ATTEMPT: load_attempt,
    Topic.PROGRESS: load_attempt,
    Topic.TERMINAL: load_terminal,
}


@router.websocket("/api/events")
async def follow_events(socket: WebSocket, start: Annotated[str, Query(alias="from", max_length=100)] = "") -> None:
    """Text frames `{"seq", "type", "project_id", "data"}`; the first is a hello, `resync` means: reload everything.

    Every answer over HTTP has the header `Anyon-Sequence: EPOCH:SEQ`: it is newer than all events up to that one.
    """
    services = services_of(socket)
    try:
        caller = await authenticated_socket(socket)
    except AnyonError as error:
        await refuse(socket, error)
        return
    await accept(socket)
    async with counted(socket, "events"):

        async def on_text(_message: dict[str, Any]) -> None:
            raise BadMessage("this socket takes nothing")

        await both(
            still_allowed(socket), _send(socket, services, caller.user_id, start), receive(socket, on_text, no_bytes)
        )


async def _send(socket: WebSocket, services: Services, user_id: UUID, start: str) -> None:
    bus = services.bus
    epoch, _, number = start.partition(":")
    sequence = int(number) if number.isdigit() and len(number) < 16 else -1
    resumes = bus.can_resume(epoch, sequence)
    now = bus.sequence  # what happens while the hello is on its way must still be told
    await socket.send_json({"type": "hello", "seq": now, "epoch": bus.epoch})
    if start and not resumes:
        await socket.send_json({"type": "resync", "seq": now})
    membership = await _Membership.of(services, user_id)
    async for batch in bus.after(sequence if resumes else now):
        if not batch:
            await socket.send_json({"type": "resync", "seq": bus.sequence})
        for event in _latest(batch):
            frame = await _frame(services, user_id, membership, event)
            if frame is not None:
                await socket.send_json(frame)
        await asyncio.sleep(GATHER_SECONDS)


def _latest(batch: list[Event]) -> list[Event]:
    """One event per subject: the newest, since a frame shows the subject as it is now."""
    newest = {(_type_of(event), event.subject): event for event in batch}
    return sorted(newest.values(), key=lambda event: event.sequence)


def _type_of(event: Event) -> str:
    return (Topic.ATTEMPT if event.topic is Topic.PROGRESS else event.topic).value


class _Membership:
    """Which projects the user may see, asked once per project and again whenever the project itself changes."""

    def __init__(self, services: Services, user_id: UUID, known: dict[UUID, bool]) -> None:
        self._services = services
        self._user_id = user_id
        self._known = known

    @classmethod
    async def of(cls, services: Services, user_id: UUID) -> _Membership:
        """With the projects of now, so that the end of one is told even when nothing else of it ever was."""
        async with services.store.for_user(user_id, read_only=True) as session:
            projects = await session.projects.list()
        return cls(services, user_id, {entry.project.id: True for entry in projects})

    async def covers(self, event: Event) -> bool:
        known = self._known.get(event.project_id)
        if known is None or (event.topic is Topic.PROJECT and not event.deleted):
            known = self._known[event.project_id] = await self._ask(event.project_id)
        if event.topic is Topic.PROJECT and event.deleted:
            self._known.pop(event.project_id)
        return known

    async def _ask(self, project_id: UUID) -> bool:
        try:
            async with self._services.store.for_user(self._user_id, read_only=True) as session:
                await session.projects.get(project_id)
        except NotFound:
            return False
        return True


async def _frame(services: Services, user_id: UUID, membership: _Membership, event: Event) -> dict[str, Any] | None:
    if not await membership.covers(event):
        return None
    frame: dict[str, Any] = {"seq": event.sequence, "type": _type_of(event), "project_id": str(event.project_id)}
    if event.deleted:
        return {**frame, "data": {"id": str(event.subject), "deleted": True}}
    if event.topic is Topic.LINE:
        return {**frame, "data": {"id": str(event.subject), "text": event.text}}
    try:
        view = await _LOADERS[event.topic](services, user_id, event.subject)
    except NotFound:
        return {**frame, "data": {"id": str(event.subject), "deleted": True}}
    return {**frame, "data": view.model_dump(mode="json")}
