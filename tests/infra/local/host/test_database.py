from __future__ import annotations

import socket
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from infra.local.errors import LocalError
from infra.local.host import database
from infra.local.specs import DatabaseSpec


@pytest.fixture
def spec(tmp_path: Path) -> DatabaseSpec:
    return DatabaseSpec(engine="sqlite", location=str(tmp_path / "anyon.db"))


def test_a_new_file_is_for_the_owner_alone(spec: DatabaseSpec) -> None:
    assert database.observe(spec) is None
    database.apply(spec)
    assert stat.S_IMODE(Path(spec.location).stat().st_mode) == 0o600
    assert database.observe(spec) is not None


def test_a_database_with_rows_stays_as_it_is(spec: DatabaseSpec) -> None:
    with closing(sqlite3.connect(spec.location)) as connection:
        connection.execute("CREATE TABLE tasks (id)")
    before = Path(spec.location).read_bytes()
    assert database.apply(spec).reachable
    database.remove(spec)
    assert Path(spec.location).read_bytes() == before


def test_a_file_that_is_no_database_is_not_touched(spec: DatabaseSpec) -> None:
    Path(spec.location).write_text("my diary " * 100)
    with pytest.raises(LocalError, match="cannot be used as a database") as caught:
        database.apply(spec)
    assert "mv " in caught.value.hint
    assert Path(spec.location).read_text().startswith("my diary")


def test_a_postgresql_that_does_not_answer_is_named_without_its_password() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        url = f"postgresql://anyon:hunter2@127.0.0.1:{port}/anyon"
        spec = DatabaseSpec(engine="postgresql", location=f"127.0.0.1:{port}/anyon", url=url)
        with pytest.raises(LocalError, match=f"PostgreSQL at 127.0.0.1:{port}/anyon does not answer") as caught:
            database.apply(spec)
        assert "hunter2" not in str(caught.value)
        state = database.observe(spec)
    assert state is not None
    assert not state.reachable


@pytest.mark.postgres
def test_a_postgresql_that_answers_is_good(empty_postgres_url: str) -> None:
    spec = DatabaseSpec(engine="postgresql", location="127.0.0.1", url=empty_postgres_url)
    assert database.apply(spec) == database.observe(spec) == database.DatabaseState(reachable=True)
