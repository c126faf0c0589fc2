"""An installation of its own for each fault, and the guard that nothing of it is left running."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.support import eventually
from tests.fixtures.installation import Installation
from tests.fixtures.postgres import (  # noqa: F401 - fixtures are found by name
    empty_postgres_url,
    postgres_server,
    postgres_template,
    postgres_url,
)
from tests.runtime.conftest import processes_in


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    """Started; the test may kill it and start it again."""
    made = Installation(tmp_path / "data")
    try:
        await made.start()
        yield made
    finally:
        await made.close()
    await eventually(lambda: processes_in(tmp_path) == [])  # what was killed may take a moment to be gone
