"""What belongs to one user: account, sessions, tokens, credentials."""

from __future__ import annotations

from datetime import timedelta

import pytest

from anyon.clock import ManualClock
from anyon.ids import new_id
from anyon.store import NotFound, Store
from tests.store.conftest import People

DAY = timedelta(days=1)


async def test_an_account_is_found_by_its_own_user_only(store: Store, people: People) -> None:
    async with store.for_user(people.ann.id, read_only=True) as session:
        assert await session.account.get() == people.ann
    async with store.for_user(new_id(), read_only=True) as session:
        with pytest.raises(NotFound, match="no user"):
            await session.account.get()


async def test_sessions_that_are_over_or_revoked_are_not_listed(
    store: Store, people: People, clock: ManualClock
) -> None:
    async with store.for_system() as system:
        short, kept, gone = [
            await system.create_session(
                user_id=people.ann.id,
                token_hash=bytes([number]) * 32,
                user_agent="x",
                expires_at=clock.now() + DAY * number,
            )
            for number in (1, 2, 3)
        ]
    clock.advance(DAY.total_seconds())
    async with store.for_user(people.ann.id) as session:
        await session.sessions.revoke(gone.id)
        await session.sessions.revoke(gone.id)
        assert await session.sessions.list() == [kept]
    async with store.for_user(people.oda.id) as session:
        assert await session.sessions.list() == []
        with pytest.raises(NotFound, match="no session"):
            await session.sessions.revoke(kept.id)
    assert short != kept


async def test_a_token_is_listed_until_it_is_revoked(store: Store, people: People, clock: ManualClock) -> None:
    async with store.for_user(people.ann.id) as session:
        token = await session.tokens.create(token_id=new_id(), name="ci", expires_at=clock.now() + DAY)
        assert await session.tokens.list() == [token]
    async with store.for_user(people.oda.id) as session:
        with pytest.raises(NotFound, match="no token"):
            await session.tokens.revoke(token.id)
    async with store.for_user(people.ann.id) as session:
        await session.tokens.revoke(token.id)
        assert await session.tokens.list() == []
    async with store.for_system(read_only=True) as system:
        found = await system.bearer(people.ann.id, token.id)
    assert found is not None
    assert found[1] is not None
    assert found[1].revoked_at == clock.now()


async def test_a_credential_replaces_the_one_of_the_same_name(store: Store, people: People, clock: ManualClock) -> None:
    async with store.for_user(people.ann.id) as session:
        first = await session.secrets.put(name="API_KEY", ciphertext=b"\x00one", key_version=1)
        clock.advance(5)
        second = await session.secrets.put(name="API_KEY", ciphertext=b"\xfftwo", key_version=2)
        other = await session.secrets.put(name="Z_TOKEN", ciphertext=b"", key_version=2)
        assert await session.secrets.list() == [second, other]
    assert (second.id, second.created_at, second.ciphertext) == (first.id, first.created_at, b"\xfftwo")
    assert second.updated_at == clock.now()


async def test_credentials_of_the_same_name_belong_to_each_user_apart(store: Store, people: People) -> None:
    for user in (people.ann, people.oda):
        async with store.for_user(user.id) as session:
            await session.secrets.put(name="KEY", ciphertext=user.name.encode(), key_version=1)
    async with store.for_user(people.ann.id) as session:
        await session.secrets.delete("KEY")
        with pytest.raises(NotFound, match="no secret KEY"):
            await session.secrets.delete("KEY")
    async with store.for_user(people.oda.id, read_only=True) as session:
        assert [row.ciphertext for row in await session.secrets.list()] == [b"Oda"]
