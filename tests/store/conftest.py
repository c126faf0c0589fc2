"""A migrated database on each engine, and people in it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from anyon.clock import ManualClock
from anyon.model import Role, UserRole
from anyon.store import ProjectRow, Store, UserRow
from anyon.store.migrate import migrate
from tests.fixtures.postgres import (  # noqa: F401 - fixtures are found by name
    empty_postgres_url,
    postgres_server,
    postgres_template,
    postgres_url,
)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "anyon.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    shutil.copy(sqlite_template, tmp_path / "anyon.db")
    return f"sqlite:///{tmp_path / 'anyon.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(engine_name: str, request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{engine_name}_url"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(url: str, clock: ManualClock) -> AsyncIterator[Store]:
    store = await Store.open(url, pool_size=5, clock=clock)
    yield store
    await store.close()


@dataclass
class People:
    """Ann owns `project`; Eve edits it, Vic views it, Oda is a stranger with a project of her own."""

    ann: UserRow
    eve: UserRow
    vic: UserRow
    oda: UserRow
    project: ProjectRow
    odas: ProjectRow


@pytest.fixture
async def people(store: Store) -> People:
    async with store.for_system() as system:
        ann, eve, vic, oda = [
            await system.create_user(email=f"{name}@example.com", name=name.title(), role=UserRole.MEMBER)
            for name in ("ann", "eve", "vic", "oda")
        ]
    async with store.for_user(ann.id) as session:
        project = await session.projects.create(name="Shop", slug="shop", source="")
        await session.projects.add_member(project.id, eve.id, Role.EDITOR)
        await session.projects.add_member(project.id, vic.id, Role.VIEWER)
    async with store.for_user(oda.id) as session:
        odas = await session.projects.create(name="Docs", slug="docs", source="https://example.com/docs.git")
    return People(ann, eve, vic, oda, project, odas)


@dataclass
class QueryCounter:
    """SELECT, INSERT, UPDATE and DELETE statements that reached the database inside `counting()`."""

    statements: list[str] = field(default_factory=list)

    @contextmanager
    def counting(self, store: Store) -> Iterator[list[str]]:
        self.statements.clear()

        def note(connection: Connection, cursor: object, statement: str, *rest: object) -> None:
            if statement.split(None, 1)[0] in {"SELECT", "INSERT", "UPDATE", "DELETE"}:
                self.statements.append(statement)

        # On PostgreSQL both are one engine, whose events a listener would meet twice.
        by_pool = {id(engine.pool): engine for engine in (store._engines.reader, store._engines.writer)}
        engines = [engine.sync_engine for engine in by_pool.values()]
        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        yield self.statements
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def queries() -> QueryCounter:
    return QueryCounter()
