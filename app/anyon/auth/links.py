"""One-time login links."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from anyon.auth.errors import LinkRefused
from anyon.auth.hashing import token_hash
from anyon.clock import Clock
from anyon.ids import new_token
from anyon.store import Store, UserRow


class LoginLinks:
    """`lifetime`: a link that nobody used by then is void."""

    def __init__(self, store: Store, clock: Clock, *, lifetime: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._lifetime = lifetime

    async def create(self, user_id: UUID) -> str:
        """The token of a link that logs this user in once; shown this once, since only its hash is kept."""
        token = new_token()
        async with self._store.for_system() as session:
            await session.create_login_link(
                user_id=user_id, token_hash=token_hash(token), expires_at=self._clock.now() + self._lifetime
            )
        return token

    async def redeem(self, token: str) -> UserRow:
        """Use the link up: its account. Raises LinkRefused, for a guess without a turn at the database's one writer."""
        hashed = token_hash(token)
        async with self._store.for_system(read_only=True) as session:
            good = await session.login_link_is_good(hashed)
        if not good:
            raise LinkRefused
        async with self._store.for_system() as session:
            user = await session.consume_login_link(hashed)
        if user is None:
            raise LinkRefused
        return user
