"""SQLite under asyncio with as few changes of thread as possible: each costs more than a small query.

Measured at 350 reads a second, SQLAlchemy's own way (`aiosqlite`: four trips to another thread per statement) spent
more time on handing over than on everything else together. So readers run in the event loop's thread: in WAL mode they
wait for nobody, and what they read is in memory. The writer keeps a thread, since it may have to wait for another
process or for the disk, and makes one trip per statement.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from sqlalchemy import URL, pool
from sqlalchemy.connectors.asyncio import AsyncAdapt_dbapi_connection
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util.concurrency import await_

READER, WRITER = "sqlite+reader", "sqlite+writer"
"""Names of drivers, for addresses."""


async def _nothing() -> None:
    """SQLAlchemy insists that something is awaited, to tell asynchronous drivers from others."""


class _ReaderCursor(sqlite3.Cursor):
    def execute(self, operation: str, parameters: Any = ()) -> Self:
        await_(_nothing())
        return super().execute(operation, parameters)

    async def _async_soft_close(self) -> None:
        """Rows are read off the cursor itself, which stays open for them."""


class _ReaderConnection(sqlite3.Connection):
    def cursor(self, factory: Any = _ReaderCursor) -> Any:
        return super().cursor(factory)


class ReaderDialect(SQLiteDialect_pysqlite):
    """Statements run where they are awaited."""

    driver = "reader"
    is_async = True
    supports_statement_cache = True

    def connect(self, *arguments: Any, **options: Any) -> Any:
        return super().connect(*arguments, **options, factory=_ReaderConnection)

    @classmethod
    def get_pool_class(cls, url: URL) -> type[pool.Pool]:  # noqa: ARG003 - SQLAlchemy's signature
        return pool.AsyncAdaptedQueuePool


class _Outcome(NamedTuple):
    """What is left of a statement once its rows are fetched: the part of a cursor that SQLAlchemy still asks for."""

    description: Any
    rowcount: int
    lastrowid: int | None

    def close(self) -> None:
        """The real cursor is closed already."""


class _OneTripCursor(AsyncAdapt_aiosqlite_cursor):
    __slots__ = ()
    _awaitable_cursor_close = False

    def __init__(self, adapt_connection: AsyncAdapt_dbapi_connection) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._cursor: Any = _Outcome(None, -1, None)
        self._soft_closed_memoized: Any = {}
        self._rows = deque()

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        await self._run(sqlite3.Cursor.execute, operation, () if parameters is None else parameters)

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        await self._run(sqlite3.Cursor.executemany, operation, seq_of_parameters)

    async def _run(self, method: Any, operation: str, parameters: Any) -> None:
        connection: Any = self._connection
        async with self._adapt_connection._execute_mutex:
            outcome, rows = await connection._execute(_in_thread, connection, method, operation, parameters)
        self._cursor, self._rows = outcome, deque(rows)


def _in_thread(connection: Any, method: Any, operation: str, parameters: Any) -> tuple[_Outcome, Sequence[Any]]:
    cursor: sqlite3.Cursor = connection._conn.cursor()
    try:
        method(cursor, operation, parameters)
        rows = cursor.fetchall() if cursor.description else ()
        return _Outcome(cursor.description, cursor.rowcount, cursor.lastrowid), rows
    finally:
        cursor.close()


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()
    _cursor_cls = _OneTripCursor


class _Module(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *arguments: Any, **options: Any) -> _Connection:
        connection = self.aiosqlite.connect(*arguments, **options)
        connection._thread.daemon = True  # as SQLAlchemy does: a forgotten connection does not keep the process alive
        return _Connection(self, await_(connection))


class WriterDialect(SQLiteDialect_aiosqlite):
    """Statements run in the connection's own thread, each in one trip."""

    driver = "writer"
    supports_statement_cache = True
    supports_server_side_cursors = False

    @classmethod
    def import_dbapi(cls) -> _Module:
        import aiosqlite  # noqa: PLC0415 - as SQLAlchemy does: only for engines that use it

        return _Module(aiosqlite, sqlite3)


registry.register("sqlite.reader", __name__, ReaderDialect.__name__)
registry.register("sqlite.writer", __name__, WriterDialect.__name__)
