"""The control plane beside an agent that a program in the workspace has replaced by its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from anyon.agent import client as client_module
from anyon.agent import protocol
from anyon.agent.answers import Content, Directory
from anyon.agent.client import AgentClient
from anyon.agent.endpoint import AgentEndpoint
from anyon.agent.errors import AgentError, AgentProtocolViolation
from anyon.agent.protocol import Kind
from anyon.clock import ManualClock
from anyon.composition import Services
from anyon.domain import workspaces as workspaces_module
from anyon.domain.errors import WorkspaceFailed
from anyon.domain.workspaces import Place
from anyon.model import ProjectState, WorkspaceState
from anyon.runtime.protocol import RunningWorkspace, WorkspaceSpec, WorkspaceStats
from anyon.settings import Settings
from anyon.store import WorkspaceRow
from tests.agent.hostile import Script, Wire, agent_that, never_reads
from tests.agent.support import eventually
from tests.fixtures.product import PATIENCE, open_services
from tests.unit.domain.conftest import World, somebody


class HostileRuntime:
    """Leads to agents that tests speak for; beyond the connection, everything works."""

    name = "hostile"
    isolated = True
    isolation_note = ""

    def __init__(self) -> None:
        self.endpoints: dict[UUID, AgentEndpoint] = {}
        self.waiting: AgentEndpoint | None = None

    async def ensure(self, spec: WorkspaceSpec) -> AgentEndpoint:
        assert self.waiting is not None
        return self.endpoints.setdefault(spec.project_id, self.waiting)

    async def stop(self, project_id: UUID, grace: float) -> None:
        self.endpoints.pop(project_id, None)

    async def remove(self, project_id: UUID) -> None:
        await self.stop(project_id, 0)

    async def list(self) -> list[RunningWorkspace]:
        return [RunningWorkspace(project_id, "", 1, 0.0, endpoint) for project_id, endpoint in self.endpoints.items()]

    async def stats(self, _project_id: UUID) -> WorkspaceStats:
        return WorkspaceStats()


class Siege(World):
    """A world whose workspaces are hostile."""

    def __init__(self, services: Services, user_id: UUID, runtime: HostileRuntime, folder: Path) -> None:
        super().__init__(services, user_id)
        self.runtime = runtime
        self._folder = folder

    @asynccontextmanager
    async def workspace_that(self, script: Script, name: str = "evil") -> AsyncIterator[Place]:
        """The running workspace of a project that is ready."""
        folder = self._folder / name
        folder.mkdir()
        async with agent_that(folder, script) as endpoint:
            async with self.services.store.for_user(self.user_id) as session:
                project = await session.projects.create(name=name, slug=name, source="", default_executor=None)
                await session.projects.transition(
                    project.id, from_states=frozenset(ProjectState), to=ProjectState.READY
                )
            self.runtime.waiting = endpoint
            place = Place(project.id, self.user_id)
            await self.services.workspaces.ensure(place)
            yield place

    async def state(self, place: Place) -> WorkspaceState:
        async with self.services.store.for_user(self.user_id, read_only=True) as session:
            return (await session.workspaces.get(place.project_id)).state

    async def workspaces(self) -> list[WorkspaceRow]:
        async with self.services.store.for_system(read_only=True) as session:
            return list(await session.workspaces())

    async def congested(self, place: Place) -> None:
        """Ask until the agent's socket takes no more."""
        client = self.services.workspaces.connected(place.project_id)
        assert client is not None
        for _ in range(3):
            self.services.background.start("ask", _ask(client))
        await eventually(lambda: not client._link._writable)


async def _ask(client: AgentClient) -> None:
    with suppress(AgentError):
        await client.call("files.read", path="x" * 500_000)


@pytest.fixture
async def siege(
    configured: Settings, clock: ManualClock, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Siege]:
    monkeypatch.setattr(client_module, "CLOSE_SECONDS", 0.05)
    runtime = HostileRuntime()
    async with open_services(configured, clock, template, runtime=runtime) as services:
        yield Siege(services, await somebody(services), runtime, tmp_path)


async def idle_status(wire: Wire) -> None:
    """Says that nothing happens, and nothing else."""
    await wire.answer({"status": {"result": {"executions": [], "terminals": [], "last_activity": 1.0}}})


async def idle_status_then_deaf(wire: Wire) -> None:
    """Answers `status` once, then reads nothing more."""
    await wire.welcome()
    while (opened := await wire.receive()).kind is not Kind.OPEN or opened.json()["op"] != "status":
        pass
    wire.send_json(Kind.CLOSE, opened.channel, result={"executions": [], "terminals": [], "last_activity": 1.0})
    await asyncio.Event().wait()


async def test_a_workspace_that_stops_reading_is_stopped_and_removed_all_the_same(siege: Siege) -> None:
    async with asyncio.timeout(PATIENCE), siege.workspace_that(never_reads) as place:
        await siege.congested(place)
        await siege.services.workspaces.stop(place, "asked")
        assert await siege.state(place) is WorkspaceState.STOPPED
        await siege.services.workspaces.ensure(place)
        await siege.congested(place)
        await siege.services.workspaces.remove(place)
        assert not siege.runtime.endpoints


async def test_the_service_lets_go_of_workspaces_that_stopped_reading(siege: Siege) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        siege.workspace_that(never_reads, "one") as one,
        siege.workspace_that(never_reads, "two") as two,
    ):
        await siege.congested(one)
        await siege.congested(two)
        await siege.services.workspaces.close()
        assert siege.services.workspaces.connected(one.project_id) is None


