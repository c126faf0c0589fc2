"""The doors: transactions, read-only sessions, and what callers learn when the database fails them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest
import sqlalchemy.exc
from sqlalchemy import text

from anyon.model import UserRole
from anyon.store import DatabaseMissing, DatabaseUrlInvalid, Store, StoreBusy, StoreFull, StoreUnreachable
from anyon.store.engine import database_url
from anyon.store.store import _translate
from tests.fixtures.postgres import PostgresServer
from tests.store.conftest import People


async def test_a_block_that_raises_leaves_nothing_behind(store: Store, people: People) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012 - the block is what is tested
        async with store.for_user(people.ann.id) as session:
            await session.tasks.create(project_id=people.project.id, title="t", description="")
            raise RuntimeError
    async with store.for_user(people.ann.id) as session:
        assert await session.tasks.list(people.project.id) == []
        assert (await session.tasks.create(project_id=people.project.id, title="t", description="")).number == 1


async def test_a_read_only_session_cannot_write(store: Store, people: People) -> None:
    with pytest.raises(sqlalchemy.exc.DBAPIError, match=r"readonly|read-only"):
        async with store.for_user(people.ann.id, read_only=True) as session:
            await session.projects.update(people.project.id, name="x")
    async with store.for_user(people.ann.id) as session:
        assert (await session.projects.get(people.project.id)).name == "Shop"


async def test_readers_do_not_wait_for_a_writer(store: Store, people: People) -> None:
    async with store.for_user(people.ann.id) as writing:
        await writing.projects.update(people.project.id, name="New")
        async with store.for_user(people.ann.id, read_only=True) as reading:
            assert (await reading.projects.get(people.project.id)).name == "Shop"
    async with store.for_user(people.ann.id, read_only=True) as reading:
        assert (await reading.projects.get(people.project.id)).name == "New"


async def test_writers_that_read_first_take_turns(store: Store, people: People) -> None:
    async def read_then_write() -> None:
        async with store.for_user(people.ann.id) as session:
            await session.projects.list()
            await session.audit.append("x", "y", project_id=people.project.id)

    await asyncio.gather(*(read_then_write() for _ in range(20)))
    async with store.for_user(people.ann.id, read_only=True) as session:
        assert len(await session.audit.list(people.project.id)) == 20


async def test_who_waits_too_long_for_a_writer_is_told(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for wait in ("WAIT_SECONDS", "QUEUE_SECONDS"):
        monkeypatch.setattr(f"anyon.store.engine.{wait}", 0.05)
    first, second = await Store.open(sqlite_url), await Store.open(sqlite_url)
    try:
        async with first.for_system():
            with pytest.raises(StoreBusy):
                async with first.for_system():
                    pass
            with pytest.raises(StoreBusy):
                async with second.for_system():
                    pass
    finally:
        await first.close()
        await second.close()


@pytest.mark.postgres
async def test_a_row_locked_for_too_long_is_busy(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyon.store.engine.WAIT_SECONDS", 0.05)
    store = await Store.open(postgres_url)
    try:
        async with store.for_system() as system:
            user = await system.create_user(email="a@example.com", name="A", role=UserRole.ADMIN)
        async with store.for_system() as holder:
            await holder.set_user_role(user.id, UserRole.MEMBER)
            with pytest.raises(StoreBusy):
                async with store.for_system() as waiter:
                    await waiter.set_user_role(user.id, UserRole.ADMIN)
    finally:
        await store.close()


@pytest.mark.postgres
async def test_the_store_goes_on_after_its_connections_were_cut(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    store = await Store.open(postgres_url)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'anyon'"
    with pytest.raises(StoreUnreachable):  # noqa: PT012 - the connection must be cut inside the block
        async with store.for_system() as system:
            postgres_server.run(cut)
            await system.users()
    async with store.for_system() as system:
        assert await system.users() == []
    await store.close()


async def test_opening_fails_where_no_database_answers() -> None:
    with pytest.raises(StoreUnreachable):
        await Store.open("postgresql://nobody@127.0.0.1:1/nothing")


async def test_opening_does_not_make_a_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing, match=r"no database at .*/anyon\.db"):
        await Store.open(f"sqlite:///{tmp_path}/anyon.db")
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - a test may wait


async def test_a_mistake_in_a_statement_is_not_called_an_outage(store: Store) -> None:
    with pytest.raises(sqlalchemy.exc.DBAPIError):
        async with store.for_system() as system:
            await system._connection.execute(text("SELECT * FROM nothing"))


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("sqlite:////data/anyon.db", "sqlite+aiosqlite:////data/anyon.db"),
        ("sqlite+pysqlite:///relative.db", "sqlite+aiosqlite:///relative.db"),
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u:p@h:5433/d?sslmode=require", "postgresql+psycopg://u:p@h:5433/d?sslmode=require"),
        ("postgresql+asyncpg://u@h/d", "postgresql+psycopg://u@h/d"),
    ],
)
def test_an_address_gets_the_driver_that_the_store_uses(given: str, used: str) -> None:
    assert database_url(given).render_as_string(hide_password=False) == used


@pytest.mark.parametrize("given", ["mysql://h/d", "sqlite://", "sqlite:///:memory:", "/var/lib/anyon.db", ""])
def test_another_address_is_refused(given: str) -> None:
    with pytest.raises(DatabaseUrlInvalid):
        database_url(given)


class Said(Exception):
    def __init__(self, text: str, sqlstate: str | None = None) -> None:
        super().__init__(text)
        if sqlstate is not None:
            self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (Said("database is locked"), StoreBusy),
        (Said("deadlock detected", "40P01"), StoreBusy),
        (Said("database or disk is full"), StoreFull),
        (Said("could not extend file", "53100"), StoreFull),
        (Said("disk I/O error"), StoreUnreachable),
        (Said("sorry, too many clients already", "53300"), StoreUnreachable),
        (psycopg.OperationalError("server closed the connection unexpectedly"), StoreUnreachable),
        (Said("column is locked does not exist", "42703"), type(None)),
        (Said("no such table: nothing"), type(None)),
    ],
    ids=str,
)
def test_what_a_driver_says_of_the_database_is_told_in_our_words(said: Exception, kind: type) -> None:
    error = sqlalchemy.exc.OperationalError("SELECT", {}, said)
    assert type(_translate(error)) is kind
