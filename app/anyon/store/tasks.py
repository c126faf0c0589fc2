"""Tasks: the cards of a project's board."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any, NamedTuple, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, literal, select, tuple_, update

from anyon.ids import new_id
from anyon.model import Role, TaskState
from anyon.store.access import Record, Scoped, is_editor, membership
from anyon.store.errors import NotFound
from anyon.store.rows import AttemptRow, ExecutionRow, TaskEntry, TaskRow
from anyon.store.tables import attempts, executions, project_members, projects, tasks

PAGE = 200
_POSITION_STEP = 1024.0
_TASK, _ATTEMPT = len(tasks.c), len(tasks.c) + len(attempts.c)

_LATEST_EXECUTION = (
    select(executions.c.id)
    .where(executions.c.attempt_id == attempts.c.id)
    .order_by(executions.c.created_at.desc(), executions.c.id)
    .limit(1)
    .correlate(attempts)
    .scalar_subquery()
)
_ENTRIES = (
    select(*tasks.c, *attempts.c, *executions.c)
    .join_from(tasks, project_members, membership(tasks.c.project_id))
    .outerjoin(attempts, and_(attempts.c.task_id == tasks.c.id, attempts.c.number == tasks.c.attempts))
    .outerjoin(executions, executions.c.id == _LATEST_EXECUTION)
)
_COUNT_ATTEMPT = (
    update(tasks)
    .where(tasks.c.id == bindparam("key"), is_editor(tasks.c.project_id))
    .values(attempts=tasks.c.attempts + 1)
    .returning(*tasks.c)
)
_TAKE_NUMBER = (
    update(projects)
    .where(projects.c.id == bindparam("key"), is_editor(projects.c.id))
    .values(next_task_number=projects.c.next_task_number + 1)
    .returning(projects.c.next_task_number - 1)
)
_LAST_POSITION = select(func.max(tasks.c.position)).where(
    tasks.c.project_id == bindparam("project"), tasks.c.state == bindparam("state")
)
_ENTRY = _ENTRIES.where(tasks.c.id == bindparam("key"))
_ORDER = (tasks.c.state, tasks.c.position, tasks.c.number)
_BOARD = _ENTRIES.where(tasks.c.project_id == bindparam("project")).order_by(*_ORDER)


class TaskCursor(NamedTuple):
    """Where a page ended: the order of the board, which `number` makes unique."""

    state: TaskState
    position: float
    number: int

    @classmethod
    def of(cls, task: TaskRow) -> TaskCursor:
        """The place of this task."""
        return cls(task.state, task.position, task.number)


class TaskChanges(TypedDict, total=False):
    title: str
    description: str
    state: TaskState
    executor: str | None
    position: float


class Tasks(Scoped[TaskRow]):
    kind = "task"
    table = tasks
    key = tasks.c.id
    project = tasks.c.project_id
    row = TaskRow

    async def create(
        self,
        *,
        project_id: UUID,
        title: str,
        description: str,
        executor: str | None = None,
        state: TaskState = TaskState.TODO,
        position: float | None = None,
    ) -> TaskRow:
        """The project's next task; without `position` the last of its column. Raises NotFound, RoleTooSmall."""
        number = await self._take_number(project_id)
        if position is None:
            position = await self._end_of_column(project_id, state)
        now = self._door.clock.now()
        row = TaskRow(
            id=new_id(),
            user_id=self._door.user_id,
            project_id=project_id,
            number=number,
            title=title,
            description=description,
            state=state,
            executor=executor,
            position=position,
            attempts=0,
            created_at=now,
            updated_at=now,
        )
        await self._door.add(tasks, asdict(row))
        return row

    async def _take_number(self, project_id: UUID) -> int:
        """The update locks the project's row until the transaction ends, so that no number is given twice."""
        record = await self._door.write(_TAKE_NUMBER, key=project_id)
        if record is None:
            await self._door.require_member(project_id, Role.EDITOR)
            raise NotFound(kind="project", id=project_id)
        return int(record[0])

    async def _end_of_column(self, project_id: UUID, state: TaskState) -> float:
        last = await self._door.first(_LAST_POSITION, project=project_id, state=state)
        return ((last and last[0]) or 0.0) + _POSITION_STEP

    async def entry(self, key: UUID) -> TaskEntry:
        """One card: the task with its latest attempt and that attempt's latest execution. Raises NotFound."""
        record = await self._door.first(_ENTRY, key=key)
        if record is None:
            raise NotFound(kind=self.kind, id=key)
        return _entry(record)

    async def update(self, key: UUID, **changes: Unpack[TaskChanges]) -> TaskRow:
        """Change columns as an editor. Raises NotFound, RoleTooSmall."""
        return await self._rewrite(key, {**changes, "updated_at": self._door.clock.now()} if changes else {})

    async def transition(
        self, key: UUID, *, from_states: Collection[TaskState], to: TaskState, position: float | None = None
    ) -> TaskRow | None:
        """Compare and set the state; without `position` the task goes to the end of its new column.

        None when the task was in none of `from_states`.
        """
        task = await self.get(key, Role.EDITOR)
        if position is None:
            position = await self._end_of_column(task.project_id, to)
        changes = {"state": to, "position": position, "updated_at": self._door.clock.now()}
        return await self._change(key, changes, from_states=from_states)

    async def count_attempt(self, key: UUID) -> TaskRow:
        """One attempt more, as an editor; the update locks the task until the transaction ends."""
        record = await self._door.write(_COUNT_ATTEMPT, key=key)
        if record is None:
            await self.get(key, Role.EDITOR)
            raise NotFound(kind=self.kind, id=key)
        return TaskRow(*record)

    async def delete(self, key: UUID) -> None:
        """Remove the task and its attempts as an editor. Raises NotFound, RoleTooSmall."""
        await self.get(key, Role.EDITOR)
        await self._door.write(delete(tasks).where(tasks.c.id == key))

    async def list(
        self,
        project_id: UUID,
        *,
        state: TaskState | None = None,
        after: TaskCursor | None = None,
        limit: int = PAGE,
    ) -> list[TaskEntry]:
        """Up to `limit` cards in the order of the board (state, position, number), from behind `after`.

        One statement, whatever the number of tasks; a second one only when there is none, to tell an empty board from
        a project that is not yours. Raises NotFound.
        """
        statement = _BOARD.limit(limit)
        values: dict[str, Any] = {"project": project_id}
        if state is not None:
            statement = statement.where(tasks.c.state == state)
        if after is not None:
            statement = statement.where(_behind(after))
        entries = [_entry(record) for record in await self._door.all(statement, **values)]
        if not entries:
            await self._door.require_member(project_id, Role.VIEWER)
        return entries


def _behind(cursor: TaskCursor) -> ColumnElement[bool]:
    place = (literal(value, column.type) for column, value in zip(_ORDER, cursor, strict=True))
    return tuple_(*_ORDER) > tuple_(*place)


def _entry(record: Record) -> TaskEntry:
    attempt, execution = record[_TASK:_ATTEMPT], record[_ATTEMPT:]
    return TaskEntry(
        TaskRow(*record[:_TASK]),
        AttemptRow(*attempt) if attempt[0] is not None else None,
        ExecutionRow(*execution) if execution[0] is not None else None,
    )