async def test_one_deaf_workspace_does_not_keep_the_sweeper_from_the_others(siege: Siege, clock: ManualClock) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        siege.workspace_that(idle_status_then_deaf, "evil") as evil,
        siege.workspace_that(idle_status, "innocent") as innocent,
    ):
        clock.advance(siege.services.settings.idle_seconds + 1)
        assert set(await siege.services.sweeper.sweep()) == {evil.project_id, innocent.project_id}
        assert await siege.state(evil) is await siege.state(innocent) is WorkspaceState.STOPPED


async def test_a_workspace_that_is_being_started_does_not_hold_up_the_sweeper(siege: Siege, clock: ManualClock) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        siege.workspace_that(idle_status, "busy") as busy,
        siege.workspace_that(idle_status, "innocent") as innocent,
    ):
        clock.advance(siege.services.settings.idle_seconds + 1)
        async with siege.services.workspaces.lock(busy.project_id):
            assert await siege.services.sweeper.sweep() == [innocent.project_id]


async def test_who_waits_for_the_workspace_while_it_stops_does_not_keep_it_from_stopping(
    siege: Siege, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspaces_module, "LISTENER_SECONDS", 0.05)
    told = asyncio.Event()

    class Stuck:
        async def on_snapshot(self, place: Place, snapshot: object, /) -> None: ...

        async def on_event(self, place: Place, event: object) -> None: ...

        async def on_gone(self, place: Place) -> None:
            async with siege.services.workspaces.lock(place.project_id):
                told.set()

    siege.services.workspaces.listeners.append(Stuck())
    async with asyncio.timeout(PATIENCE), siege.workspace_that(idle_status) as place:
        await siege.services.workspaces.stop(place, "asked")
        assert await siege.state(place) is WorkspaceState.STOPPED
        await told.wait()


async def test_an_agent_that_floods_is_left_alone_for_a_while(siege: Siege, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspaces_module, "VIOLATION_SECONDS", 3600)

    async def floods(wire: Wire) -> None:
        await wire.welcome()
        await wire.flood(protocol.encode(Kind.PING, 0, b"12345678") * 1000)

    async with asyncio.timeout(PATIENCE), siege.workspace_that(floods) as place:
        await eventually(lambda: siege.services.workspaces.connected(place.project_id) is None)
        assert await siege.state(place) is WorkspaceState.RUNNING
        again = await siege.services.workspaces.ensure(place)
        await again.closed.wait()
        await siege.services.workspaces.stop(place, "asked")
        assert await siege.state(place) is WorkspaceState.STOPPED


async def test_what_a_hostile_agent_says_of_itself_can_be_stored_and_shown(siege: Siege) -> None:
    async def refuses(wire: Wire) -> None:
        await wire.receive()
        wire.send_json(Kind.CLOSE, 0, problem={"code": "no", "detail": "\ud800 boom\0"})

    with pytest.raises(WorkspaceFailed):
        async with siege.workspace_that(refuses):
            pass
    (row,) = await siege.workspaces()
    assert row.state is WorkspaceState.FAILED
    assert "\ufffd boom\ufffd" in json.dumps(row.problem, ensure_ascii=False).encode().decode()


@pytest.mark.parametrize(
    "lie",
    [
        {"event": "execution", "execution": {"id": 1}},
        {"event": "terminal", "terminal": []},
        {"event": "progress", "subject": None},
        {"event": "snapshot", "executions": {}, "terminals": "all"},
        {"event": []},
    ],
    ids=str,
)
async def test_an_event_that_makes_no_sense_ends_the_connection_only(
    siege: Siege, monkeypatch: pytest.MonkeyPatch, lie: dict[str, Any]
) -> None:
    monkeypatch.setattr(workspaces_module, "VIOLATION_SECONDS", 0)
    told, again = asyncio.Event(), asyncio.Event()

    async def lies(wire: Wire) -> None:
        await wire.welcome()
        watching = await wire.receive()
        if told.is_set():
            again.set()
        else:
            told.set()
            wire.send_json(Kind.EVENT, watching.channel, **lie)

    async with asyncio.timeout(PATIENCE), siege.workspace_that(lies) as place:
        await again.wait()
        assert await siege.state(place) is WorkspaceState.RUNNING


LIES: dict[str, Any] = {
    "files.list": {"entries": [{"name": "a", "kind": "door", "size": -1, "modified_at": "x"}], "truncated": 0},
    "files.read": {"content_base64": "\ud800", "size": 5, "truncated": False},
    "status": {"executions": 5},
}


async def test_an_answer_that_makes_no_sense_is_a_violation_wherever_it_is_asked_for(siege: Siege) -> None:
    answers = {operation: {"result": lie} for operation, lie in LIES.items()}

    async def lies(wire: Wire) -> None:
        await wire.answer(answers)

    async with asyncio.timeout(PATIENCE), siege.workspace_that(lies) as place:
        client = siege.services.workspaces.connected(place.project_id)
        assert client is not None
        with pytest.raises(AgentProtocolViolation):
            Directory.parse(await client.call("files.list", path="."))
        with pytest.raises(AgentProtocolViolation):
            Content.parse(await client.call("files.read", path="a"))
        (row,) = await siege.workspaces()
        report = await siege.services.sweeper.report(row)
        assert report.state is WorkspaceState.RUNNING
