"""Accounts: who may log in, and the links by which they do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from anyon.auth import Auth
from anyon.clock import Clock
from anyon.domain.errors import AccountShut, AccountsNeedIsolation, LastAdministrator, ValueRefused
from anyon.model import UserRole
from anyon.runtime.protocol import Runtime
from anyon.settings import Settings
from anyon.store import NotFound, Store, UserRow

_EMAIL = re.compile(r"[^\s@<>\x00-\x1f]{1,64}@[^\s@<>\x00-\x1f]{1,189}")
ADMINISTRATOR_EMAIL = "admin@localhost"


class LoginLink(NamedTuple):
    """Logs in whoever opens it first."""

    url: str
    expires_at: datetime


@dataclass
class Accounts:
    store: Store
    runtime: Runtime
    auth: Auth
    settings: Settings
    clock: Clock

    async def create(self, actor: UUID | None, *, email: str, name: str, role: UserRole) -> UserRow:
        """A new account.

        Raises ValueRefused, AlreadyExists, and AccountsNeedIsolation for the second one on an unisolated host.
        """
        if not _EMAIL.fullmatch(email):
            raise ValueRefused(field="email", reason=f"{email!r} is no address.", fix="Give one like ada@example.org.")
        async with self.store.for_system() as session:
            if await session.count_enabled_users() >= 1 and not self._may_share():
                raise AccountsNeedIsolation
            user = await session.create_user(email=email, name=name, role=role)
            await session.append_audit("user.created", user.id, user_id=actor, detail={"email": user.email})
        return user

    async def change(
        self, actor: UUID | None, user_id: UUID, *, disabled: bool | None, role: UserRole | None
    ) -> UserRow:
        """Disable, enable, promote or demote. Raises NotFound, LastAdministrator, AccountsNeedIsolation."""
        async with self.store.for_system() as session:
            users = {user.id: user for user in await session.users()}
            user = users.get(user_id)
            if user is None:
                raise NotFound(kind="user", id=user_id)
            if disabled is True or role is UserRole.MEMBER:
                self._check_somebody_administers(users, user)
            if disabled is False and user.disabled_at is not None and not self._may_share():
                raise AccountsNeedIsolation
            if role is not None:
                user = await session.set_user_role(user_id, role)
            if disabled is not None:
                user = await (session.disable_user(user_id) if disabled else session.enable_user(user_id))
            await session.append_audit(
                "user.changed", user_id, user_id=actor, detail={"disabled": disabled, "role": role and role.value}
            )
        return user

    @staticmethod
    def _check_somebody_administers(users: dict[UUID, UserRow], leaving: UserRow) -> None:
        left = [
            user
            for user in users.values()
            if user.id != leaving.id and user.role is UserRole.ADMIN and user.disabled_at is None
        ]
        if leaving.role is UserRole.ADMIN and not left:
            raise LastAdministrator

    def _may_share(self) -> bool:
        return self.runtime.isolated or self.settings.allow_unisolated_accounts

    async def administrator(self) -> UserRow:
        """The first administrator; made when there is no account yet."""
        async with self.store.for_system() as session:
            for user in await session.users():
                if user.role is UserRole.ADMIN and user.disabled_at is None:
                    return user
            made = await session.create_user(email=ADMINISTRATOR_EMAIL, name="Administrator", role=UserRole.ADMIN)
            await session.append_audit("user.created", made.id, detail={"email": made.email})
        return made

    async def link(self, user_id: UUID, actor: UUID | None = None) -> LoginLink:
        """A new one-time login link for the account. Raises NotFound, AccountShut."""
        async with self.store.for_system() as session:
            user = await session.user(user_id)
            if user is None:
                raise NotFound(kind="account", id=user_id)
            if user.disabled_at is not None:
                raise AccountShut(email=user.email)
            await session.append_audit("link.created", user_id, user_id=actor)
        token = await self.auth.links.create(user_id)
        # The fragment stays in the browser: no log of a server or proxy sees the token.
        url = f"{self.settings.origin}/login#token={token}"
        return LoginLink(url, self.clock.now() + timedelta(minutes=self.settings.login_link_minutes))

    async def is_logged_in(self, user_id: UUID) -> bool:
        """Whether the account has a browser session that still counts."""
        async with self.store.for_user(user_id, read_only=True) as session:
            return bool(await session.sessions.list())
