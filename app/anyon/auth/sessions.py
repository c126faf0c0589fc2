"""Browser sessions: a random cookie whose hash the store keeps, rolling for as long as it is used."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from anyon.auth.context import UserContext
from anyon.auth.errors import AccountDisabled, SessionOver
from anyon.auth.hashing import token_hash
from anyon.clock import Clock
from anyon.ids import new_token
from anyon.store import SessionRow, Store

TOUCH_EVERY = timedelta(minutes=1)
COOKIE = "anyon_session"
"""The cookie's name over http."""

SECURE_COOKIE = f"__Host-{COOKIE}"
"""Its name over https: browsers take it from this host only, over https, for every path; no other name can plant it."""


class BrowserSessions:
    """`lifetime`: a session ends after this long without use. `https`: how browsers reach the service."""

    def __init__(self, store: Store, clock: Clock, *, lifetime: timedelta, https: bool) -> None:
        self._store = store
        self._clock = clock
        self.lifetime = lifetime
        self.cookie = SECURE_COOKIE if https else COOKIE

    async def start(self, user_id: UUID, *, user_agent: str) -> tuple[str, SessionRow]:
        """A session after a login: the cookie's value, shown this once, and the record."""
        token = new_token()
        async with self._store.for_system() as session:
            row = await session.create_session(
                user_id=user_id,
                token_hash=token_hash(token),
                user_agent=user_agent,
                expires_at=self._clock.now() + self.lifetime,
            )
        return token, row

    async def verify(self, token: str) -> UserContext:
        """The user of the cookie; using it prolongs it. Raises SessionOver, AccountDisabled."""
        async with self._store.for_system(read_only=True) as session:
            found = await session.session_by_token_hash(token_hash(token))
        if found is None:
            raise SessionOver
        user, row = found
        now = self._clock.now()
        if row.revoked_at is not None or row.expires_at <= now:
            raise SessionOver
        if user.disabled_at is not None:
            raise AccountDisabled
        if row.last_seen_at < now - TOUCH_EVERY:
            async with self._store.for_system() as session:
                await session.touch_session(row.id, seen_before=now - TOUCH_EVERY, expires_at=now + self.lifetime)
        return UserContext(user.id, user.email, user.name, user.role, row.id)
