"""Background jobs: owned, ended, and never silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import structlog

from anyon.domain.background import Background
from anyon.store import NotFound


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


async def test_a_job_that_fails_for_a_known_reason_is_one_line_in_the_log() -> None:
    async def fails() -> None:
        raise NotFound(kind="execution", id="4711")

    with structlog.testing.capture_logs() as logs:
        async with Background() as background:
            background.start("fragile", fails())
            await background.idle()
    assert logs == [
        {
            "event": "background job failed",
            "job": "fragile",
            "reason": "There is no execution 4711",
            "log_level": "error",
        }
    ]


@pytest.mark.parametrize("first_fails", [False, True], ids=["ends", "fails"])
async def test_of_what_comes_while_a_job_runs_the_newest_is_done_after_it(first_fails: bool) -> None:
    done: list[str] = []
    begun, go = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        begun.set()
        await go.wait()
        done.append("first")
        if first_fails:
            raise NotFound(kind="execution", id="4711")

    def work(name: str) -> Callable[[], Coroutine[Any, Any, None]]:
        async def run() -> None:
            done.append(name)

        return run

    async with Background() as background:
        background.persist_one("settle", first)
        await begun.wait()
        for name in ("second", "third", "fourth"):
            background.persist_one("settle", work(name))
        background.persist_one("other", work("other"))
        assert len(background._jobs) == 2
        go.set()
        await background.idle()
        background.persist_one("settle", work("fifth"))
        await background.idle()
    assert done == ["other", "first", "fourth", "fifth"]


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
