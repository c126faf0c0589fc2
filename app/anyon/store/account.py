"""What belongs to the user alone: the account, its sessions, its tokens and its encrypted credentials."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update

from anyon.ids import new_id
from anyon.store.access import Door, unless_set
from anyon.store.errors import NotFound
from anyon.store.rows import ApiTokenRow, SecretRow, SessionRow, UserRow
from anyon.store.tables import api_tokens, secrets, sessions, users

_ME = select(*users.c).where(users.c.id == bindparam("me"))


class Account:
    def __init__(self, door: Door) -> None:
        self._door = door

    async def get(self) -> UserRow:
        """The user's own row. Raises NotFound when the account does not exist."""
        record = await self._door.first(_ME)
        if record is None:
            raise NotFound(kind="user", id=self._door.user_id)
        return UserRow(*record)


class Sessions:
    """The user's browser sessions."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def list(self) -> list[SessionRow]:
        """Sessions that are neither revoked nor over, the last used first."""
        statement = (
            select(*sessions.c)
            .where(
                sessions.c.user_id == self._door.user_id,
                sessions.c.revoked_at.is_(None),
                sessions.c.expires_at > self._door.clock.now(),
            )
            .order_by(sessions.c.last_seen_at.desc(), sessions.c.id)
        )
        return [SessionRow(*record) for record in await self._door.all(statement)]

    async def revoke(self, key: UUID) -> None:
        """End the session at once; again is no error. Raises NotFound."""
        now = self._door.clock.now()
        statement = (
            update(sessions)
            .where(sessions.c.id == key, sessions.c.user_id == self._door.user_id)
            .values(revoked_at=unless_set(sessions.c.revoked_at, now))
            .returning(sessions.c.id)
        )
        if await self._door.write(statement) is None:
            raise NotFound(kind="session", id=key)


class Tokens:
    """The user's API tokens."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def create(self, *, token_id: UUID, name: str, expires_at: datetime) -> ApiTokenRow:
        """Record an issued token; `token_id` is its `jti`."""
        row = ApiTokenRow(
            id=token_id,
            user_id=self._door.user_id,
            name=name,
            created_at=self._door.clock.now(),
            expires_at=expires_at,
            last_used_at=None,
            revoked_at=None,
        )
        await self._door.add(api_tokens, asdict(row))
        return row

    async def list(self) -> list[ApiTokenRow]:
        """Tokens that are not revoked, expired ones included, the newest first."""
        statement = (
            select(*api_tokens.c)
            .where(api_tokens.c.user_id == self._door.user_id, api_tokens.c.revoked_at.is_(None))
            .order_by(api_tokens.c.created_at.desc(), api_tokens.c.id)
        )
        return [ApiTokenRow(*record) for record in await self._door.all(statement)]

    async def revoke(self, key: UUID) -> None:
        """Refuse the token from now on; again is no error. Raises NotFound."""
        statement = (
            update(api_tokens)
            .where(api_tokens.c.id == key, api_tokens.c.user_id == self._door.user_id)
            .values(revoked_at=unless_set(api_tokens.c.revoked_at, self._door.clock.now()))
            .returning(api_tokens.c.id)
        )
        if await self._door.write(statement) is None:
            raise NotFound(kind="token", id=key)


class Secrets:
    """The user's stored credentials, encrypted before they come here (`auth/box.py`)."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def list(self) -> list[SecretRow]:
        """All of them, by name."""
        statement = select(*secrets.c).where(secrets.c.user_id == self._door.user_id).order_by(secrets.c.name)
        return [SecretRow(*record) for record in await self._door.all(statement)]

    async def put(self, *, name: str, ciphertext: bytes, key_version: int) -> SecretRow:
        """Store under this name, in place of what was there."""
        now = self._door.clock.now()
        changing = {"ciphertext": ciphertext, "key_version": key_version, "updated_at": now}
        statement = (
            self._door.insert_into(secrets)
            .values(id=new_id(), user_id=self._door.user_id, name=name, created_at=now, **changing)
            .on_conflict_do_update(index_elements=[secrets.c.user_id, secrets.c.name], set_=changing)
            .returning(*secrets.c)
        )
        return SecretRow(*(await self._door.connection.execute(statement)).one())

    async def delete(self, name: str) -> None:
        """Forget the credential. Raises NotFound."""
        statement = (
            delete(secrets)
            .where(secrets.c.user_id == self._door.user_id, secrets.c.name == name)
            .returning(secrets.c.id)
        )
        if await self._door.write(statement) is None:
            raise NotFound(kind="secret", id=name)
