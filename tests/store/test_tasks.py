"""Tasks: numbers, order, pages."""

from __future__ import annotations

import asyncio

import pytest

from anyon.clock import ManualClock
from anyon.ids import new_id
from anyon.model import AttemptState, ExecutionKind, TaskState
from anyon.store import NotFound, RoleTooSmall, Store, TaskCursor
from tests.store.conftest import People, QueryCounter


async def test_tasks_are_numbered_per_project_from_one(store: Store, people: People) -> None:
    async with store.for_user(people.eve.id) as session:
        numbers = [
            (await session.tasks.create(project_id=people.project.id, title="t", description="")).number
            for _ in range(3)
        ]
    assert numbers == [1, 2, 3]


async def test_tasks_created_at_once_get_different_numbers(store: Store, people: People) -> None:
    async def create(title: str) -> int:
        async with store.for_user(people.ann.id) as session:
            task = await session.tasks.create(project_id=people.project.id, title=title, description="")
            return task.number

    numbers = await asyncio.gather(*(create(str(number)) for number in range(20)))
    assert sorted(numbers) == list(range(1, 21))


async def test_a_task_comes_back_as_it_was_created(store: Store, people: People, clock: ManualClock) -> None:
    async with store.for_user(people.ann.id) as session:
        task = await session.tasks.create(
            project_id=people.project.id, title="Ünïcode 🦊", description="d", executor="codex", position=7.5
        )
    async with store.for_user(people.vic.id, read_only=True) as session:
        assert await session.tasks.get(task.id) == task
    assert (task.user_id, task.state, task.created_at) == (people.ann.id, TaskState.TODO, clock.now())


async def test_new_tasks_go_to_the_end_of_their_column(store: Store, people: People) -> None:
    async with store.for_user(people.ann.id) as session:
        rows = [
            await session.tasks.create(project_id=people.project.id, title=title, description="") for title in "abc"
        ]
        entries = await session.tasks.list(people.project.id)
    assert [entry.task for entry in entries] == rows


async def test_strangers_and_viewers_create_nothing(store: Store, people: People) -> None:
    async with store.for_user(people.oda.id) as session:
        with pytest.raises(NotFound, match="no project"):
            await session.tasks.create(project_id=people.project.id, title="t", description="")
    async with store.for_user(people.vic.id) as session:
        with pytest.raises(RoleTooSmall):
            await session.tasks.create(project_id=people.project.id, title="t", description="")
    async with store.for_user(people.ann.id) as session:
        assert await session.tasks.list(people.project.id) == []


async def test_an_empty_board_differs_from_a_project_that_is_not_yours(store: Store, people: People) -> None:
    async with store.for_user(people.vic.id, read_only=True) as session:
        assert await session.tasks.list(people.project.id) == []
        for project_id in (people.odas.id, new_id()):
            with pytest.raises(NotFound):
                await session.tasks.list(project_id)


async def test_a_board_with_attempts_and_executions_is_one_statement(
    store: Store, people: People, queries: QueryCounter, clock: ManualClock
) -> None:
    async with store.for_user(people.ann.id) as session:
        untried = await session.tasks.create(project_id=people.project.id, title="a", description="")
        queued = await session.tasks.create(project_id=people.project.id, title="b", description="")
        tried = await session.tasks.create(project_id=people.project.id, title="c", description="")
        first = await session.attempts.create(queued.id, executor="shell")
        await session.attempts.create(tried.id, executor="shell")
        latest = await session.attempts.create(tried.id, executor="codex")
        for kind in (ExecutionKind.SETUP, ExecutionKind.AGENT):
            clock.advance(1)
            execution = await session.executions.create(
                project_id=people.project.id, executor="codex", kind=kind, attempt_id=latest.id
            )
    async with store.for_user(people.vic.id, read_only=True) as session:
        with queries.counting(store) as statements:
            entries = await session.tasks.list(people.project.id)
        assert await session.tasks.entry(tried.id) == entries[2]
    assert [(entry.task.id, entry.task.attempts, entry.attempt, entry.execution) for entry in entries] == [
        (untried.id, 0, None, None),
        (queued.id, 1, first, None),
        (tried.id, 2, latest, execution),
    ]
    assert len(statements) == 1


