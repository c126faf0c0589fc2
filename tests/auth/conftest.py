"""A store with one account, and authentication wired to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from anyon.auth import Auth
from anyon.clock import ManualClock
from anyon.model import UserRole
from anyon.settings import Settings
from anyon.store import Store, UserRow
from anyon.store.migrate import migrate


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    url = f"sqlite:///{tmp_path / 'anyon.db'}"
    migrate(url)
    store = await Store.open(url, clock=clock)
    yield store
    await store.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def auth(settings: Settings, store: Store, clock: ManualClock) -> Auth:
    return Auth.open(settings, store, clock)


@pytest.fixture
async def ann(store: Store) -> UserRow:
    async with store.for_system() as system:
        return await system.create_user(email="ann@example.com", name="Ann", role=UserRole.ADMIN)
