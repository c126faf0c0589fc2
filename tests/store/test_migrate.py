"""Migrations, on both engines."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from anyon.clock import ManualClock
from anyon.model import ExecutionKind, UserRole
from anyon.store import DatabaseUrlInvalid, Store, StoreUnreachable
from anyon.store import migrate as migration
from anyon.store.engine import database_url
from anyon.store.migrate import (
    MIGRATIONS,
    MigrationBrokeReferences,
    MigrationLocked,
    current_revision,
    downgrade,
    head_revision,
    is_current,
    migrate,
)
from anyon.store.tables import metadata


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'new.db'}"


@pytest.fixture
def empty_url(engine_name: str, request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"empty_{engine_name}_url"))


def run(url: str, *statements: str) -> list[Any]:
    with migration._connected(database_url(url)) as connection, connection.begin():
        results = [connection.execute(text(statement)) for statement in statements]
        return [result.all() if result.returns_rows else None for result in results]


def test_the_tables_are_what_the_migrations_make(url: str) -> None:
    with migration._connected(database_url(url)) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_a_new_database_is_brought_to_the_head_and_left_there(empty_url: str) -> None:
    assert current_revision(empty_url) is None
    assert not is_current(empty_url)
    migrate(empty_url)
    assert is_current(empty_url)
    migrate(empty_url)
    assert current_revision(empty_url) == head_revision()


def test_the_head_is_alembics_head() -> None:
    directory = ScriptDirectory(str(MIGRATIONS))
    assert directory.get_current_head() == head_revision()
    assert {Path(script.path).stem for script in directory.walk_revisions()} == {
        script.revision for script in directory.walk_revisions()
    }


def test_each_migration_says_which_step_it_is() -> None:
    for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions():
        assert script.module.__doc__ is not None
        assert script.module.__doc__.split(":")[0] in {"Expand", "Backfill", "Contract"}


async def test_filled_tables_go_down_and_up_again(url: str, clock: ManualClock) -> None:
    store = await Store.open(url, clock=clock)
    async with store.for_system() as system:
        user = await system.create_user(email="a@example.com", name="A", role=UserRole.ADMIN)
        await system.create_login_link(user_id=user.id, token_hash=b"l" * 32, expires_at=clock.now())
        await system.create_session(user_id=user.id, token_hash=b"s" * 32, user_agent="", expires_at=clock.now())
    async with store.for_user(user.id) as session:
        project = await session.projects.create(name="P", slug="p", source="")
        task = await session.tasks.create(project_id=project.id, title="t", description="")
        attempt = await session.attempts.create(task.id, executor="shell")
        await session.executions.create(
            project_id=project.id, executor="shell", kind=ExecutionKind.AGENT, attempt_id=attempt.id
        )
        await session.terminals.create(project_id=project.id, title="t", attempt_id=attempt.id)
        await session.tokens.create(token_id=task.id, name="ci", expires_at=clock.now())
        await session.secrets.put(name="K", ciphertext=b"x", key_version=1)
        await session.audit.append("project.created", project.id, project_id=project.id)
    await store.close()
    for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions():
        downgrade(url, str(script.down_revision or "base"))
    assert current_revision(url) is None
    migrate(url)
    assert is_current(url)
    assert run(url, "SELECT count(*) FROM users") == [[(0,)]]


def test_processes_that_migrate_at_once_wait_for_each_other(empty_url: str) -> None:
    failures: list[BaseException] = []

    def run_one() -> None:
        try:
            migrate(empty_url)
        except BaseException as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=run_one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert is_current(empty_url)


def test_who_waits_too_long_for_the_lock_is_told(empty_url: str) -> None:
    with (
        migration._locked(database_url(empty_url), 1.0),
        pytest.raises(MigrationLocked, match=r"for 0\.1 s"),
    ):
        migrate(empty_url, lock_seconds=0.1)
    migrate(empty_url)


def test_an_interrupted_migration_leaves_nothing_of_itself(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create_index = op.create_index

    def interrupted(name: str, *arguments: Any) -> None:
        if name == "idx_audit_user_id":
            raise RuntimeError("the power failed")
        create_index(name, *arguments)

    monkeypatch.setattr(op, "create_index", interrupted)
    with pytest.raises(RuntimeError, match="the power failed"):
        migrate(empty_url)
    monkeypatch.undo()
    with migration._connected(database_url(empty_url)) as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    migrate(empty_url)
    assert is_current(empty_url)


def test_the_sqlite_file_is_the_owners_alone(empty_sqlite_url: str, tmp_path: Path) -> None:
    migrate(empty_sqlite_url)
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {
        "new.db": "0o600",
        "new.db.migration-lock": "0o600",
    }


def test_rows_that_refer_to_nothing_after_a_migration_are_an_error(empty_sqlite_url: str) -> None:
    migrate(empty_sqlite_url)
    run(empty_sqlite_url, "INSERT INTO login_links VALUES ('l', 'nobody', x'00', '2026', '2026', NULL)")
    with pytest.raises(MigrationBrokeReferences, match="1 rows"):
        migrate(empty_sqlite_url)


def test_a_database_that_does_not_answer_is_an_error_of_ours() -> None:
    with pytest.raises(StoreUnreachable):
        migrate("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseUrlInvalid):
        migrate("mysql://localhost/x")


def test_alembic_is_not_loaded_where_nothing_is_to_be_done(url: str) -> None:
    program = (
        "import sys; from anyon.store import Store; from anyon.store.migrate import migrate; "
        f"migrate({url!r}); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
