"""The running environments of projects: started on use, found again after a restart, stopped with a reason.

One agent connection per running workspace is kept here. A lost connection is not a lost workspace: the agent goes on,
and the next use, or the reconnecting watcher, finds it again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import structlog

from anyon.agent.answers import Change, Status, watched
from anyon.agent.client import AgentClient, Event
from anyon.agent.endpoint import AgentEndpoint
from anyon.agent.errors import AgentError, AgentProtocolViolation
from anyon.clock import Clock
from anyon.domain.background import Background
from anyon.domain.errors import ProjectNotReady, WorkspaceFailed
from anyon.domain.events import EventBus, Topic
from anyon.domain.machines import WORKSPACE, WorkspaceEvent, sources, target
from anyon.domain.pace import Pace
from anyon.errors import AnyonError
from anyon.ids import new_id, new_token
from anyon.metrics import Metrics
from anyon.model import ProjectState, WorkspaceState
from anyon.runtime.protocol import Runtime, WorkspaceSpec
from anyon.settings import Settings
from anyon.store import Store

_log = structlog.get_logger()

_RECONNECT_SECONDS = (0.05, 0.2, 1.0, 3.0)
_GREETING_SECONDS = 3.0  # at a reconnect, while others wait for the lock
VIOLATION_SECONDS = 5.0
"""How long an agent that broke the protocol is left alone, unless somebody uses the workspace."""
SNAPSHOTS_AT_ONCE, SNAPSHOT_SECONDS = 4, 1.0
"""How many snapshots of a workspace are acted upon at once, then one each so many seconds. An honest agent sends one
for each connection, and more only when it reports faster than they are read."""
LISTENER_SECONDS = 5.0
"""How long the end of a workspace waits for those who settle what ran there; they go on in the background."""


class WorkspaceListener(Protocol):
    """Hears what the agents say. Records come from a hostile place: ids in them may be anything."""

    async def on_snapshot(self, place: Place, snapshot: Status, /) -> None:
        """A connection was made; `snapshot` lists what runs."""

    async def on_event(self, place: Place, event: Change) -> None:
        """Something changed in the workspace."""

    async def on_gone(self, place: Place) -> None:
        """The workspace has ended, and with it whatever ran there. Nobody waits for long: LISTENER_SECONDS."""


@dataclass(frozen=True)
class Place:
    """A project's workspace and the user in whose name background work on it is done."""

    project_id: UUID
    owner_id: UUID


@dataclass
class _Live:
    client: AgentClient
    watcher: asyncio.Task[None]


