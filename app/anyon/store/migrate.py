"""Applies the migrations (A4): one process at a time, with timeouts, one transaction per migration.

Blocking. Alembic and Mako are loaded only when there is something to do, so that a service whose database is current
never pays for them.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, create_engine, event, inspect, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from anyon.clock import Clock, SystemClock
from anyon.errors import AnyonError
from anyon.store.engine import database_url
from anyon.store.errors import StoreUnreachable

if TYPE_CHECKING:
    from alembic.config import Config

LOCK_SECONDS = 60.0
MIGRATIONS = Path(__file__).parent / "migrations"
_POSTGRES_LOCK = 0x616E796F6E  # "anyon"; PostgreSQL's advisory locks are numbers that applications agree on
_LOCK_TIMEOUT, _STATEMENT_TIMEOUT = "4s", "300s"
_PAUSE_SECONDS = 0.05


class MigrationLocked(AnyonError):
    """Takes `seconds`."""

    code, status_hint = "migration-locked", 503
    title = "Another process is migrating the database"
    detail = "Another process held the migration lock for {seconds:g} s"
    hint = "Wait for it to end, or find out why it hangs, then start again."


class MigrationBrokeReferences(AnyonError):
    """Takes `count`. Only SQLite's: there foreign keys are off while tables are rebuilt."""

    code, status_hint = "migration-broke-references", 500
    title = "A migration left rows that refer to nothing"
    detail = "{count} rows refer to rows that do not exist"
    hint = "Restore the copy of the database made before the migration and report this."


def migrate(url: str, revision: str = "head", *, lock_seconds: float = LOCK_SECONDS) -> None:
    """Upgrade to `revision` behind a lock; does nothing when it is there already. Makes the SQLite file (mode 0600).

    Raises MigrationLocked after `lock_seconds`, DatabaseUrlInvalid, StoreUnreachable.
    """
    if revision == "head":
        revision = head_revision()
    with _locked(database_url(url), lock_seconds) as connection:
        if _revision(connection) != revision:
            from alembic import command  # noqa: PLC0415 - loaded only when used

            command.upgrade(_config(connection), revision)


def downgrade(url: str, revision: str, *, lock_seconds: float = LOCK_SECONDS) -> None:
    """Go back to `revision` (`base` is the empty database) behind the same lock; what newer columns held is lost."""
    from alembic import command  # noqa: PLC0415 - loaded only when used

    with _locked(database_url(url), lock_seconds) as connection:
        command.downgrade(_config(connection), revision)


def current_revision(url: str) -> str | None:
    """The revision that the database is at; None when it was never migrated. Raises as `migrate`."""
    address = database_url(url)
    if address.get_backend_name() == "sqlite" and not Path(str(address.database)).exists():
        return None
    with _connected(address) as connection:
        return _revision(connection)


def head_revision() -> str:
    """The revision that this code needs: scripts are named after their revisions, which sort in their order."""
    return max(script.stem for script in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def is_current(url: str) -> bool:
    """Whether the database is at the revision that this code needs."""
    return current_revision(url) == head_revision()


def _revision(connection: Connection) -> str | None:
    with connection.begin():
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return revision


def _config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - loaded only when used

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite:
        engine = create_engine(url.set(drivername="sqlite"), poolclass=NullPool, connect_args={"isolation_level": None})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin)
    else:
        engine = create_engine(url, poolclass=NullPool, connect_args={"application_name": "anyon-migrate"})
    try:
        connection = engine.connect()
    except OperationalError as error:
        raise StoreUnreachable from error
    with connection:
        yield connection


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Foreign keys stay off: rebuilding a table drops it, which would delete every row that refers to its rows."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Python's driver would begin before data changes only, and so leave half a migration behind."""
    connection.exec_driver_sql("BEGIN")


@contextmanager
def _locked(url: URL, seconds: float) -> Iterator[Connection]:
    if url.get_backend_name() == "sqlite":
        with _file_lock(Path(str(url.database)), seconds, SystemClock()), _connected(url) as connection:
            yield connection
            _check_references(connection)
    else:
        with _connected(url) as connection:
            _advisory_lock(connection, seconds)
            yield connection


@contextmanager
def _file_lock(database: Path, seconds: float, clock: Clock) -> Iterator[None]:
    """Beside the database, because SQLite's own lock ends with each migration's transaction."""
    os.close(os.open(database, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    lock = os.open(f"{database}.migration-lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    deadline = clock.monotonic() + seconds
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if clock.monotonic() >= deadline:
                    raise MigrationLocked(seconds=seconds) from None
                time.sleep(_PAUSE_SECONDS)
        yield
    finally:
        os.close(lock)


def _advisory_lock(connection: Connection, seconds: float) -> None:
    """Held by the connection, whatever transactions come and go in it; the server frees it when the connection ends."""
    with connection.begin():
        connection.execute(text(f"SET lock_timeout = '{int(seconds * 1000)}ms'"))
        try:
            connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": _POSTGRES_LOCK})
        except OperationalError as error:
            raise MigrationLocked(seconds=seconds) from error
        connection.execute(text("SET app.role = 'system'"))  # a backfill sees every row
        connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
        connection.execute(text(f"SET statement_timeout = '{_STATEMENT_TIMEOUT}'"))


def _check_references(connection: Connection) -> None:
    with connection.begin():
        broken = connection.execute(text("PRAGMA foreign_key_check")).all()
    if broken:
        raise MigrationBrokeReferences(count=len(broken))
