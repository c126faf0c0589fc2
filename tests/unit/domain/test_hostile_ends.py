"""What an agent says of ends: believed of what runs in its project, once, and at no cost that it could raise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import structlog

from anyon.agent import client as client_module
from anyon.agent.answers import Change, Progress, Status
from anyon.agent.protocol import Kind
from anyon.clock import ManualClock
from anyon.domain import workspaces as workspaces_module
from anyon.domain.workspaces import Place
from anyon.ids import new_id
from anyon.model import AttemptState, ExecutionState
from anyon.settings import Settings
from anyon.store import AttemptRow, ExecutionRow, StoreUnreachable, TaskRow
from tests.agent.hostile import Wire
from tests.fixtures.product import PATIENCE, open_services
from tests.unit.domain.conftest import somebody
from tests.unit.domain.test_hostile_agents import HostileRuntime, Siege

FLOOD = 300


@pytest.fixture
async def siege(
    configured: Settings, clock: ManualClock, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Siege]:
    monkeypatch.setattr(client_module, "CLOSE_SECONDS", 0.05)
    runtime = HostileRuntime()
    async with open_services(configured, clock, template, runtime=runtime) as services:
        yield Siege(services, await somebody(services), runtime, tmp_path)


def record(execution_id: UUID, state: str, **more: Any) -> dict[str, Any]:
    return {"id": str(execution_id), "state": state, "log_bytes": 0, "stopped": False, **more}


@dataclass
class Puppet:
    """An agent that says what the test says, and answers by name of the operation; with None not at all."""

    answers: dict[str, Any] = field(default_factory=dict)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    _wire: Wire | None = None
    _watching: int = 0

    async def __call__(self, wire: Wire) -> None:
        await wire.welcome()
        while True:
            opened = await wire.receive()
            if opened.kind is not Kind.OPEN:
                continue
            request = opened.json()
            if request["op"] == "watch":
                self._wire, self._watching = wire, opened.channel
                self.connected.set()
                continue
            answer = self.answers.get(request["op"], {"problem": {"code": "refused", "detail": "No."}})
            answer = answer(request) if callable(answer) else answer
            if answer is not None:
                wire.send_json(Kind.CLOSE, opened.channel, **answer)

    def says(self, **event: Any) -> None:
        assert self._wire is not None
        self._wire.send_json(Kind.EVENT, self._watching, **event)

    def ends(self, execution_id: UUID, exit_code: int = 4) -> None:
        self.says(event="execution", execution=record(execution_id, "exited", exit_code=exit_code))


class Hearing:
    """The last of the listeners: what it heard, the others have settled."""

    def __init__(self) -> None:
        self.snapshots = 0
        self.heard = asyncio.Event()

    async def on_snapshot(self, _place: Place, _snapshot: Status, /) -> None:
        self.snapshots += 1

    async def on_event(self, _place: Place, event: Change) -> None:
        if isinstance(event, Progress) and event.text == "over":
            self.heard.set()

    async def on_gone(self, place: Place) -> None: ...


@pytest.fixture
def hearing(siege: Siege) -> Hearing:
    hearing = Hearing()
    siege.services.workspaces.listeners.append(hearing)
    return hearing


@pytest.fixture
def finishes(siege: Siege, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the jobs that finish executions, as they start."""
    names: list[str] = []
    start = siege.services.background.start

    def noted(name: str, job: Any) -> asyncio.Task[None]:
        if name.startswith(("finish", "look for")):
            names.append(name)
        return start(name, job)

    monkeypatch.setattr(siege.services.background, "start", noted)
    return names


async def running(siege: Siege, place: Place) -> tuple[TaskRow, AttemptRow, ExecutionRow]:
    """Rows of an attempt that runs, as a killed service left them: this life does not follow it."""
    async with siege.services.store.for_user(siege.user_id) as session:
        task = await session.tasks.create(project_id=place.project_id, title="Task", description="true")
        job = await siege.services.starter.add(session, task, None)
        await session.attempts.transition(
            job.attempt.id, from_states=frozenset(AttemptState), to=AttemptState.RUNNING, base_commit="0" * 40
        )
        await session.executions.transition(
            job.execution.id, from_states=frozenset(ExecutionState), to=ExecutionState.RUNNING
        )
    return task, job.attempt, job.execution


