"""Bearer tokens: HS256 JWTs with everything pinned that a verifier can pin (A2, X8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

import jwt

from anyon.auth.context import UserContext
from anyon.auth.errors import AccountDisabled, TokenExpired, TokenInvalid, TokenRevoked
from anyon.clock import Clock
from anyon.ids import new_id
from anyon.store import ApiTokenRow, Store, UserRow

ALGORITHM = "HS256"
LEEWAY = timedelta(seconds=10)
TOUCH_EVERY = timedelta(minutes=1)
MAX_LENGTH = 4096
_OPTIONS: Any = {
    "require": ["exp", "iss", "aud", "sub"],
    # The three instants are compared below, with the injected clock.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


@dataclass(frozen=True, slots=True)
class Claims:
    """A token that is genuine and in date; whether it is still wanted, only the store knows."""

    user_id: UUID
    token_id: UUID | None
    issued_at: datetime | None


REMEMBERED = 1024
"""Genuine tokens whose signature is not computed again; their dates and their standing are looked at every time."""


class BearerTokens:
    """Issues tokens that can be revoked at once, and verifies these and those that others sign with the same secret."""

    def __init__(self, store: Store, clock: Clock, *, secret: str, issuer: str, audience: str) -> None:
        self._store = store
        self._clock = clock
        self._secret = secret
        self._issuer = issuer
        self._audience = audience
        self._genuine = lru_cache(maxsize=REMEMBERED)(self._decode)

    async def issue(self, user_id: UUID, *, name: str, lifetime: timedelta) -> tuple[str, ApiTokenRow]:
        """A token for the user, shown this once, and its record. Raises NotFound, AccountDisabled."""
        async with self._store.for_user(user_id) as session:
            user = await session.account.get()
            if user.disabled_at is not None:
                raise AccountDisabled
            now = self._clock.now().replace(microsecond=0)
            row = await session.tokens.create(token_id=new_id(), name=name, expires_at=now + lifetime)
            await session.audit.append("token.created", row.id, detail={"name": name})
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),
            "email": user.email,
            "jti": str(row.id),
            "iat": now,
            "exp": row.expires_at,
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM), row

    async def verify(self, token: str) -> UserContext:
        """The user whom the token proves.

        A token without a `jti`, or with one that was not issued here, needs only a valid signature, dates and an
        account. Raises TokenInvalid, TokenExpired, TokenRevoked, AccountDisabled.
        """
        claims = self.read(token)
        async with self._store.for_system(read_only=True) as session:
            found = await session.bearer(claims.user_id, claims.token_id)
        if found is None:
            raise TokenInvalid
        user, row = found
        _check_still_wanted(claims, user, row)
        if row is not None:
            await self._touch(row)
        return UserContext(user.id, user.email, user.name, user.role)

    def read(self, token: str) -> Claims:
        """Check signature, algorithm, issuer, audience and dates. Raises TokenInvalid, TokenExpired."""
        if len(token) > MAX_LENGTH:
            raise TokenInvalid
        payload = self._genuine(token)
        now = self._clock.now()
        expires_at = _instant(payload, "exp")
        issued_at, not_before = _instant(payload, "iat"), _instant(payload, "nbf")
        if expires_at is None or any(start > now + LEEWAY for start in (issued_at, not_before) if start is not None):
            raise TokenInvalid
        if expires_at <= now - LEEWAY:
            raise TokenExpired
        if not isinstance(payload.get("email", ""), str):
            raise TokenInvalid
        user_id = _uuid(payload["sub"])
        if user_id is None:
            raise TokenInvalid
        return Claims(user_id, _uuid(payload.get("jti")), issued_at)

    def _decode(self, token: str) -> Mapping[str, Any]:
        try:
            payload: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                options=_OPTIONS,
            )
        except jwt.PyJWTError:
            raise TokenInvalid from None
        return MappingProxyType(payload)

    async def _touch(self, row: ApiTokenRow) -> None:
        stale = self._clock.now() - TOUCH_EVERY
        if row.last_used_at is None or row.last_used_at < stale:
            async with self._store.for_system() as session:
                await session.touch_token(row.id, used_before=stale)


def bearer_token(header: str | None) -> str | None:
    """The token of an Authorization header, None without one. Raises TokenInvalid for anything but `Bearer <token>`."""
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenInvalid
    return token.strip()


def _check_still_wanted(claims: Claims, user: UserRow, row: ApiTokenRow | None) -> None:
    if user.disabled_at is not None:
        raise AccountDisabled
    if row is not None and row.revoked_at is not None:
        raise TokenRevoked
    oldest = user.tokens_valid_after
    if oldest is not None and (claims.issued_at is None or claims.issued_at < oldest):
        raise TokenRevoked


def _instant(payload: Mapping[str, Any], claim: str) -> datetime | None:
    """A NumericDate; None when the claim is absent. Raises TokenInvalid for anything else."""
    value = payload.get(claim)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TokenInvalid
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise TokenInvalid from None


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
