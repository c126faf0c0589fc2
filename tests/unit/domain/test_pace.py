"""A pace: some at once, the next when it is time, and nobody waits without need."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from anyon.domain.pace import Pace


async def test_who_comes_too_early_waits_until_the_first_of_the_last_few_is_long_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, waits = 1000.0, []

    async def sleep(seconds: float) -> None:
        nonlocal now
        waits.append(round(seconds, 6))
        now += max(0.0, seconds)

    loop: Any = asyncio.get_running_loop()
    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "sleep", sleep)
        patched.setattr(loop, "time", lambda: now)
        pace = Pace(3, 10.0)
        for _ in range(3):
            await pace.turn()
        assert waits == []
        now += 5
        await pace.turn()
        assert waits == [25.0]
        now += 100
        await pace.turn()
    assert all(seconds <= 0 for seconds in waits[1:])
