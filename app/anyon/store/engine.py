"""Connections: which driver an address means, and how each engine is set up.

SQLite gets one connection that writes, so that writers queue in this process instead of failing with "database is
locked", and a few that can only read; in WAL mode neither waits for the other. PostgreSQL gets one pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from anyon.store import sqlite
from anyon.store.errors import DatabaseMissing, DatabaseUrlInvalid

WAIT_SECONDS = 5.0
"""For a lock that another process holds, and for a connection to be made."""

QUEUE_SECONDS = 20.0
"""For a turn behind this process's own work, which goes on meanwhile: hundreds of tasks may begin at once."""

STATEMENT_SECONDS = 15
_SQLITE_READERS = 4
# A reader waits only while another process repairs or closes the log, and the event loop waits with it.
_READER_WAIT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Engines:
    """`reader` refuses every write; on PostgreSQL both are the same pool."""

    reader: AsyncEngine
    writer: AsyncEngine

    async def dispose(self) -> None:
        """Close every connection."""
        await self.writer.dispose()
        await self.reader.dispose()


def database_url(text: str) -> URL:
    """The address with the driver that the store uses, whichever driver it names or omits.

    Raises DatabaseUrlInvalid for another database, and for SQLite without a file.
    """
    try:
        url = make_url(text)
    except ArgumentError:
        raise DatabaseUrlInvalid(scheme="anything else") from None
    family = url.get_backend_name()
    if family == "postgres":
        family = "postgresql"
    if family == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+aiosqlite")
    if family == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    raise DatabaseUrlInvalid(scheme="sqlite: without a file" if family == "sqlite" else f"{family}:")


def open_engines(url: URL, pool_size: int) -> Engines:
    """Make the engines; nothing is connected yet. `pool_size` is PostgreSQL's (A4). Raises DatabaseMissing."""
    if url.get_backend_name() == "sqlite":
        if not Path(str(url.database)).exists():
            raise DatabaseMissing(path=url.database)
        return _open_sqlite(url)
    return _open_postgresql(url, pool_size)


def _open_postgresql(url: URL, pool_size: int) -> Engines:
    limits = {
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "lock_timeout": f"{WAIT_SECONDS:g}s",
        "idle_in_transaction_session_timeout": "60s",
        "timezone": "UTC",
    }
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=QUEUE_SECONDS,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": int(WAIT_SECONDS),
            "application_name": "anyon",
            "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        },
    )
    return Engines(reader=engine.execution_options(postgresql_readonly=True), writer=engine)


def _open_sqlite(url: URL) -> Engines:
    writer = _sqlite_engine(url.set(drivername=sqlite.WRITER), WAIT_SECONDS, pool_size=1)
    reader = _sqlite_engine(
        url.set(drivername=sqlite.READER),
        _READER_WAIT_SECONDS,
        pool_size=_SQLITE_READERS,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
    )
    event.listen(writer.sync_engine, "begin", _begin_immediate)
    event.listen(reader.sync_engine, "connect", _read_only)
    return Engines(reader=reader, writer=writer)


def _sqlite_engine(url: URL, wait: float, *, pool_size: int, **options: Any) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=QUEUE_SECONDS,
        connect_args={"isolation_level": None, "timeout": wait},
        **options,
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """What every SQLite connection needs; SQLite forgets all but the journal mode when it closes."""
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "temp_store = MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _read_only(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first could not get it later if another one wrote."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