async def test_pages_join_to_the_whole_board_without_gap_or_repetition(store: Store, people: People) -> None:
    async with store.for_user(people.ann.id) as session:
        for number in range(11):
            state = (TaskState.TODO, TaskState.DONE)[number % 2]
            await session.tasks.create(
                project_id=people.project.id, title="t", description="", state=state, position=float(number // 4)
            )
    async with store.for_user(people.ann.id, read_only=True) as session:
        board = await session.tasks.list(people.project.id)
        pages, after = [], None
        while page := await session.tasks.list(people.project.id, limit=3, after=after):
            pages += page
            after = TaskCursor.of(page[-1].task)
            if len(page) < 3:
                break
        done = await session.tasks.list(people.project.id, state=TaskState.DONE)
    assert pages == board
    assert len(board) == 11
    assert done == [entry for entry in board if entry.task.state is TaskState.DONE]


async def test_an_update_notes_when_it_was(store: Store, people: People, clock: ManualClock) -> None:
    async with store.for_user(people.ann.id) as session:
        task = await session.tasks.create(project_id=people.project.id, title="t", description="")
        clock.advance(60)
        assert await session.tasks.update(task.id) == task
        changed = await session.tasks.update(task.id, title="new", position=1.5)
    assert (changed.title, changed.position) == ("new", 1.5)
    assert (changed.updated_at - task.updated_at).total_seconds() == 60


async def test_a_moved_task_goes_to_the_end_of_the_column_or_where_it_is_told(store: Store, people: People) -> None:
    async with store.for_user(people.ann.id) as session:
        first = await session.tasks.create(
            project_id=people.project.id, title="a", description="", state=TaskState.DONE
        )
        task = await session.tasks.create(project_id=people.project.id, title="b", description="")
        moved = await session.tasks.transition(task.id, from_states={TaskState.TODO}, to=TaskState.DONE)
        placed = await session.tasks.transition(
            task.id, from_states={TaskState.DONE}, to=TaskState.IN_REVIEW, position=3.0
        )
        refused = await session.tasks.transition(task.id, from_states={TaskState.TODO}, to=TaskState.DONE)
    assert moved is not None
    assert moved.position > first.position
    assert placed is not None
    assert (placed.state, placed.position, refused) == (TaskState.IN_REVIEW, 3.0, None)


async def test_a_deleted_task_takes_its_attempts(store: Store, people: People) -> None:
    async with store.for_user(people.eve.id) as session:
        task = await session.tasks.create(project_id=people.project.id, title="t", description="")
        attempt = await session.attempts.create(task.id, executor="shell")
        await session.tasks.delete(task.id)
        with pytest.raises(NotFound):
            await session.attempts.get(attempt.id)
        with pytest.raises(NotFound):
            await session.tasks.entry(task.id)


async def test_attempts_are_numbered_per_task_and_listed_latest_first(store: Store, people: People) -> None:
    async with store.for_user(people.ann.id) as session:
        task = await session.tasks.create(project_id=people.project.id, title="t", description="")

    async def attempt() -> int:
        async with store.for_user(people.ann.id) as session:
            return (await session.attempts.create(task.id, executor="shell")).number

    assert sorted(await asyncio.gather(*(attempt() for _ in range(8)))) == list(range(1, 9))
    async with store.for_user(people.vic.id, read_only=True) as session:
        assert [row.number for row in await session.attempts.list(task.id)] == list(range(8, 0, -1))
        assert {row.state for row in await session.attempts.list(task.id)} == {AttemptState.QUEUED}
    async with store.for_user(people.oda.id, read_only=True) as session:
        assert await session.attempts.list(task.id) == []
