"""Accounts: who may be let in, and who must stay."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from anyon.clock import ManualClock
from anyon.domain.accounts import ADMINISTRATOR_EMAIL
from anyon.domain.errors import AccountsNeedIsolation, LastAdministrator
from anyon.ids import new_id
from anyon.model import UserRole
from anyon.store import AlreadyExists, NotFound
from tests.unit.domain.conftest import World


async def test_a_link_logs_in_once_and_only_for_a_while(world: World, clock: ManualClock) -> None:
    accounts, auth = world.services.accounts, world.services.auth
    link = await accounts.link(world.user_id)
    assert link.expires_at == clock.now() + timedelta(minutes=60)
    token = re.fullmatch(r"http://127\.0\.0\.1:8080/login#token=([\w-]{43})", link.url)
    assert token is not None
    assert (await auth.links.redeem(token[1])).id == world.user_id
    with pytest.raises(auth_error("LinkRefused")):
        await auth.links.redeem(token[1])
    late = await accounts.link(world.user_id)
    clock.advance(3601)
    with pytest.raises(auth_error("LinkRefused")):
        await auth.links.redeem(late.url.partition("=")[2])


def auth_error(name: str) -> type[Exception]:
    import anyon.auth

    found: type[Exception] = getattr(anyon.auth, name)
    return found


async def test_the_last_administrator_can_neither_leave_nor_step_down(world: World) -> None:
    accounts = world.services.accounts
    with pytest.raises(LastAdministrator):
        await accounts.change(None, world.user_id, disabled=True, role=None)
    with pytest.raises(LastAdministrator):
        await accounts.change(None, world.user_id, disabled=None, role=UserRole.MEMBER)
    second = await accounts.create(None, email="eve@example.org", name="Eve", role=UserRole.ADMIN)
    assert (await accounts.change(second.id, world.user_id, disabled=True, role=None)).disabled_at is not None
    with pytest.raises(LastAdministrator):
        await accounts.change(None, second.id, disabled=True, role=None)
    assert (await accounts.change(None, world.user_id, disabled=False, role=UserRole.MEMBER)).disabled_at is None


async def test_an_email_is_taken_once(world: World) -> None:
    with pytest.raises(AlreadyExists):
        await world.services.accounts.create(None, email="ANN@example.org", name="Ann", role=UserRole.MEMBER)


async def test_nobody_cannot_be_changed_or_linked(world: World) -> None:
    with pytest.raises(NotFound):
        await world.services.accounts.change(None, new_id(), disabled=True, role=None)
    with pytest.raises(NotFound):
        await world.services.accounts.link(new_id())


async def test_on_a_host_without_isolation_the_second_account_waits_for_leave(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = world.services.accounts
    eve = await accounts.create(None, email="eve@example.org", name="Eve", role=UserRole.MEMBER)
    await accounts.change(None, eve.id, disabled=True, role=None)
    strict = accounts.settings.model_copy(update={"allow_unisolated_accounts": False})
    monkeypatch.setattr(accounts, "settings", strict)
    monkeypatch.setattr(type(world.services.runtime), "isolated", property(lambda _self: False))
    with pytest.raises(AccountsNeedIsolation):
        await accounts.create(None, email="vic@example.org", name="Vic", role=UserRole.MEMBER)
    with pytest.raises(AccountsNeedIsolation):
        await accounts.change(None, eve.id, disabled=False, role=None)
    monkeypatch.setattr(type(world.services.runtime), "isolated", property(lambda _self: True))
    await accounts.create(None, email="vic@example.org", name="Vic", role=UserRole.MEMBER)


async def test_the_administrator_is_found_before_one_is_made(world: World) -> None:
    assert (await world.services.accounts.administrator()).id == world.user_id
    async with world.services.store.for_system() as session:
        await session.set_user_role(world.user_id, UserRole.MEMBER)
    made = await world.services.accounts.administrator()
    assert (made.email, made.role) == (ADMINISTRATOR_EMAIL, UserRole.ADMIN)
    assert await world.services.accounts.is_logged_in(made.id) is False
    await world.services.auth.sessions.start(made.id, user_agent="")
    assert await world.services.accounts.is_logged_in(made.id) is True
