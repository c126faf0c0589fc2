"""The door for login, sweep, reconcile and the administration of accounts: narrow methods, each with one purpose."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, Select, and_, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from anyon.clock import Clock
from anyon.ids import new_id
from anyon.model import AttemptState, ProjectState, TerminalState, UserRole, WorkspaceState
from anyon.store.access import Record, unless_set
from anyon.store.audit import entry
from anyon.store.errors import AlreadyExists, NotFound
from anyon.store.executions import LIVE
from anyon.store.rows import (
    ApiTokenRow,
    AttemptRow,
    Document,
    ExecutionRow,
    ProjectRow,
    SessionRow,
    TerminalRow,
    UserRow,
    WorkspaceRow,
)
from anyon.store.tables import (
    api_tokens,
    attempts,
    audit,
    executions,
    login_links,
    projects,
    sessions,
    terminals,
    users,
    workspaces,
)

_USER = len(users.c)
UNFINISHED = frozenset({AttemptState.QUEUED, AttemptState.STARTING, AttemptState.RUNNING, AttemptState.FINISHING})


class SystemSession:
    """One transaction that belongs to no user; `Store.for_system()` makes it."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    # Accounts

    async def create_user(self, *, email: str, name: str, role: UserRole) -> UserRow:
        """A new account; the email is stored in lower case. Raises AlreadyExists."""
        row = UserRow(new_id(), email.strip().lower(), name, role, self._clock.now(), None, None)
        statement = insert(users).values(
            id=row.id, email=row.email, name=row.name, role=row.role, created_at=row.created_at
        )
        try:
            async with self._connection.begin_nested():
                await self._connection.execute(statement)
        except IntegrityError:
            raise AlreadyExists(kind="account", name=row.email) from None
        return row

    async def user(self, user_id: UUID) -> UserRow | None:
        """The account, disabled ones included."""
        record = await self._first(select(*users.c).where(users.c.id == user_id))
        return None if record is None else UserRow(*record)

    async def user_by_email(self, email: str) -> UserRow | None:
        """The account, disabled ones included; upper and lower case are the same."""
        record = await self._first(select(*users.c).where(users.c.email == email.strip().lower()))
        return None if record is None else UserRow(*record)

    async def users(self) -> list[UserRow]:
        """Every account, by email."""
        return [UserRow(*record) for record in await self._all(select(*users.c).order_by(users.c.email))]

    async def count_enabled_users(self) -> int:
        """Accounts that can log in."""
        statement = select(func.count()).select_from(users).where(users.c.disabled_at.is_(None))
        number: int = (await self._connection.execute(statement)).scalar_one()
        return number

    async def set_user_role(self, user_id: UUID, role: UserRole) -> UserRow:
        """Raises NotFound."""
        return await self._change_user(user_id, role=role)

    async def disable_user(self, user_id: UUID) -> UserRow:
        """Refuse the account: its sessions, links and bearer tokens so far stop working. Raises NotFound."""
        now = self._clock.now()
        row = await self._change_user(user_id, disabled_at=unless_set(users.c.disabled_at, now), tokens_valid_after=now)
        for table, column in (
            (sessions, sessions.c.revoked_at),
            (api_tokens, api_tokens.c.revoked_at),
            (login_links, login_links.c.used_at),
        ):
            await self._connection.execute(
                update(table).where(table.c.user_id == user_id, column.is_(None)).values({column: now})
            )
        return row

    async def enable_user(self, user_id: UUID) -> UserRow:
        """Let the account in again; what disabling ended stays ended. Raises NotFound."""
        return await self._change_user(user_id, disabled_at=None)

    # Login

    async def create_login_link(self, *, user_id: UUID, token_hash: bytes, expires_at: datetime) -> UUID:
        """Record a link that logs `user_id` in once; its id."""
        link_id = new_id()
        statement = insert(login_links).values(
            id=link_id, user_id=user_id, token_hash=token_hash, created_at=self._clock.now(), expires_at=expires_at
        )
        await self._connection.execute(statement)
        return link_id

    async def login_link_is_good(self, token_hash: bytes) -> bool:
        """Whether `consume_login_link` would find the link: a look that keeps no writer waiting."""
        statement = select(login_links.c.id).where(self._good_link(token_hash))
        return await self._first(statement) is not None

    async def consume_login_link(self, token_hash: bytes) -> UserRow | None:
        """Use the link up: its account, or None when it is unknown, used or over, or the account is disabled.

        One UPDATE decides, so that of two callers at once only one gets the account.
        """
        statement = (
            update(login_links)
            .where(self._good_link(token_hash))
            .values(used_at=self._clock.now())
            .returning(login_links.c.user_id)
        )
        record = await self._first(statement)
        user = None if record is None else await self.user(record.user_id)
        return user if user is not None and user.disabled_at is None else None

    def _good_link(self, token_hash: bytes) -> ColumnElement[bool]:
        return and_(
            login_links.c.token_hash == token_hash,
            login_links.c.used_at.is_(None),
            login_links.c.expires_at > self._clock.now(),
        )

    async def create_session(
        self, *, user_id: UUID, token_hash: bytes, user_agent: str, expires_at: datetime
    ) -> SessionRow:
        """Record a browser session."""
        now = self._clock.now()
        row = SessionRow(new_id(), user_id, token_hash, user_agent[:400], now, now, expires_at, None)
        statement = insert(sessions).values(
            id=row.id,
            user_id=user_id,
            token_hash=token_hash,
            user_agent=row.user_agent,
            created_at=now,
            last_seen_at=now,
            expires_at=expires_at,
        )
        await self._connection.execute(statement)
        return row

    async def session_by_token_hash(self, token_hash: bytes) -> tuple[UserRow, SessionRow] | None:
        """The session with its account, in whatever state either is: one statement."""
        record = await self._first(_SESSION, token_hash=token_hash)
        return None if record is None else (UserRow(*record[:_USER]), SessionRow(*record[_USER:]))

    async def touch_session(self, session_id: UUID, *, seen_before: datetime, expires_at: datetime) -> None:
        """Note that the session was used now and lives until `expires_at`, unless it was noted since `seen_before`."""
        statement = (
            update(sessions)
            .where(sessions.c.id == session_id, sessions.c.last_seen_at < seen_before, sessions.c.revoked_at.is_(None))
            .values(last_seen_at=self._clock.now(), expires_at=expires_at)
        )
        await self._connection.execute(statement)

    async def bearer(self, user_id: UUID, token_id: UUID | None) -> tuple[UserRow, ApiTokenRow | None] | None:
        """The account that a bearer token names and the token's own row, if it has one: one statement."""
        record = await self._first(_BEARER, user=user_id, token=token_id)
        if record is None:
            return None
        token = record[_USER:]
        return UserRow(*record[:_USER]), ApiTokenRow(*token) if token[0] is not None else None

    async def touch_token(self, token_id: UUID, *, used_before: datetime) -> None:
        """Note that the token was used now, unless that was noted since `used_before`."""
        stale = api_tokens.c.last_used_at.is_(None) | (api_tokens.c.last_used_at < used_before)
        statement = update(api_tokens).where(api_tokens.c.id == token_id, stale).values(last_used_at=self._clock.now())
        await self._connection.execute(statement)

    # Sweep and reconcile

    async def owner_of(self, project_id: UUID) -> UUID:
        """The user in whose name background work on the project is written. Raises NotFound."""
        record = await self._first(select(projects.c.user_id).where(projects.c.id == project_id))
        if record is None:
            raise NotFound(kind="project", id=project_id)
        owner: UUID = record.user_id
        return owner

    async def unsettled_projects(self) -> list[ProjectRow]:
        """Projects whose creation or deletion did not end."""
        unsettled = sorted({ProjectState.CREATING, ProjectState.DELETING})
        statement = select(*projects.c).where(projects.c.state.in_(unsettled)).order_by(projects.c.created_at)
        return [ProjectRow(*record) for record in await self._all(statement)]

    async def workspaces(self) -> list[WorkspaceRow]:
        """Workspaces that are not stopped."""
        statement = select(*workspaces.c).where(workspaces.c.state != WorkspaceState.STOPPED)
        return [WorkspaceRow(*record) for record in await self._all(statement)]

    async def count_workspaces(self) -> dict[WorkspaceState, int]:
        """Workspaces per state; a state without any is missing."""
        statement = select(workspaces.c.state, func.count()).group_by(workspaces.c.state)
        return {record[0]: record[1] for record in await self._all(statement)}

    async def unfinished_attempts(self) -> list[AttemptRow]:
        """Attempts on which work goes on, the oldest first."""
        statement = select(*attempts.c).where(attempts.c.state.in_(sorted(UNFINISHED))).order_by(attempts.c.created_at)
        return [AttemptRow(*record) for record in await self._all(statement)]

    async def live_executions(self) -> list[ExecutionRow]:
        """Queued and running executions, the oldest first."""
        statement = select(*executions.c).where(executions.c.state.in_(sorted(LIVE))).order_by(executions.c.created_at)
        return [ExecutionRow(*record) for record in await self._all(statement)]

    async def open_terminals(self) -> list[TerminalRow]:
        """Open terminals, the oldest first."""
        statement = select(*terminals.c).where(terminals.c.state == TerminalState.OPEN).order_by(terminals.c.created_at)
        return [TerminalRow(*record) for record in await self._all(statement)]

    async def append_audit(
        self,
        action: str,
        subject: object,
        *,
        user_id: UUID | None = None,
        project_id: UUID | None = None,
        detail: Document | None = None,
    ) -> None:
        """Record what the system did, or what `user_id` did before there was a session (a login)."""
        values = entry(self._clock.now(), user_id, project_id, action, subject, detail)
        await self._connection.execute(insert(audit), values)

    async def _change_user(self, user_id: UUID, **changes: Any) -> UserRow:
        record = await self._first(update(users).where(users.c.id == user_id).values(**changes).returning(*users.c))
        if record is None:
            raise NotFound(kind="user", id=user_id)
        return UserRow(*record)

    async def _first(self, statement: Executable, **values: Any) -> Record | None:
        return (await self._connection.execute(statement, values)).first()

    async def _all(self, statement: Executable) -> list[Record]:
        return list((await self._connection.execute(statement)).all())


# The two statements of every request are built once.
_SESSION: Select[Any] = (
    select(*users.c, *sessions.c)
    .join_from(users, sessions, sessions.c.user_id == users.c.id)
    .where(sessions.c.token_hash == bindparam("token_hash"))
)
_BEARER: Select[Any] = (
    select(*users.c, *api_tokens.c)
    .outerjoin_from(users, api_tokens, (api_tokens.c.user_id == users.c.id) & (api_tokens.c.id == bindparam("token")))
    .where(users.c.id == bindparam("user"))
)
