"""Who may see what: the conditions that every query of a user's session carries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Executable,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from anyon.clock import Clock
from anyon.model import Role
from anyon.store.errors import NotFound, RoleTooSmall
from anyon.store.tables import project_members

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

RowT = TypeVar("RowT")
Record = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Door:
    """One transaction of one user: what the repositories share."""

    connection: AsyncConnection
    user_id: UUID
    clock: Clock

    async def first(self, statement: Executable, /, **values: Any) -> Record | None:
        """The first record or None; `me` is bound to the user."""
        return (await self.connection.execute(statement, {"me": self.user_id, **values})).first()

    async def all(self, statement: Executable, /, **values: Any) -> Sequence[Record]:
        """Every record; `me` is bound to the user."""
        return (await self.connection.execute(statement, {"me": self.user_id, **values})).all()

    async def write(self, statement: Executable, /, **values: Any) -> Record | None:
        """Run a statement that changes rows; the first record that it returns, if any. `me` is bound to the user.

        Values that are given here rather than within the statement leave it the same each time, so that SQLAlchemy
        translates it once: half the time of a short one.
        """
        result = await self.connection.execute(statement, {"me": self.user_id, **values})
        return result.first() if result.returns_rows else None

    async def add(self, table: Table, values: dict[str, Any]) -> None:
        """Add one row."""
        await self.connection.execute(insert(table), values)

    def insert_into(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        """An INSERT with `on_conflict_…`, which both engines have under one syntax and SQLAlchemy under two names."""
        if self.connection.dialect.name != "postgresql":
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - 2 MB that SQLite goes without

        return postgresql.insert(table)

    async def require_member(self, project_id: UUID, role: Role) -> None:
        """Raises NotFound to somebody who is no member of the project, RoleTooSmall to a member without `role`."""
        record = await self.first(_ROLE, project=project_id)
        if record is None:
            raise NotFound(kind="project", id=project_id)
        check_role("project", record.role, role)


_EDITORS = [role for role in Role if role.covers(Role.EDITOR)]


def membership(project: Column[UUID]) -> ColumnElement[bool]:
    """Joins `project_members` to a table: the user's own membership (`me`) of the row's project."""
    return and_(project_members.c.project_id == project, project_members.c.user_id == bindparam("me"))


def is_member(project: Column[UUID]) -> ColumnElement[bool]:
    """The condition that the user (`me`) is a member of the row's project."""
    return exists().where(membership(project))


def is_editor(project: Column[UUID]) -> ColumnElement[bool]:
    """The condition that the user (`me`) may change what belongs to the row's project."""
    return exists().where(membership(project), project_members.c.role.in_(_EDITORS))


def unless_set(column: Column[datetime], now: datetime) -> ColumnElement[datetime]:
    """The column's instant, or `now` where it has none: what happened twice keeps its first time."""
    return func.coalesce(column, literal(now, column.type))


def check_role(kind: str, role: Role, needed: Role) -> None:
    """Raises RoleTooSmall."""
    if not role.covers(needed):
        raise RoleTooSmall(kind=kind, role=role.value, needed=needed.value)


_ROLE = select(project_members.c.role).where(
    project_members.c.project_id == bindparam("project"), project_members.c.user_id == bindparam("me")
)


class Scoped(Generic[RowT]):
    """Rows of a table that belong to a project; a subclass names the table, its key and the project's column."""

    kind: str
    table: Table
    key: Column[UUID]
    project: Column[UUID]
    row: Callable[..., RowT]
    _one: Select[Any]
    _update: ReturningUpdate[Any]
    _move: ReturningUpdate[Any]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._one = (
            select(*cls.table.c, project_members.c.role.label("my_role"))
            .join_from(cls.table, project_members, membership(cls.project))
            .where(cls.key == bindparam("key"))
        )
        mine = update(cls.table).where(cls.key == bindparam("key"), is_editor(cls.project))
        cls._update = mine.returning(*cls.table.c)
        cls._move = cls._update.where(cls.table.c.state.in_(bindparam("from_states", expanding=True)))

    def __init__(self, door: Door) -> None:
        self._door = door

    async def get(self, key: UUID, role: Role = Role.VIEWER) -> RowT:
        """The row. Raises NotFound for an id that does not exist or is not yours, RoleTooSmall."""
        record = await self._door.first(self._one, key=key)
        if record is None:
            raise NotFound(kind=self.kind, id=key)
        check_role(self.kind, record.my_role, role)
        return self.row(*record[:-1])

    async def _change(
        self, key: UUID, changes: Mapping[str, Any], *, from_states: Collection[StrEnum] | None = None
    ) -> RowT | None:
        """Write the columns as an editor; None when the row was in none of `from_states`."""
        if from_states is None:
            record = await self._door.write(self._update, key=key, **changes)
        else:
            record = await self._door.write(self._move, key=key, from_states=sorted(from_states), **changes)
        if record is not None:
            return self.row(*record)
        await self.get(key, Role.EDITOR)
        return None

    async def _rewrite(self, key: UUID, changes: Mapping[str, Any]) -> RowT:
        """Write the columns as an editor; with none given, nothing happens."""
        changed = await self._change(key, changes) if changes else None
        return changed or await self.get(key, Role.EDITOR)
