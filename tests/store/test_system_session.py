"""The system's door: accounts, login, and what sweep and reconcile look for."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from anyon.clock import ManualClock
from anyon.ids import new_id
from anyon.model import (
    AttemptState,
    ExecutionKind,
    ExecutionState,
    ProjectState,
    TerminalState,
    UserRole,
    WorkspaceState,
)
from anyon.store import AlreadyExists, NotFound, Store, UserRow
from tests.store.conftest import People

HOUR = timedelta(hours=1)
HASH = b"h" * 32


async def test_an_email_is_one_account_in_any_case(store: Store, people: People) -> None:
    async with store.for_system() as system:
        with pytest.raises(AlreadyExists, match=r"account ann@example\.com"):
            await system.create_user(email=" ANN@Example.com", name="Other", role=UserRole.ADMIN)
        assert await system.user_by_email("Ann@EXAMPLE.com ") == people.ann
        assert await system.user_by_email("nobody@example.com") is None
        assert await system.user(people.ann.id) == people.ann
        assert await system.user(new_id()) is None
        assert await system.users() == [people.ann, people.eve, people.oda, people.vic]


async def test_roles_and_disabling_change_an_account(store: Store, people: People, clock: ManualClock) -> None:
    async with store.for_system() as system:
        assert (await system.set_user_role(people.ann.id, UserRole.ADMIN)).role is UserRole.ADMIN
        assert await system.count_enabled_users() == 4
        first = await system.disable_user(people.ann.id)
        clock.advance(10)
        second = await system.disable_user(people.ann.id)
        assert await system.count_enabled_users() == 3
        enabled = await system.enable_user(people.ann.id)
        for change in (system.disable_user, system.enable_user):
            with pytest.raises(NotFound):
                await change(new_id())
    assert second.disabled_at == first.disabled_at
    assert (enabled.disabled_at, enabled.tokens_valid_after) == (None, clock.now())


async def test_disabling_ends_sessions_tokens_and_links_for_good(
    store: Store, people: People, clock: ManualClock
) -> None:
    ann = people.ann.id
    later = clock.now() + HOUR
    async with store.for_user(ann) as session:
        token = await session.tokens.create(token_id=new_id(), name="ci", expires_at=later)
    async with store.for_system() as system:
        await system.create_session(user_id=ann, token_hash=HASH, user_agent="x", expires_at=later)
        await system.create_session(
            user_id=people.eve.id, token_hash=HASH[::-1][:31] + b"e", user_agent="x", expires_at=later
        )
        await system.create_login_link(user_id=ann, token_hash=HASH, expires_at=later)
        await system.disable_user(ann)
        await system.enable_user(ann)
        found = await system.session_by_token_hash(HASH)
        bearer = await system.bearer(ann, token.id)
        assert await system.consume_login_link(HASH) is None
    assert found is not None
    assert found[1].revoked_at == clock.now()
    assert bearer is not None
    assert bearer[1] is not None
    assert bearer[1].revoked_at == clock.now()
    async with store.for_user(people.eve.id, read_only=True) as session:
        assert len(await session.sessions.list()) == 1


async def test_of_many_that_use_a_link_at_once_one_is_let_in(store: Store, people: People, clock: ManualClock) -> None:
    async with store.for_system() as system:
        await system.create_login_link(user_id=people.ann.id, token_hash=HASH, expires_at=clock.now() + HOUR)

    async def use() -> UserRow | None:
        async with store.for_system() as system:
            return await system.consume_login_link(HASH)

    outcomes = await asyncio.gather(*(use() for _ in range(6)))
    assert [outcome for outcome in outcomes if outcome] == [people.ann]


async def test_a_link_is_void_after_its_time_and_for_a_disabled_account(
    store: Store, people: People, clock: ManualClock
) -> None:
    async with store.for_system() as system:
        await system.create_login_link(user_id=people.ann.id, token_hash=HASH, expires_at=clock.now() + HOUR)
        await system.disable_user(people.vic.id)
        await system.create_login_link(user_id=people.vic.id, token_hash=HASH[1:] + b"v", expires_at=clock.now() + HOUR)
        assert await system.consume_login_link(HASH[1:] + b"v") is None
        assert await system.login_link_is_good(HASH)
        clock.advance(HOUR.total_seconds())
        assert not await system.login_link_is_good(HASH)
        assert await system.consume_login_link(HASH) is None
        assert await system.consume_login_link(b"x" * 32) is None


async def test_a_session_is_touched_only_when_it_was_not_lately(
    store: Store, people: People, clock: ManualClock
) -> None:
    async with store.for_system() as system:
        row = await system.create_session(
            user_id=people.ann.id, token_hash=HASH, user_agent="x" * 999, expires_at=clock.now() + HOUR
        )
        clock.advance(30)
        await system.touch_session(row.id, seen_before=row.last_seen_at, expires_at=clock.now() + HOUR)
        assert await system.session_by_token_hash(HASH) == (people.ann, row)
        await system.touch_session(row.id, seen_before=clock.now(), expires_at=clock.now() + HOUR)
        found = await system.session_by_token_hash(HASH)
        assert await system.session_by_token_hash(b"?" * 32) is None
    assert len(row.user_agent) == 400
    assert found is not None
    assert (found[1].last_seen_at, found[1].expires_at) == (clock.now(), clock.now() + HOUR)


async def test_a_token_is_touched_only_when_it_was_not_lately(store: Store, people: People, clock: ManualClock) -> None:
    async with store.for_user(people.ann.id) as session:
        token = await session.tokens.create(token_id=new_id(), name="ci", expires_at=clock.now() + HOUR)
    noted = []
    async with store.for_system() as system:
        for seconds in (0, 30, 61):
            clock.advance(seconds)
            await system.touch_token(token.id, used_before=clock.now() - timedelta(seconds=60))
            found = await system.bearer(people.ann.id, token.id)
            assert found is not None
            assert found[1] is not None
            noted.append((clock.now() - found[1].last_used_at).total_seconds() if found[1].last_used_at else None)
        assert await system.bearer(people.ann.id, None) == (people.ann, None)
        assert await system.bearer(people.oda.id, token.id) == (people.oda, None)
        assert await system.bearer(new_id(), token.id) is None
    assert noted == [0.0, 30.0, 0.0]


async def test_reconcile_finds_what_did_not_end(store: Store, people: People) -> None:
    shop, docs = people.project.id, people.odas.id
    async with store.for_user(people.ann.id) as session:
        await session.projects.transition(shop, from_states={ProjectState.CREATING}, to=ProjectState.READY)
        workspace = await session.workspaces.transition(
            shop, from_states={WorkspaceState.STOPPED}, to=WorkspaceState.RUNNING
        )
        task = await session.tasks.create(project_id=shop, title="t", description="")
        ended = await session.attempts.create(task.id, executor="shell")
        await session.attempts.transition(ended.id, from_states={AttemptState.QUEUED}, to=AttemptState.MERGED)
        attempt = await session.attempts.create(task.id, executor="shell")
        executions = [
            await session.executions.create(project_id=shop, executor="shell", kind=ExecutionKind.SCRIPT)
            for _ in range(2)
        ]
        await session.executions.transition(
            executions[0].id, from_states={ExecutionState.QUEUED}, to=ExecutionState.LOST
        )
        terminals = [await session.terminals.create(project_id=shop, title="t") for _ in range(2)]
        await session.terminals.transition(terminals[0].id, from_states={TerminalState.OPEN}, to=TerminalState.CLOSED)
    async with store.for_system(read_only=True) as system:
        assert await system.unsettled_projects() == [people.odas]
        assert await system.workspaces() == [workspace]
        assert await system.count_workspaces() == {WorkspaceState.RUNNING: 1, WorkspaceState.STOPPED: 1}
        assert await system.unfinished_attempts() == [attempt]
        assert await system.live_executions() == executions[1:]
        assert await system.open_terminals() == terminals[1:]
        assert await system.owner_of(docs) == people.oda.id
        with pytest.raises(NotFound):
            await system.owner_of(new_id())