@dataclass
class Workspaces:
    """Every method may be called concurrently; per project, starting and stopping exclude each other."""

    store: Store
    runtime: Runtime
    clock: Clock
    settings: Settings
    bus: EventBus
    metrics: Metrics
    background: Background
    listeners: list[WorkspaceListener] = field(default_factory=list)
    _live: dict[UUID, _Live] = field(default_factory=dict)
    _withheld: set[UUID] = field(default_factory=set)
    _locks: defaultdict[UUID, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _paces: dict[UUID, Pace] = field(default_factory=dict)

    def lock(self, project_id: UUID) -> asyncio.Lock:
        """Held while the workspace is started or stopped."""
        return self._locks[project_id]

    def connected(self, project_id: UUID) -> AgentClient | None:
        """The agent's connection if there is one now; never starts anything."""
        live = self._live.get(project_id)
        if live is None or live.client.closed.is_set() or project_id in self._withheld:
            return None
        return live.client

    @contextmanager
    def withheld(self, project_id: UUID) -> Iterator[None]:
        """Inside the block, under the lock, nobody gets the connection: new uses wait, then start anew if need be."""
        self._withheld.add(project_id)
        try:
            yield
        finally:
            self._withheld.discard(project_id)

    async def ensure(self, place: Place, import_source: Path | None = None) -> AgentClient:
        """The agent of a running workspace, started if need be (R2, R6, X1, X2).

        Raises NotFound, ProjectNotReady for a project that is being deleted, WorkspaceFailed and the runtime's own
        errors; the workspace's row then says why.
        """
        client = self.connected(place.project_id)
        if client is not None:
            return client
        async with self.lock(place.project_id):
            client = self.connected(place.project_id)
            if client is not None:
                return client
            return await self._start(place, import_source)

    async def _start(self, place: Place, import_source: Path | None) -> AgentClient:
        await self._refuse_deleted(place)
        await self._mark(place, WorkspaceEvent.ENSURE, problem=None)
        try:
            client = await self._connect(place, import_source, self.settings.start_seconds)
        except AnyonError as error:
            self.metrics.counter("anyon_workspace_starts_total").labels("failed").inc()
            await self._mark(place, WorkspaceEvent.START_FAILED, problem=problem_of(error))
            raise
        now = self.clock.now()
        self.metrics.counter("anyon_workspace_starts_total").labels("started").inc()
        await self._mark(
            place,
            WorkspaceEvent.AGENT_READY,
            generation=client.generation,
            started_at=now,
            last_activity_at=now,
            stopped_at=None,
            stop_reason=None,
        )
        return client

    async def _refuse_deleted(self, place: Place) -> None:
        """Under the lock: what a deletion ended is not to come back. Raises NotFound, ProjectNotReady."""
        async with self.store.for_user(place.owner_id, read_only=True) as session:
            project = await session.projects.get(place.project_id)
        if project.state is ProjectState.DELETING:
            raise ProjectNotReady(state=project.state.value)

    async def _connect(self, place: Place, import_source: Path | None, patience: float) -> AgentClient:
        spec = WorkspaceSpec(place.project_id, place.owner_id, import_source, new_id().hex, new_token())
        return await self._attach(place, await self.runtime.ensure(spec), patience)

    async def _attach(self, place: Place, endpoint: AgentEndpoint, patience: float) -> AgentClient:
        """Connect to an agent that runs. Raises WorkspaceFailed."""
        try:
            client = await AgentClient.connect(endpoint, timeout=patience)
        except AgentError as error:
            raise WorkspaceFailed(reason=error.describe()) from error
        watcher = self.background.start(f"watch {place.project_id}", self._watch(place, client))
        self._live[place.project_id] = _Live(client, watcher)
        return client

    async def adopt(self, place: Place) -> None:
        """Take up a workspace that outlived the control plane (X5).

        Raises NotFound, ProjectNotReady for a project that is being deleted, WorkspaceFailed and the runtime's own
        errors.
        """
        async with self.lock(place.project_id):
            if self.connected(place.project_id) is None:
                await self._refuse_deleted(place)
                await self._mark(place, WorkspaceEvent.ENSURE, problem=None)
                await self._connect(place, None, self.settings.start_seconds)
                await self._mark(place, WorkspaceEvent.AGENT_READY)

    async def stop(self, place: Place, reason: str) -> bool:
        """Stop the workspace; `reason` goes into its row. False when it was stopped already."""
        async with self.lock(place.project_id):
            async with self.store.for_user(place.owner_id, read_only=True) as session:
                row = await session.workspaces.get(place.project_id)
            if row.state is WorkspaceState.STOPPED and self.connected(place.project_id) is None:
                return False
            await self.stop_locked(place, reason)
            return True

    async def stop_locked(self, place: Place, reason: str) -> None:
        """The same, for a caller that holds the lock."""
        await self._mark(place, WorkspaceEvent.STOP)
        await self._disconnect(place.project_id)
        await self.runtime.stop(place.project_id, self.settings.stop_seconds)
        await self._tell_gone(place)
        self.metrics.counter("anyon_workspace_stops_total").labels(_reason_label(reason)).inc()
        await self._mark(place, WorkspaceEvent.STOPPED, stopped_at=self.clock.now(), stop_reason=reason)

    async def remove(self, place: Place) -> None:
        """Stop the workspace and delete everything in it (R7). Idempotent."""
        async with self.lock(place.project_id):
            await self._disconnect(place.project_id)
            await self.runtime.remove(place.project_id)
        self._locks.pop(place.project_id, None)
        self._paces.pop(place.project_id, None)

    async def close(self) -> None:
        """Leave every workspace as it is and let go of its agent."""
        await asyncio.gather(*(self._disconnect(project_id) for project_id in list(self._live)))

    async def _disconnect(self, project_id: UUID) -> None:
        live = self._live.pop(project_id, None)
        if live is None:
            return
        live.watcher.cancel()
        await asyncio.gather(live.watcher, return_exceptions=True)
        await live.client.close()

    async def _watch(self, place: Place, client: AgentClient) -> None:
        """Pass on what the agent reports until the connection ends, then find out what became of the workspace."""
        try:
            async with client.stream("watch") as events:
                async for item in events:
                    if isinstance(item, Event):
                        await self._dispatch(place, watched(item.fields))
        except AgentError as error:
            _log.info("agent connection lost", project_id=str(place.project_id), reason=error.describe())
            if isinstance(error, AgentProtocolViolation):  # it would do so again at once
                await asyncio.sleep(VIOLATION_SECONDS)
        await client.close()
        self.background.start(f"recover {place.project_id}", self._recover(place, client))

    async def _dispatch(self, place: Place, change: Status | Change | None) -> None:
        if isinstance(change, Status):  # what comes after it waits too, and is bounded as all that is unread
            await self._paces.setdefault(place.project_id, Pace(SNAPSHOTS_AT_ONCE, SNAPSHOT_SECONDS)).turn()
        for listener in self.listeners:
            try:
                if isinstance(change, Status):
                    await listener.on_snapshot(place, change)
                elif change is not None:
                    await listener.on_event(place, change)
            except AnyonError as error:
                _log.warning("event refused", project_id=str(place.project_id), reason=error.describe())
            except Exception:  # noqa: BLE001 - logged here; one event that cannot be settled must not end the watch
                _log.exception("event not settled", project_id=str(place.project_id))

    async def _recover(self, place: Place, lost: AgentClient) -> None:
        async with self.lock(place.project_id):
            live = self._live.get(place.project_id)
            if live is None or live.client is not lost:
                return
            self._live.pop(place.project_id)
            for pause in _RECONNECT_SECONDS:
                running = {workspace.project_id: workspace for workspace in await self.runtime.list()}
                if place.project_id not in running:
                    break
                try:  # only to find it again: one that is dying counts as running for a moment longer
                    await self._attach(place, running[place.project_id].endpoint, _GREETING_SECONDS)
                except AnyonError as error:
                    _log.info("reconnect failed", project_id=str(place.project_id), reason=error.describe())
                    await asyncio.sleep(pause)
                else:
                    return
            await self.runtime.stop(place.project_id, self.settings.stop_seconds)
            await self._tell_gone(place)
            problem = problem_of(WorkspaceFailed(reason="Its agent ended unexpectedly."))
            await self._mark(
                place,
                WorkspaceEvent.EXITED,
                problem=problem,
                stopped_at=self.clock.now(),
                stop_reason="ended unexpectedly",
            )

    async def _tell_gone(self, place: Place) -> None:
        """A listener may wait for a job that waits for the workspace's lock, which the caller holds."""
        jobs = [
            self.background.persist(f"gone {place.project_id}", partial(listener.on_gone, place))
            for listener in self.listeners
        ]
        if jobs:
            _, late = await asyncio.wait(jobs, timeout=LISTENER_SECONDS)
            if late:
                _log.warning("not settled yet", project_id=str(place.project_id), listeners=len(late))

    async def mark_gone(self, place: Place, reason: str) -> None:
        """Record that a workspace which the database thinks alive is not (after a reboot, say)."""
        await self._tell_gone(place)
        await self._mark(place, WorkspaceEvent.STOP)
        await self._mark(place, WorkspaceEvent.STOPPED, stopped_at=self.clock.now(), stop_reason=reason)

    async def _mark(self, place: Place, event: WorkspaceEvent, **fields: Any) -> None:
        """Apply `event` to the row. A state in which it is not possible stays: somebody else was quicker."""
        async with self.store.for_user(place.owner_id) as session:
            row = await session.workspaces.transition(
                place.project_id, from_states=sources(WORKSPACE, event), to=target(WORKSPACE, event), **fields
            )
        if row is None:
            _log.warning(
                "workspace event without effect", project_id=str(place.project_id), workspace_event=event.value
            )
        self.bus.publish(Topic.WORKSPACE, place.project_id, place.project_id)


def problem_of(error: AnyonError) -> dict[str, Any]:
    """A failure as it is kept in a row: `{"code", "title", "detail", "hint", …members}`."""
    return {
        "code": error.code,
        "title": error.title,
        "detail": error.describe(),
        "hint": error.advise(),
        **error.members(),
    }


def instant(unix_seconds: float | None) -> datetime | None:
    """An agent's time, or None when it is none."""
    if unix_seconds is not None and 0 < unix_seconds < 1e11:
        return datetime.fromtimestamp(unix_seconds, UTC)
    return None


def _reason_label(reason: str) -> str:
    return "idle" if reason.startswith("idle") else "asked"
