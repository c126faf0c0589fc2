"""Fixtures of the infrastructure tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from anyon.settings import Settings
from infra.config.local import DatabaseEngine, LocalConfig
from infra.local import commands
from infra.local.plan import LocalPlan, plan_of
from tests.fixtures.postgres import empty_postgres_url, postgres_server
from tests.infra.checkout import STANDIN

__all__ = ["empty_postgres_url", "postgres_server"]


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


@pytest.fixture
def local_config(tmp_path: Path, port: int) -> LocalConfig:
    """A platform in the test's folder whose service is the stand-in."""
    data = tmp_path / "data"
    return LocalConfig(
        root=tmp_path,
        data_dir=data,
        settings=Settings(data_dir=data, host="127.0.0.1", port=port),
        database=DatabaseEngine.SQLITE,
        database_url=None,
        protect_data=False,
        start_seconds=20,
        release="first",
        program=STANDIN,
    )


@pytest.fixture
def plan(local_config: LocalConfig) -> Iterator[LocalPlan]:
    """What the test may start; nothing of it is left afterwards."""
    plan = plan_of(local_config)
    yield plan
    commands.remove_without_engine(plan)
