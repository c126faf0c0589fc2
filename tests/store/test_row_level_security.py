"""PostgreSQL's own lock: raw SQL, without the store's conditions, sees only what the user of the transaction may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest

from anyon.clock import ManualClock
from anyon.ids import new_id
from anyon.model import ExecutionKind
from anyon.store import Store
from anyon.store.tables import metadata
from tests.store.conftest import People

pytestmark = pytest.mark.postgres


@pytest.fixture
def engine_name() -> str:
    return "postgres"


@pytest.fixture
async def raw(postgres_url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    connection = await psycopg.AsyncConnection.connect(postgres_url, autocommit=True)
    yield connection
    await connection.close()


@pytest.fixture
async def filled(store: Store, people: People, clock: ManualClock) -> People:
    """Ann's project with a row in every table, Oda's with hers."""
    for user, project in ((people.ann, people.project), (people.oda, people.odas)):
        async with store.for_user(user.id) as session:
            task = await session.tasks.create(project_id=project.id, title="t", description="")
            attempt = await session.attempts.create(task.id, executor="shell")
            await session.executions.create(
                project_id=project.id, executor="shell", kind=ExecutionKind.AGENT, attempt_id=attempt.id
            )
            await session.terminals.create(project_id=project.id, title="t")
            await session.tokens.create(token_id=new_id(), name="ci", expires_at=clock.now())
            await session.secrets.put(name="K", ciphertext=b"x", key_version=1)
            await session.audit.append("task.created", task.id, project_id=project.id)
        async with store.for_system() as system:
            key = user.id.bytes * 2
            await system.create_session(user_id=user.id, token_hash=key, user_agent="", expires_at=clock.now())
            await system.create_login_link(user_id=user.id, token_hash=key, expires_at=clock.now())
    return people


async def become(raw: psycopg.AsyncConnection, user_id: UUID | None, role: str = "") -> None:
    await raw.execute(
        "SELECT set_config('app.user_id', %s, false), set_config('app.role', %s, false)", [str(user_id or ""), role]
    )


async def counts(raw: psycopg.AsyncConnection) -> dict[str, int]:
    found = {}
    for table in metadata.tables:
        cursor = await raw.execute(f"SELECT count(*) FROM {table}".encode())  # noqa: S608 - the schema's own names
        record = await cursor.fetchone()
        assert record is not None
        found[table] = record[0]
    return found


async def test_who_says_nothing_sees_nothing(raw: psycopg.AsyncConnection, filled: People) -> None:
    assert set((await counts(raw)).values()) == {0}


async def test_the_system_sees_every_row(raw: psycopg.AsyncConnection, filled: People) -> None:
    await become(raw, None, "system")
    found = await counts(raw)
    assert (found.pop("users"), found.pop("project_members")) == (4, 4)
    assert set(found.values()) == {2}


async def test_a_user_sees_the_own_rows_and_those_of_the_own_projects(
    raw: psycopg.AsyncConnection, filled: People
) -> None:
    await become(raw, filled.oda.id)
    assert set((await counts(raw)).values()) == {1}
    await become(raw, filled.ann.id)
    found = await counts(raw)
    assert (found.pop("users"), found.pop("project_members")) == (3, 3)
    assert set(found.values()) == {1}


async def test_a_member_sees_the_project_but_not_the_accounts_of_others(
    raw: psycopg.AsyncConnection, filled: People
) -> None:
    await become(raw, filled.vic.id)
    found = await counts(raw)
    private = {"sessions", "login_links", "api_tokens", "secrets"}
    assert {table: found[table] for table in private} == dict.fromkeys(private, 0)
    assert {found[table] for table in ("projects", "workspaces", "tasks", "attempts", "audit")} == {1}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users SET role = 'admin'",
        "INSERT INTO project_members SELECT '{odas}', '{ann}', 'owner', now()",
        "INSERT INTO tasks SELECT gen_random_uuid(), '{ann}', '{odas}', 9, 't', '', 'todo', NULL, 1, 0, now(), now()",
        "UPDATE secrets SET user_id = '{oda}'",
        "INSERT INTO audit (at, user_id, action, subject, detail) VALUES (now(), '{oda}', 'a', 's', '{{}}')",
    ],
)
async def test_a_user_writes_nothing_into_what_belongs_to_others(
    statement: str, raw: psycopg.AsyncConnection, filled: People
) -> None:
    await become(raw, filled.ann.id)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        await raw.execute(statement.format(ann=filled.ann.id, oda=filled.oda.id, odas=filled.odas.id).encode())


@pytest.mark.parametrize("statement", ["DELETE FROM {table}", "UPDATE {table} SET created_at = now()"])
@pytest.mark.parametrize("table", ["tasks", "attempts", "terminals", "workspaces", "sessions", "secrets"])
async def test_a_user_changes_no_row_of_others(
    statement: str, table: str, raw: psycopg.AsyncConnection, filled: People
) -> None:
    await become(raw, filled.eve.id)
    await raw.execute(statement.format(table=table).encode())
    await become(raw, filled.oda.id)
    assert (await counts(raw))[table] == 1
    cursor = await raw.execute(f"SELECT count(*) FROM {table} WHERE created_at > '2026-02-01'".encode())  # noqa: S608
    assert await cursor.fetchone() == (0,)


async def test_a_connection_of_the_pool_forgets_its_user(store: Store, filled: People) -> None:
    async with store.for_user(filled.ann.id) as session:
        assert len(await session.secrets.list()) == 1
    async with store._engines.writer.connect() as connection:
        result = await connection.exec_driver_sql("SELECT count(*) FROM secrets")
        assert result.scalar_one() == 0
