"""What the service needs before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyon.composition import SchemaOutdated, running_services
from anyon.metrics import Metrics
from anyon.settings import Isolation, Settings


async def test_without_leave_to_migrate_an_outdated_schema_keeps_the_service_from_starting(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", migrate_on_start=False, isolation=Isolation.NONE)
    with pytest.raises(SchemaOutdated):
        async with running_services(settings, Metrics()):
            pytest.fail("it started")


async def test_without_leave_to_migrate_a_current_schema_is_enough(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", isolation=Isolation.NONE)
    async with running_services(settings, Metrics()):
        pass
    async with running_services(settings.model_copy(update={"migrate_on_start": False}), Metrics()) as services:
        await services.store.ping()