async def execution_of(siege: Siege, attempt: AttemptRow) -> ExecutionRow:
    async with siege.services.store.for_user(siege.user_id, read_only=True) as session:
        return (await session.executions.list(attempt.id))[0]


async def test_ends_of_what_is_not_there_or_not_its_own_start_nothing(
    siege: Siege, hearing: Hearing, finishes: list[str]
) -> None:
    evil = Puppet()
    async with (
        asyncio.timeout(PATIENCE),
        siege.workspace_that(Puppet(), "innocent") as innocent,
        siege.workspace_that(evil, "evil"),
    ):
        _, attempt, other = await running(siege, innocent)
        siege.services.progress.adopt(attempt, other)
        await evil.connected.wait()
        with structlog.testing.capture_logs() as logs:
            for _ in range(FLOOD):
                evil.ends(new_id())
                evil.ends(other.id)
            evil.says(event="progress", subject="x", text="over")
            await hearing.heard.wait()
            await asyncio.sleep(0)
        assert finishes == []
        assert logs == []
        assert (await execution_of(siege, attempt)).state is ExecutionState.RUNNING


async def test_an_end_that_is_told_again_and_again_is_settled_by_one_job(
    siege: Siege, hearing: Hearing, finishes: list[str]
) -> None:
    evil = Puppet()
    async with asyncio.timeout(PATIENCE), siege.workspace_that(evil) as place:
        task, attempt, execution = await running(siege, place)
        await evil.connected.wait()
        async with siege.services.progress.lock(attempt.id):
            for _ in range(FLOOD):
                evil.ends(execution.id)
            evil.says(event="progress", subject="x", text="over")
            await hearing.heard.wait()
            assert finishes == [f"finish {execution.id}"]
        assert (await siege.attempt(task)).state is AttemptState.FAILED
        ended = await execution_of(siege, attempt)
        assert (ended.state, ended.exit_code) == (ExecutionState.EXITED, 4)


@pytest.mark.parametrize("answers", [True, False], ids=["then answers", "never answers"])
async def test_an_end_that_comes_while_the_agent_is_asked_is_not_lost(
    siege: Siege, hearing: Hearing, answers: bool
) -> None:
    agent = Puppet()
    async with asyncio.timeout(PATIENCE), siege.workspace_that(agent) as place:
        task, attempt, execution = await running(siege, place)

        def still_running(_request: dict[str, Any]) -> dict[str, Any] | None:
            agent.ends(execution.id)
            return {"result": record(execution.id, "running")} if answers else None

        agent.answers["execution.get"] = still_running
        await agent.connected.wait()
        agent.says(event="snapshot", executions=[], terminals=[])
        assert (await siege.attempt(task)).state is AttemptState.FAILED
        assert (await execution_of(siege, attempt)).exit_code == 4


async def test_an_end_that_comes_while_the_database_is_away_is_not_lost(
    siege: Siege, hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = Puppet()
    async with asyncio.timeout(PATIENCE), siege.workspace_that(agent) as place:
        task, _, execution = await running(siege, place)
        refused = asyncio.Event()

        def away(*_arguments: Any, **_more: Any) -> Any:
            refused.set()
            raise StoreUnreachable

        await agent.connected.wait()
        with monkeypatch.context() as patched:
            patched.setattr(siege.services.store, "for_user", away)
            agent.ends(execution.id)
            await refused.wait()
        assert (await siege.attempt(task)).state is AttemptState.FAILED


async def test_snapshots_are_acted_upon_at_a_pace_that_is_not_the_agents(
    siege: Siege, hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspaces_module, "SNAPSHOT_SECONDS", 3600.0)
    evil = Puppet({"status": {"result": {}}})
    async with asyncio.timeout(PATIENCE), siege.workspace_that(evil) as place:
        await evil.connected.wait()
        client = siege.services.workspaces.connected(place.project_id)
        assert client is not None
        for _ in range(FLOOD):
            evil.says(event="snapshot", executions=[], terminals=[])
        evil.says(event="progress", subject="x", text="over")
        for _ in range(FLOOD):
            await client.call("status")
        assert hearing.snapshots == workspaces_module.SNAPSHOTS_AT_ONCE
        assert not hearing.heard.is_set()
        await siege.services.workspaces.stop(place, "asked")
