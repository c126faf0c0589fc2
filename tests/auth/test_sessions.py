"""Browser sessions, login links, and which of cookie and header counts."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from anyon.auth import AccountDisabled, Auth, AuthError, LinkRefused, SessionOver, TokenInvalid
from anyon.clock import ManualClock
from anyon.store import Store, UserRow

DAY = 86400.0


async def test_a_session_proves_its_user(auth: Auth, ann: UserRow) -> None:
    token, row = await auth.sessions.start(ann.id, user_agent="Firefox")
    context = await auth.sessions.verify(token)
    assert (context.user_id, context.session_id, context.is_admin) == (ann.id, row.id, True)


async def test_a_session_lives_as_long_as_it_is_used(auth: Auth, ann: UserRow, clock: ManualClock) -> None:
    token, _ = await auth.sessions.start(ann.id, user_agent="")
    for _ in range(3):
        clock.advance(29 * DAY)
        await auth.sessions.verify(token)
    clock.advance(30 * DAY)
    with pytest.raises(SessionOver):
        await auth.sessions.verify(token)


async def test_use_within_a_minute_writes_nothing(auth: Auth, store: Store, ann: UserRow, clock: ManualClock) -> None:
    token, row = await auth.sessions.start(ann.id, user_agent="")
    clock.advance(60)
    await auth.sessions.verify(token)
    async with store.for_user(ann.id, read_only=True) as session:
        assert await session.sessions.list() == [row]


async def test_a_revoked_session_ends_at_once(auth: Auth, store: Store, ann: UserRow) -> None:
    token, row = await auth.sessions.start(ann.id, user_agent="")
    async with store.for_user(ann.id) as session:
        await session.sessions.revoke(row.id)
    with pytest.raises(SessionOver):
        await auth.sessions.verify(token)


async def test_an_unknown_cookie_is_over(auth: Auth) -> None:
    for cookie in ("x", "\ud800", "x" * 10_000):
        with pytest.raises(SessionOver):
            await auth.sessions.verify(cookie)


async def test_a_session_of_a_disabled_account_says_so(
    auth: Auth, store: Store, ann: UserRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with store.for_system() as system:
        await system.disable_user(ann.id)
    token, _ = await auth.sessions.start(ann.id, user_agent="")
    with pytest.raises(AccountDisabled):
        await auth.sessions.verify(token)


async def test_neither_cookie_nor_link_is_in_the_database(
    auth: Auth, store: Store, ann: UserRow, tmp_path: Path
) -> None:
    cookie, _ = await auth.sessions.start(ann.id, user_agent="")
    link = await auth.links.create(ann.id)
    content = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("anyon.db*")))  # noqa: ASYNC240 - a test may wait
    assert b"ann@example.com" in content
    assert cookie.encode() not in content
    assert link.encode() not in content


async def test_a_link_lets_in_once(auth: Auth, ann: UserRow) -> None:
    link = await auth.links.create(ann.id)
    outcomes = await asyncio.gather(*(auth.links.redeem(link) for _ in range(4)), return_exceptions=True)
    assert [outcome for outcome in outcomes if not isinstance(outcome, LinkRefused)] == [ann]


async def test_a_link_is_void_after_an_hour(auth: Auth, ann: UserRow, clock: ManualClock) -> None:
    link = await auth.links.create(ann.id)
    clock.advance(timedelta(hours=1).total_seconds())
    with pytest.raises(LinkRefused):
        await auth.links.redeem(link)


async def test_a_guessed_or_used_link_is_refused_without_waiting_for_whoever_writes(
    auth: Auth, store: Store, ann: UserRow
) -> None:
    used = await auth.links.create(ann.id)
    await auth.links.redeem(used)
    async with store.for_system():
        for token in ("x" * 43, used, "\ud800"):
            with pytest.raises(LinkRefused):
                await auth.links.redeem(token)


async def test_the_header_counts_before_the_cookie(auth: Auth, ann: UserRow) -> None:
    cookie, _ = await auth.sessions.start(ann.id, user_agent="")
    token, _ = await auth.tokens.issue(ann.id, name="ci", lifetime=timedelta(days=1))
    by_cookie = await auth.authenticate(authorization=None, cookie=cookie)
    by_header = await auth.authenticate(authorization=f"Bearer {token}", cookie=cookie)
    assert by_cookie.session_id is not None
    assert by_header.session_id is None
    with pytest.raises(TokenInvalid):
        await auth.authenticate(authorization="Bearer x", cookie=cookie)


@pytest.mark.parametrize("cookie", [None, ""])
async def test_without_either_nobody_is_signed_in(cookie: str | None, auth: Auth) -> None:
    with pytest.raises(AuthError) as refusal:
        await auth.authenticate(authorization=None, cookie=cookie)
    assert (refusal.value.code, refusal.value.status_hint) == ("unauthenticated", 401)
