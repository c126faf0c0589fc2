"""Attempts, executions, terminals and workspaces: what moves by compare-and-set, and who may move it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from anyon.clock import ManualClock
from anyon.model import AttemptState, ExecutionKind, ExecutionState, TaskState, TerminalState, WorkspaceState
from anyon.store import AttemptRow, ExecutionRow, NotFound, RoleTooSmall, Store, TerminalRow
from tests.store.conftest import People


@pytest.fixture
async def attempt(store: Store, people: People) -> AttemptRow:
    async with store.for_user(people.ann.id) as session:
        task = await session.tasks.create(project_id=people.project.id, title="t", description="")
        return await session.attempts.create(task.id, executor="shell")


@pytest.fixture
async def execution(store: Store, people: People, attempt: AttemptRow) -> ExecutionRow:
    async with store.for_user(people.ann.id) as session:
        return await session.executions.create(
            project_id=people.project.id, executor="shell", kind=ExecutionKind.AGENT, attempt_id=attempt.id
        )


@pytest.fixture
async def terminal(store: Store, people: People) -> TerminalRow:
    async with store.for_user(people.ann.id) as session:
        return await session.terminals.create(project_id=people.project.id, title="bash")


async def test_of_two_that_move_an_attempt_one_wins(store: Store, people: People, attempt: AttemptRow) -> None:
    async def move() -> AttemptRow | None:
        async with store.for_user(people.ann.id) as session:
            return await session.attempts.transition(
                attempt.id, from_states={AttemptState.QUEUED}, to=AttemptState.STARTING
            )

    outcomes = await asyncio.gather(*(move() for _ in range(6)))
    assert sum(outcome is not None for outcome in outcomes) == 1


async def test_an_attempt_keeps_what_is_written(store: Store, people: People, attempt: AttemptRow) -> None:
    phases = [{"name": "queue", "seconds": 0.25, "state": "done", "detail": "⏳"}]
    async with store.for_user(people.eve.id) as session:
        await session.attempts.update(attempt.id, phases=phases, files=3, added=2**31 - 1, removed=0)
        finished = await session.attempts.transition(
            attempt.id,
            from_states={AttemptState.QUEUED, AttemptState.RUNNING},
            to=AttemptState.FAILED,
            problem={"code": "command-missing"},
            finished_at=datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC),
        )
    async with store.for_user(people.vic.id, read_only=True) as session:
        row = await session.attempts.get(attempt.id)
    assert row == finished
    assert (row.phases, row.problem, row.added) == (phases, {"code": "command-missing"}, 2**31 - 1)


async def test_an_instant_keeps_its_moment_whatever_zone_it_was_given_in(
    store: Store, people: People, attempt: AttemptRow
) -> None:
    given = datetime(2026, 5, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    async with store.for_user(people.ann.id) as session:
        row = await session.attempts.update(attempt.id, finished_at=given)
    assert row.finished_at == given
    assert row.finished_at.tzinfo is UTC


async def test_a_naive_datetime_is_refused(store: Store, people: People, attempt: AttemptRow) -> None:
    naive = datetime(2026, 5, 1)  # noqa: DTZ001 - what is refused
    with pytest.raises(Exception, match="a naive datetime cannot be stored"):
        async with store.for_user(people.ann.id) as session:
            await session.attempts.update(attempt.id, finished_at=naive)


async def test_live_executions_are_those_queued_or_running(
    store: Store, people: People, attempt: AttemptRow, execution: ExecutionRow
) -> None:
    project_id = people.project.id
    async with store.for_user(people.ann.id) as session:
        assert await session.executions.live(project_id) == [execution]
        running = await session.executions.transition(
            execution.id, from_states={ExecutionState.QUEUED}, to=ExecutionState.RUNNING, generation="g"
        )
        assert await session.executions.live(project_id) == [running]
        exited = await session.executions.transition(
            execution.id, from_states={ExecutionState.RUNNING}, to=ExecutionState.EXITED, exit_code=0, log_bytes=2**40
        )
        assert await session.executions.live(project_id) == []
        assert await session.executions.update(execution.id, stopped=True) != exited
        assert [row.stopped for row in await session.executions.list(attempt.id)] == [True]
    async with store.for_user(people.oda.id, read_only=True) as session:
        assert await session.executions.list(attempt.id) == []


async def test_open_terminals_are_those_not_closed(
    store: Store, people: People, terminal: TerminalRow, clock: ManualClock
) -> None:
    async with store.for_user(people.eve.id) as session:
        clock.advance(1)
        second = await session.terminals.create(project_id=people.project.id, title="zsh")
        assert await session.terminals.open(people.project.id) == [terminal, second]
        renamed = await session.terminals.update(second.id, title="fish", last_activity_at=clock.now())
        closed = await session.terminals.transition(
            terminal.id, from_states={TerminalState.OPEN}, to=TerminalState.CLOSED, closed_at=clock.now(), exit_code=1
        )
        assert await session.terminals.open(people.project.id) == [renamed]
    assert closed is not None
    assert (closed.exit_code, closed.closed_at) == (1, clock.now())


async def test_a_workspace_moves_by_compare_and_set(store: Store, people: People, clock: ManualClock) -> None:
    key = people.project.id
    forever = datetime.max.replace(tzinfo=UTC)
    async with store.for_user(people.ann.id) as session:
        started = await session.workspaces.transition(
            key, from_states={WorkspaceState.STOPPED}, to=WorkspaceState.STARTING, started_at=clock.now()
        )
        again = await session.workspaces.transition(
            key, from_states={WorkspaceState.STOPPED}, to=WorkspaceState.STARTING
        )
        pinned = await session.workspaces.update(key, pinned_until=forever)
    assert started is not None
    assert (started.started_at, again, pinned.pinned_until) == (clock.now(), None, forever)


@pytest.mark.parametrize("kind", ["task", "attempt", "execution", "terminal", "workspace"])
async def test_nothing_of_a_project_is_visible_to_strangers_or_changed_by_viewers(
    kind: str,
    store: Store,
    people: People,
    attempt: AttemptRow,
    execution: ExecutionRow,
    terminal: TerminalRow,
) -> None:
    to = {
        "task": TaskState.DONE,
        "attempt": AttemptState.FAILED,
        "execution": ExecutionState.FAILED,
        "terminal": TerminalState.CLOSED,
        "workspace": WorkspaceState.FAILED,
    }[kind]
    keys = {
        "task": attempt.task_id,
        "attempt": attempt.id,
        "execution": execution.id,
        "terminal": terminal.id,
        "workspace": people.project.id,
    }
    async with store.for_user(people.oda.id) as session:
        with pytest.raises(NotFound):
            await getattr(session, f"{kind}s").get(keys[kind])
        with pytest.raises(NotFound):
            await getattr(session, f"{kind}s").update(keys[kind])
        with pytest.raises(NotFound):
            await getattr(session, f"{kind}s").transition(keys[kind], from_states=set(), to=to)
    async with store.for_user(people.vic.id) as session:
        row = await getattr(session, f"{kind}s").get(keys[kind])
        with pytest.raises(RoleTooSmall):
            await getattr(session, f"{kind}s").update(keys[kind])
        with pytest.raises(RoleTooSmall):
            await getattr(session, f"{kind}s").transition(keys[kind], from_states={row.state}, to=to)
    async with store.for_user(people.ann.id, read_only=True) as session:
        assert await getattr(session, f"{kind}s").get(keys[kind]) == row


async def test_viewers_and_strangers_start_nothing(store: Store, people: People, attempt: AttemptRow) -> None:
    for user, error in ((people.vic, RoleTooSmall), (people.oda, NotFound)):
        async with store.for_user(user.id) as session:
            with pytest.raises(error):
                await session.attempts.create(attempt.task_id, executor="shell")
            with pytest.raises(error):
                await session.executions.create(
                    project_id=people.project.id, executor="shell", kind=ExecutionKind.AGENT
                )
            with pytest.raises(error):
                await session.terminals.create(project_id=people.project.id, title="t")
