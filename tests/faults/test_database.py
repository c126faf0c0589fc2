"""The database is held by somebody else, or gone for a while: requests say so, and nothing is lost or stuck."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from anyon.loadtest.service import RequestFailed
from anyon.store.migrate import head_revision, is_current, migrate
from tests.faults.support import chatter, eventually, execution_of, repository, running, settled, whole_log
from tests.fixtures.installation import Installation
from tests.runtime.conftest import processes_in

pytestmark = pytest.mark.faults


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Hold the write lock, as a backup or a careless shell does."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


async def test_a_task_that_ends_while_sqlite_is_locked_reaches_its_true_end(installation: Installation) -> None:
    async with installation.service() as service:
        project = await service.create_project("locked")
        task = await service.create_task(project["id"], chatter(4, "go"))
        attempt = await running(service, task)
        with locked(installation.data_dir / "anyon.db"):
            (repository(installation, project) / "go").touch()
            out = repository(installation, project) / attempt["worktree"] / "out.txt"
            await eventually(lambda: out.read_bytes().endswith(b"ends\n"))
            with pytest.raises(RequestFailed) as refused:  # longer than the service waits for the lock
                await service.create_task(project["id"], "echo refused")
            assert refused.value.data["status"] == 503
            assert (await service.get(f"/api/tasks/{task['id']}"))["state"] == "in_progress"  # reading goes on
        ended = await settled(service, task)
        assert (ended["state"], ended["execution"]["exit_code"]) == ("failed", 4)
        assert (await whole_log(service, execution_of(task))).endswith(b"task 4 ends\n")
        tasks = await service.get("/api/tasks", project_id=project["id"])
        assert len(tasks) == 1, "a refused task must not exist"


async def test_a_start_interrupted_by_a_locked_sqlite_has_a_way_out(installation: Installation) -> None:
    async with installation.service() as service:
        project = await service.create_project("locked")
        task = await service.create_task(project["id"], "echo works")
        with locked(installation.data_dir / "anyon.db"), pytest.raises(RequestFailed):
            await service.create_task(project["id"], "echo refused")
        attempt = await settled(service, task)
        assert attempt["state"] == "in_review" or attempt["problem"]["code"] == "store-busy"


class Proxy:
    """Carries bytes to PostgreSQL, until it is cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Every connection breaks and no new one is taken."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, far_writer}
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        self._writers -= {writer, far_writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def behind_a_proxy(url: str, folder: Path) -> AsyncIterator[tuple[Installation, Proxy]]:
    proxy = Proxy(urlsplit(url).port or 5432)
    await proxy.open()
    address = url.replace(f":{urlsplit(url).port}/", f":{proxy.port}/")
    installation = Installation(folder / "data", database_url=address)
    try:
        await installation.start()
        yield installation, proxy
    finally:
        await installation.close()
        await proxy.cut()
    assert processes_in(folder) == []


@pytest.mark.postgres
async def test_a_task_that_ends_while_postgresql_is_gone_reaches_its_true_end(
    postgres_url: str, tmp_path: Path
) -> None:
    async with behind_a_proxy(postgres_url, tmp_path) as (installation, proxy), installation.service() as service:
        project = await service.create_project("gone")
        task = await service.create_task(project["id"], chatter(4, "go"))
        attempt = await running(service, task)
        await proxy.cut()
        (repository(installation, project) / "go").touch()
        out = repository(installation, project) / attempt["worktree"] / "out.txt"
        await eventually(lambda: out.read_bytes().endswith(b"ends\n"))
        with pytest.raises(RequestFailed) as refused:
            await service.create_task(project["id"], "echo refused")
        assert refused.value.data["status"] == 503
        await proxy.open()
        async with installation.service() as again:
            ended = await settled(again, task)
            assert (ended["state"], ended["execution"]["exit_code"]) == ("failed", 4)


_DIE = """
import os, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from anyon.store.migrate import migrate
left = int(sys.argv[2])
@event.listens_for(Engine, "after_cursor_execute")
def die(connection, cursor, statement, *rest):
    global left
    left -= statement.lstrip().upper().startswith(("CREATE", "INSERT"))
    if left <= 0:
        os._exit(9)
migrate(sys.argv[1])
"""


def interrupt(url: str, statements: int) -> None:
    """Migrate in a process that dies after so many statements."""
    done = subprocess.run([sys.executable, "-c", _DIE, url, str(statements)], check=False)
    assert done.returncode == 9, "the migration was over before it could be interrupted"


@pytest.mark.parametrize("statements", [1, 5, 20])
def test_an_interrupted_migration_of_sqlite_is_done_again_from_the_beginning(tmp_path: Path, statements: int) -> None:
    url = f"sqlite:///{tmp_path}/anyon.db"
    interrupt(url, statements)
    assert not is_current(url)
    migrate(url)
    assert is_current(url), head_revision()


@pytest.mark.postgres
@pytest.mark.parametrize("statements", [1, 5, 20])
def test_an_interrupted_migration_of_postgresql_is_done_again_from_the_beginning(
    empty_postgres_url: str, statements: int
) -> None:
    interrupt(empty_postgres_url, statements)
    assert not is_current(empty_postgres_url)
    migrate(empty_postgres_url)
    assert is_current(empty_postgres_url)
