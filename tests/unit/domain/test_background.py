"""Background jobs: owned, ended, and never silent."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from anyon.domain.background import Background


async def test_leaving_cancels_every_job_and_waits_for_its_cleanup() -> None:
    cleaned = []

    async def job(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(number)

    async with Background() as background:
        for number in range(3):
            background.start("job", job(number))
        await asyncio.sleep(0)
    assert sorted(cleaned) == [0, 1, 2]


async def test_a_job_that_fails_is_logged_with_its_name_and_disturbs_nobody() -> None:
    async def fails() -> None:
        raise RuntimeError("broken")

    with structlog.testing.capture_logs() as logs:
        async with Background() as background:
            background.start("fragile", fails())
            await background.idle()
    assert [(entry["event"], entry["job"]) for entry in logs] == [("background job failed", "fragile")]


async def test_a_job_that_cleanup_starts_is_refused() -> None:
    background = Background()
    await background.close()

    async def job() -> None:
        raise AssertionError("it must not run")

    with pytest.raises(RuntimeError, match="stopping"):
        background.start("late", job())


async def test_idle_returns_when_the_last_job_has_ended() -> None:
    ended = []

    async def second() -> None:
        ended.append(2)

    async with Background() as background:

        async def first() -> None:
            background.start("second", second())
            ended.append(1)

        background.start("first", first())
        await background.idle()
    assert ended == [1, 2]
