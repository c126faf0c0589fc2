"""The store: opens the database and hands out transactions, each for one user or for the system."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import sqlalchemy.exc
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from anyon.clock import Clock, SystemClock
from anyon.errors import AnyonError
from anyon.store.access import Door
from anyon.store.engine import QUEUE_SECONDS, WAIT_SECONDS, Engines, database_url, open_engines
from anyon.store.errors import StoreBusy, StoreFull, StoreUnreachable
from anyon.store.system_session import SystemSession
from anyon.store.user_session import UserSession

# What drivers say of the database itself, rather than of a statement: PostgreSQL by SQLSTATE, SQLite by its text.
_SAYINGS: tuple[tuple[Callable[[], AnyonError], tuple[str, ...], tuple[str, ...]], ...] = (
    (lambda: StoreBusy(seconds=WAIT_SECONDS), ("55P03", "57014", "40P01", "40001"), ("is locked",)),
    (StoreFull, ("53100",), ("disk is full",)),
    (StoreUnreachable, ("57P01", "57P02", "57P03", "53300"), ("unable to open database file", "disk I/O error")),
)


_IDENTIFY = text("SELECT set_config('app.role', :role, true), set_config('app.user_id', :user_id, true)")


class Store:
    """Use `async with store.for_user(id) as session:` and await nothing but the store inside the block.

    A transaction commits when its block ends and rolls back when the block raises. On SQLite writers take turns, and a
    second writing block opened inside a first would wait for it until StoreBusy.
    """

    def __init__(self, engines: Engines, clock: Clock) -> None:
        self._engines = engines
        self._clock = clock

    @classmethod
    async def open(cls, url: str, *, pool_size: int = 10, clock: Clock | None = None) -> Store:
        """Connect once, to fail here rather than at the first request; the schema is `migrate()`'s business.

        `url` is `sqlite:///path` or `postgresql://…`; `pool_size` is the most connections to PostgreSQL. Raises
        DatabaseUrlInvalid, DatabaseMissing, StoreUnreachable.
        """
        store = cls(open_engines(database_url(url), pool_size), clock or SystemClock())
        try:
            await store.ping()
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Close every connection; the store is of no use afterwards."""
        await self._engines.dispose()

    async def ping(self) -> None:
        """One round trip. Raises StoreUnreachable, StoreBusy."""
        async with self._transaction(read_only=True) as connection:
            await connection.execute(text("SELECT 1"))

    @asynccontextmanager
    async def for_user(self, user_id: UUID, *, read_only: bool = False) -> AsyncIterator[UserSession]:
        """A transaction that sees only what this user may see.

        `read_only` costs less, waits for no writer, and a write in it fails; on SQLite each of its statements sees the
        latest commit rather than one snapshot. Raises StoreBusy, StoreFull, StoreUnreachable.
        """
        async with self._transaction(user_id=user_id, read_only=read_only) as connection:
            yield UserSession(Door(connection, user_id, self._clock))

    @asynccontextmanager
    async def for_system(self, *, read_only: bool = False) -> AsyncIterator[SystemSession]:
        """A transaction for login, sweep, reconcile and the administration of accounts. Raises as `for_user`."""
        async with self._transaction(role="system", read_only=read_only) as connection:
            yield SystemSession(connection, self._clock)

    @asynccontextmanager
    async def _transaction(
        self, *, read_only: bool, role: str = "", user_id: UUID | None = None
    ) -> AsyncIterator[AsyncConnection]:
        """PostgreSQL is told who the transaction is for: its row-level security is the second lock."""
        engine = self._engines.reader if read_only else self._engines.writer
        try:
            async with engine.begin() as connection:
                if engine.dialect.name == "postgresql":
                    await connection.execute(_IDENTIFY, {"role": role, "user_id": str(user_id or "")})
                yield connection
        except sqlalchemy.exc.TimeoutError as error:
            raise StoreBusy(seconds=QUEUE_SECONDS) from error
        except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError) as error:
            translated = _translate(error)
            if translated is None:
                raise
            raise translated from error


def _translate(error: sqlalchemy.exc.DBAPIError) -> AnyonError | None:
    """The failure in the product's words; None for a mistake in a statement."""
    state: str | None = getattr(error.orig, "sqlstate", None)
    for make, states, texts in _SAYINGS:
        if state in states or (state is None and any(phrase in str(error.orig) for phrase in texts)):
            return make()
    # psycopg's errors have an SQLSTATE, None when no server was there to say one; SQLite's have no such attribute.
    lost = error.connection_invalidated or (state is None and hasattr(error.orig, "sqlstate"))
    return StoreUnreachable() if lost else None
