"""The database: a file that the service fills, or a PostgreSQL that must answer."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from pydantic import BaseModel

from infra.local.errors import LocalError
from infra.local.specs import DatabaseSpec

_CONNECT_SECONDS = 5


class DatabaseState(BaseModel):
    reachable: bool


def apply(spec: DatabaseSpec) -> DatabaseState:
    """Make sure that the service will find it. Tables are the service's own affair (migrations at start)."""
    if spec.engine == "sqlite":
        _prepare_file(Path(spec.location))
    elif (problem := _connection_problem(spec)) is not None:
        raise LocalError(
            f"PostgreSQL at {spec.location} does not answer: {problem}",
            hint="Start it, or correct the address in the file that anyon:database.url_file names.",
        )
    return DatabaseState(reachable=True)


def observe(spec: DatabaseSpec) -> DatabaseState | None:
    if spec.engine == "sqlite":
        return DatabaseState(reachable=True) if Path(spec.location).exists() else None
    return DatabaseState(reachable=_connection_problem(spec) is None)


def remove(spec: DatabaseSpec) -> None:
    """Nothing: data outlives the stack. `make purge` removes SQLite's file; nobody here drops a PostgreSQL database."""


def _prepare_file(path: Path) -> None:
    path.touch(mode=0o600)
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise LocalError(
            f"{path} cannot be used as a database: {error}",
            hint=f"Restore it from a backup, or move it away to start with an empty one: mv {path} {path}.broken",
        ) from error


def _connection_problem(spec: DatabaseSpec) -> str | None:
    import psycopg  # noqa: PLC0415  # SQLite, the default, does without

    try:
        with psycopg.connect(spec.url or "", connect_timeout=_CONNECT_SECONDS) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        return str(error).strip().splitlines()[0]
    return None
