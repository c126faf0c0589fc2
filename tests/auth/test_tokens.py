"""Bearer tokens: what is accepted, and everything that is not."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings, strategies

from anyon.auth import AccountDisabled, Auth, AuthError, TokenExpired, TokenInvalid, TokenRevoked, UserContext
from anyon.auth.keys import load_keys
from anyon.auth.tokens import MAX_LENGTH, BearerTokens, bearer_token
from anyon.clock import ManualClock
from anyon.ids import new_id
from anyon.model import UserRole
from anyon.settings import Settings
from anyon.store import NotFound, Store, UserRow

DAY = timedelta(days=1)
NOBODY = "7d5f3c1e-0000-4000-8000-000000000000"


class Signer:
    """Signs tokens as somebody who shares the secret does; each keyword replaces a claim, None removes it."""

    def __init__(self, secret: str, clock: ManualClock, user: UserRow) -> None:
        self.secret = secret
        self._clock = clock
        self._user = user

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(self._clock.now().timestamp())
        claims = {"iss": "anyon", "aud": "anyon", "sub": str(self._user.id), "iat": now, "exp": now + 3600} | changes
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, *, key: Any = None, algorithm: str = "HS256", **changes: Any) -> str:
        return jwt.encode(self.claims(**changes), self.secret if key is None else key, algorithm=algorithm)


@pytest.fixture
def signer(auth: Auth, settings: Settings, clock: ManualClock, ann: UserRow) -> Signer:
    return Signer(load_keys(settings).jwt, clock, ann)


async def test_an_issued_token_proves_its_user(auth: Auth, ann: UserRow) -> None:
    token, row = await auth.tokens.issue(ann.id, name="ci", lifetime=DAY)
    assert await auth.tokens.verify(token) == UserContext(ann.id, "ann@example.com", "Ann", UserRole.ADMIN)
    assert jwt.decode(token, options={"verify_signature": False})["jti"] == str(row.id)


async def test_a_revoked_token_is_refused_at_once(auth: Auth, store: Store, ann: UserRow) -> None:
    token, row = await auth.tokens.issue(ann.id, name="ci", lifetime=DAY)
    other, _ = await auth.tokens.issue(ann.id, name="other", lifetime=DAY)
    async with store.for_user(ann.id) as session:
        await session.tokens.revoke(row.id)
    with pytest.raises(TokenRevoked):
        await auth.tokens.verify(token)
    assert (await auth.tokens.verify(other)).user_id == ann.id


async def test_a_token_expires_ten_seconds_late_and_not_later(auth: Auth, ann: UserRow, clock: ManualClock) -> None:
    token, _ = await auth.tokens.issue(ann.id, name="ci", lifetime=DAY)
    clock.advance(DAY.total_seconds() + 9)
    assert (await auth.tokens.verify(token)).user_id == ann.id
    clock.advance(1)
    with pytest.raises(TokenExpired):
        await auth.tokens.verify(token)


async def test_use_is_noted_at_most_once_a_minute(auth: Auth, store: Store, ann: UserRow, clock: ManualClock) -> None:
    token, row = await auth.tokens.issue(ann.id, name="ci", lifetime=DAY)
    noted = []
    for seconds in (0, 30, 31):
        clock.advance(seconds)
        await auth.tokens.verify(token)
        async with store.for_user(ann.id, read_only=True) as session:
            [row] = await session.tokens.list()
        assert row.last_used_at is not None
        noted.append((clock.now() - row.last_used_at).total_seconds())
    assert noted == [0, 30, 0]


async def test_a_disabled_account_gets_and_uses_no_token(auth: Auth, store: Store, ann: UserRow) -> None:
    token, _ = await auth.tokens.issue(ann.id, name="ci", lifetime=DAY)
    async with store.for_system() as system:
        await system.disable_user(ann.id)
    with pytest.raises(AccountDisabled):
        await auth.tokens.verify(token)
    with pytest.raises(AccountDisabled):
        await auth.tokens.issue(ann.id, name="ci", lifetime=DAY)
    with pytest.raises(NotFound):
        await auth.tokens.issue(new_id(), name="ci", lifetime=DAY)


async def test_tokens_from_before_an_account_was_disabled_stay_refused(
    auth: Auth, store: Store, ann: UserRow, signer: Signer, clock: ManualClock
) -> None:
    old, undated = signer.sign(), signer.sign(iat=None)
    clock.advance(1)
    async with store.for_system() as system:
        await system.disable_user(ann.id)
        await system.enable_user(ann.id)
    for token in (old, undated):
        with pytest.raises(TokenRevoked):
            await auth.tokens.verify(token)
    assert (await auth.tokens.verify(signer.sign())).user_id == ann.id


@pytest.mark.parametrize("changes", [{}, {"jti": NOBODY}, {"jti": "theirs-7"}, {"email": "x@y"}, {"iat": None}])
async def test_a_token_that_others_signed_with_the_secret_is_accepted(
    changes: dict[str, Any], auth: Auth, signer: Signer, ann: UserRow
) -> None:
    assert (await auth.tokens.verify(signer.sign(**changes))).user_id == ann.id


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "elsewhere"},
        {"iss": None},
        {"aud": "elsewhere"},
        {"aud": None},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e300},
        {"sub": None},
        {"sub": "ann"},
        {"sub": NOBODY},
        {"email": 7},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
        {"nbf": "later"},
        {"key": "another secret of more than 32 characters"},
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_part_is_refused(changes: dict[str, Any], auth: Auth, signer: Signer) -> None:
    with pytest.raises(TokenInvalid) as refusal:
        await auth.tokens.verify(signer.sign(**changes))
    assert str(refusal.value) == "The bearer token was not issued for this service"


async def test_the_algorithm_of_a_token_is_not_the_tokens_choice(auth: Auth, signer: Signer) -> None:
    unsigned = jwt.encode(signer.claims(), "", algorithm="none")
    with_our_signature = f"{unsigned.rsplit('.', 1)[0]}.{signer.sign().rsplit('.', 1)[1]}"
    by_key_pair = signer.sign(key=rsa.generate_private_key(65537, 2048), algorithm="RS256")
    for token in (unsigned, with_our_signature, by_key_pair):
        with pytest.raises(TokenInvalid):
            await auth.tokens.verify(token)


async def test_the_same_secret_under_another_algorithm_is_refused(
    store: Store, signer: Signer, clock: ManualClock, ann: UserRow
) -> None:
    secret = "s" * 64
    tokens = BearerTokens(store, clock, secret=secret, issuer="anyon", audience="anyon")
    assert (await tokens.verify(signer.sign(key=secret))).user_id == ann.id
    with pytest.raises(TokenInvalid):
        await tokens.verify(signer.sign(key=secret, algorithm="HS512"))


async def test_a_changed_payload_breaks_the_signature(auth: Auth, signer: Signer) -> None:
    header, payload, signature = signer.sign().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = base64.urlsafe_b64encode(json.dumps(claims | {"exp": 9_999_999_999}).encode()).decode().rstrip("=")
    with pytest.raises(TokenInvalid):
        await auth.tokens.verify(f"{header}.{forged}.{signature}")


async def test_an_endless_token_is_not_even_parsed(auth: Auth, signer: Signer) -> None:
    with pytest.raises(TokenInvalid):
        await auth.tokens.verify(signer.sign(note="x" * MAX_LENGTH))


@given(token=strategies.text(max_size=200))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_noise_is_no_token(auth: Auth, token: str) -> None:
    with pytest.raises(AuthError):
        auth.tokens.read(token)


@pytest.mark.parametrize(("header", "token"), [(None, None), ("Bearer abc", "abc"), ("bearer  abc ", "abc")])
def test_a_bearer_header_gives_its_token(header: str | None, token: str | None) -> None:
    assert bearer_token(header) == token


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YWxh", "abc"])
def test_any_other_authorization_header_is_refused(header: str) -> None:
    with pytest.raises(TokenInvalid):
        bearer_token(header)
